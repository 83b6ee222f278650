//! Varlink's interface language (<https://varlink.org/Interface-Definition>).
