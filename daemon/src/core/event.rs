//! What goes into the core and what comes out of it.

use std::path::PathBuf;
use std::sync::Arc;

use proto::api::ApiError;
use proto::job::CommandJob;
use proto::job::limits::Priority;
use proto::record::{Ended, Exit};
use proto::stage::StageReport;
use proto::status::Status;
use serde::{Deserialize, Serialize};

use super::job::{Job, JobId};
use super::pinned::Pinned;
use super::step::StepRef;

/// The two clocks, read at the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Microseconds since the Unix epoch: stamped on what people see, never compared.
    pub wall: i64,
    /// Milliseconds of `CLOCK_MONOTONIC`: what the core compares.
    pub mono_ms: u64,
}

/// Names a caller who waits for an answer; the engine knows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// A job as it was submitted: what is stored once and never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The job as the user wrote it.
    pub job: CommandJob,
    /// The folder against which its relative paths resolve.
    pub base_path: PathBuf,
    /// The experiment, decided at submission.
    pub experiment_name: String,
    /// The name of the user who submitted it.
    pub created_by: String,
    /// What has no effect on this machine, and other remarks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What a rerun must use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pinned>,
}

/// A valid job that asks to be admitted. Its name is free: the engine has looked.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// The job's name.
    pub name: String,
    /// Whose it is.
    pub uid: u32,
    /// Its priority.
    pub priority: Priority,
    /// Whether something must be prepared before it can run.
    pub prepares: bool,
    /// Whether what it makes must be brought somewhere.
    pub finalizes: bool,
    /// Its time limit in seconds.
    pub limit_secs: Option<u64>,
    /// The key under which the spool admits a file exactly once.
    pub spool_key: Option<String>,
    /// What is stored of it.
    pub definition: Arc<Definition>,
}

/// How a step came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepEnd {
    /// The shim's record.
    Exit(Exit),
    /// The shim's record, and what the stage reports.
    Staged(Exit, Box<StageReport>),
    /// It provably never ran.
    NeverRan,
    /// No record says that it ran, and none proves that it did not.
    Unproven(String),
    /// Its folder is not there: it was never made, or somebody removed it.
    NoFolder,
    /// It may have run, and how it ended cannot be known.
    Lost(String),
}

impl StepEnd {
    /// When, in microseconds since the Unix epoch, where it was seen.
    #[must_use]
    pub fn at(&self) -> Option<i64> {
        match self {
            StepEnd::Exit(exit) | StepEnd::Staged(exit, _) => Some(exit.at),
            StepEnd::NeverRan | StepEnd::Unproven(_) | StepEnd::NoFolder | StepEnd::Lost(_) => None,
        }
    }

    /// What a stage that came to its end has to report; none for one that failed, whose reason
    /// is the job's.
    #[must_use]
    pub fn report(&self) -> Option<Box<StageReport>> {
        match self {
            StepEnd::Staged(_, report) if !matches!(**report, StageReport::Failed(_)) => {
                Some(report.clone())
            }
            _ => None,
        }
    }

    /// Whether nothing ran because it could not be started, which may pass.
    #[must_use]
    pub fn is_no_start(&self) -> bool {
        match self {
            StepEnd::NeverRan | StepEnd::Unproven(_) | StepEnd::NoFolder => true,
            StepEnd::Exit(exit) | StepEnd::Staged(exit, _) => {
                matches!(exit.ended, Ended::Refused { .. })
            }
            StepEnd::Lost(_) => false,
        }
    }
}

/// What happened in the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Jobs ask to be admitted, all or none.
    Submit(Ticket, Vec<NewJob>),
    /// Somebody asks for the end of a job.
    Cancel(Ticket, JobId, Force),
    /// Somebody asks that an ended job be finalized once more; it is not alive.
    RetryFinalize(Ticket, Box<Job>),
    /// Somebody stops (true) or starts (false) the queue.
    Pause(Ticket, bool),
    /// A step's shim has been let go.
    Launched(JobId, StepRef),
    /// A step's shim could not be started; nothing ran.
    LaunchFailed(JobId, StepRef, String),
    /// A step has ended and no process of it is left.
    Ended(JobId, StepRef, StepEnd),
    /// A step's supervisor cannot be reached although it lives.
    Silent(JobId, StepRef, String),
    /// A step's supervisor is reached again.
    Heard(JobId, StepRef),
    /// Time has passed: see [`super::Core::wake_at`].
    Tick,
}

/// Whether a stop goes without a grace period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Force {
    /// TERM, grace, KILL.
    Grace,
    /// KILL at once.
    Now,
}

/// What a caller is told once everything before it is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The jobs are admitted, in the order in which they came.
    Submitted(Vec<JobId>),
    /// The job's status after a cancel was accepted.
    Canceling(Status),
    /// The job is not alive; its row tells how it ended.
    NotLive,
    /// Done.
    Done,
}

/// What the world is to do. Writes are committed before anything else is carried out.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Write: a new job.
    Insert(Job, NewJob),
    /// Write: the job's state.
    Update(Job),
    /// Write: what a step of the job has reported.
    Report(JobId, Box<StageReport>),
    /// Write: whether the queue is paused.
    SetPaused(bool),
    /// Make a step ready to be started. Idempotent by job, step and attempt.
    MakeReady(JobId, StepRef),
    /// Start a step. Idempotent by job, step and attempt.
    Launch(JobId, StepRef),
    /// Start a step before anything else: that it may begin is stored already.
    LaunchAtOnce(JobId, StepRef),
    /// Let the end of another start a step, after those that were told before it: that it may
    /// begin is stored already.
    LineUp(JobId, StepRef),
    /// Start a step that was told to line up, unless the end of another has.
    LetGo(JobId, StepRef),
    /// No end starts another step from now on.
    Disband,
    /// Stop a step. Idempotent.
    Stop(JobId, StepRef, Force),
    /// Tell a caller.
    Reply(Ticket, Result<Answer, ApiError>),
}
