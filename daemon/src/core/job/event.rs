//! What happens to a job, and what that leads to.

use proto::status::Status;

use crate::core::event::{Force, StepEnd};
use crate::core::step::StepRef;

/// What happens to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEvent {
    /// Its plan of steps is made.
    Planned,
    /// It may start its next step as soon as there is a slot, before anything else is stored.
    GrantedAhead,
    /// The end of another job starts its next step.
    LinedUp,
    /// It may start its next step.
    Granted,
    /// Its step's shim has been let go.
    Launched(StepRef),
    /// Its step's shim could not be started; nothing ran.
    LaunchFailed(StepRef, String),
    /// Its step has ended.
    Ended(StepRef, StepEnd),
    /// Its end is asked for.
    CancelAsked(Force),
    /// Its supervisor cannot be reached although it lives.
    Silent(StepRef, String),
    /// Its supervisor is reached again.
    Heard(StepRef),
    /// What it has made is to be brought where it belongs once more.
    RetryFinalize,
}

/// What a changed job needs done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Make the step ready to be started.
    MakeReady(StepRef),
    /// Start the step once that is stored.
    Launch(StepRef),
    /// Start the step: that it may begin is stored already.
    LaunchAtOnce(StepRef),
    /// Let the end of another start the step, after those that were told before it.
    LineUp(StepRef),
    /// Start the step unless the end of another has.
    LetGo(StepRef),
    /// Stop the step.
    Stop(StepRef, Force),
}

/// Why an event changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It speaks of a step that is not under way: late news, ignored.
    #[error("the step is not under way")]
    Stale,
    /// It has happened already.
    #[error("nothing to change")]
    NoChange,
    /// The status does not allow it.
    #[error("not allowed in status {0}")]
    BadStatus(Status),
}
