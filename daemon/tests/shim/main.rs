//! The shim as a real program: the harness plays the daemon's part, the probe the command's.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may panic anywhere"
)]

mod contract;
mod ends;
mod harness;
mod isolation;
mod mounts;
mod output;
mod stages;
mod stops;
mod trees;
