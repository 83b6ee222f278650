//! The only file that names a YAML library.
