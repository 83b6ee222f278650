//! How a step or a job ended: the truth, or `Lost` with the reason.

use serde::{Deserialize, Serialize};

/// How a job ended. What cannot be known is `Lost`, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// The main process exited by itself with this code.
    Exited {
        /// The exit code, 0 to 255.
        code: i32,
    },
    /// The main process died of a signal that jobd did not send.
    Signaled {
        /// The signal's number.
        signal: i32,
    },
    /// The time limit ended it.
    TimedOut {
        /// The limit in seconds.
        limit_secs: u64,
        /// Whether the grace period ran out, so that the job had to be killed.
        killed: bool,
    },
    /// It gave no sign of life for as long as it had said, and was stopped.
    FellSilent {
        /// Whether the grace period ran out, so that the job had to be killed.
        killed: bool,
    },
    /// A cancel ended it.
    Canceled {
        /// Whether the grace period ran out, so that the job had to be killed.
        killed: bool,
    },
    /// The kernel killed it for want of memory.
    OutOfMemory,
    /// Its command could not be started.
    StartFailed {
        /// What was tried and why it failed, as a lowercase fragment.
        reason: String,
        /// The kernel's error number, where there was one.
        errno: Option<i32>,
    },
    /// Its command ended with success, and what it made could not be brought where it belongs.
    FinalizeFailed {
        /// What was tried and why it failed, as a lowercase fragment.
        reason: String,
    },
    /// What happened cannot be known.
    Lost {
        /// Why it cannot be known.
        reason: String,
    },
}

/// The exit code that tells a time limit, as `timeout(1)` has it.
pub const EXIT_TIMED_OUT: i32 = 124;
/// The exit code of our own errors, as `timeout(1)` and `env(1)` have it.
pub const EXIT_OWN_ERROR: i32 = 125;
/// The exit code of `jobd --background` when another daemon holds the state folder: it answers
/// already or soon will (`EX_TEMPFAIL` of sysexits.h).
pub const EXIT_HELD: i32 = 75;
/// The exit code of a command that was found but could not be started (POSIX shell).
pub const EXIT_NOT_EXECUTABLE: i32 = 126;
/// The exit code of a command that was not found (POSIX shell).
pub const EXIT_NOT_FOUND: i32 = 127;
/// What a shell adds to the number of the signal that ended a command.
pub const EXIT_SIGNAL_BASE: i32 = 128;

const ENOENT: i32 = 2;
const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

impl Outcome {
    /// The exit code with which a client that followed the job ends.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self {
            Outcome::Exited { code } => *code,
            Outcome::Signaled { signal } => EXIT_SIGNAL_BASE + signal,
            Outcome::TimedOut { .. } | Outcome::FellSilent { .. } => EXIT_TIMED_OUT,
            Outcome::Canceled { killed: false } => EXIT_SIGNAL_BASE + SIGTERM,
            Outcome::Canceled { killed: true } | Outcome::OutOfMemory => EXIT_SIGNAL_BASE + SIGKILL,
            Outcome::StartFailed {
                errno: Some(ENOENT),
                ..
            } => EXIT_NOT_FOUND,
            Outcome::StartFailed { .. } => EXIT_NOT_EXECUTABLE,
            Outcome::FinalizeFailed { .. } | Outcome::Lost { .. } => EXIT_OWN_ERROR,
        }
    }

    /// Whether the job did what it was asked to do: exit code 0, as Azure ML counts.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Outcome::Exited { code: 0 })
    }

    /// One sentence for a person.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Outcome::Exited { code: 0 } => "exited with code 0".into(),
            Outcome::Exited { code } => format!("exited with code {code}"),
            Outcome::Signaled { signal } => format!("was ended by signal {signal}"),
            Outcome::TimedOut { limit_secs, killed } => format!(
                "ran into its time limit of {limit_secs} s{}",
                if *killed {
                    " and was killed when the grace period was over"
                } else {
                    ""
                }
            ),
            Outcome::FellSilent { killed } => format!(
                "gave no sign of life for too long{}",
                if *killed {
                    " and was killed when the grace period was over"
                } else {
                    " and was stopped"
                }
            ),
            Outcome::Canceled { killed } => format!(
                "was canceled{}",
                if *killed {
                    " and killed when the grace period was over"
                } else {
                    ""
                }
            ),
            Outcome::OutOfMemory => "was killed by the kernel: out of memory".into(),
            Outcome::StartFailed { reason, .. } => format!("could not be started: {reason}"),
            Outcome::FinalizeFailed { reason } => format!("could not be finalized: {reason}"),
            Outcome::Lost { reason } => format!("was lost: {reason}"),
        }
    }
}

/// Azure ML's error document (`RootError` of the run history), as far as it has a meaning here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDocument {
    /// `UserError` or `ServiceError`, as Azure ML names them.
    pub code: String,
    /// What happened, for a person.
    pub message: String,
    /// The kind of outcome: a finer, stable code.
    pub target: String,
}

impl Outcome {
    /// The error document of a job with this outcome; none for success.
    #[must_use]
    pub fn error_document(&self) -> Option<ErrorDocument> {
        let (code, target) = match self {
            Outcome::Exited { code: 0 } => return None,
            Outcome::Exited { .. } => ("UserError", "NonZeroExit"),
            Outcome::Signaled { .. } => ("UserError", "Signaled"),
            Outcome::TimedOut { .. } => ("UserError", "TimedOut"),
            Outcome::FellSilent { .. } => ("UserError", "FellSilent"),
            Outcome::Canceled { .. } => ("UserError", "Canceled"),
            Outcome::OutOfMemory => ("UserError", "OutOfMemory"),
            Outcome::StartFailed { .. } => ("UserError", "StartFailed"),
            Outcome::FinalizeFailed { .. } => ("UserError", "FinalizeFailed"),
            Outcome::Lost { .. } => ("ServiceError", "Lost"),
        };
        Some(ErrorDocument {
            code: code.into(),
            message: format!("Execution failed. The job {}.", self.describe()),
            target: target.into(),
        })
    }
}
