//! The layer below Rust's standard library: what it does not have, and what jobctl has to bring.

#[cfg(on_musl)]
mod musl;
#[path = "../../../proto/sys/slice.rs"]
pub mod slice;
