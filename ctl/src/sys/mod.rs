//! The layer below Rust's standard library: what it does not have, and what jobctl has to bring.

#[cfg(on_musl)]
mod musl;
pub mod slice;
