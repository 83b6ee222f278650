//! Snapshots of code by the real program: the harness plays the daemon's part, with an order on
//! standard input and a report on descriptor 3.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may panic anywhere"
)]

mod cache;
mod faults;
mod git;
mod harness;
mod hostile;
mod takes;
