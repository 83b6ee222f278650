//! The spool folder: job files that appear in it are admitted exactly once, refused ones move to
//! `rejected/` with the reason beside them. Nothing is ever silently dropped.
//!
//! `watch` wakes us (a hint), `scan` reads the folder (the truth), `admit` opens a file as if it
//! were hostile and settles it.

mod admit;
mod scan;
mod watch;

pub use admit::SpoolError;
pub use watch::{RESCAN_SECS, Spool};
