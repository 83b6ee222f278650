//! The engine: one ordinary thread owns all state. It drains its inbox, steps the core for each
//! message, schedules, makes ONE commit, and only then carries out effects and answers callers:
//! a reply means durable.
//!
//! When a commit fails, the submissions in it are refused and forgotten; every other change is
//! kept and tried again until the disk takes it. Its effects and replies wait that long.

mod batch;
mod claim;
mod handle;
mod name;
mod registration;
mod run;
#[cfg(test)]
mod simulation;

pub use handle::{Candidate, Change, Handle, Input, Snapshot, SubmitAnswer, ended};
pub use run::{Engine, EngineError};
