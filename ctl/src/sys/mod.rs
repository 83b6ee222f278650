//! The layer below Rust's standard library, where jobctl has to bring some of it.

mod musl;
