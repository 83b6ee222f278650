//! How a job ended, from what was seen of its steps.

use proto::outcome::Outcome;
use proto::record::{Ended, Exit, StopReason};
use proto::stage::{Failure, StageReport};
use proto::status::Transition;
use serde::{Deserialize, Serialize};

use crate::core::event::StepEnd;
use crate::core::step::StepKind;

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The outcome.
    pub outcome: Outcome,
    /// Milliseconds of monotonic time that the command ran, or the last step where it did not.
    pub duration_ms: Option<u64>,
    /// Bytes of output that were dropped.
    #[serde(default)]
    pub log_bytes_dropped: u64,
}

impl End {
    /// Whether only what comes after the command has failed.
    #[must_use]
    pub fn is_finalize_failure(&self) -> bool {
        matches!(self.outcome, Outcome::FinalizeFailed { .. })
    }
}

/// The end of a job with this outcome, as the shim saw its step.
pub(super) fn end(outcome: Outcome, exit: Option<&Exit>) -> End {
    End {
        outcome,
        duration_ms: exit.map(|exit| exit.duration_ms),
        log_bytes_dropped: exit.map_or(0, |exit| exit.log_bytes_dropped),
    }
}

/// Why a stage has not done its work; none if it has.
pub(super) fn failure(
    kind: StepKind,
    outcome: Outcome,
    report: Option<StageReport>,
) -> Option<String> {
    match (report, outcome) {
        (Some(StageReport::Failed(Failure { field, reason })), _) => {
            Some(format!("{field}: {reason}"))
        }
        (_, Outcome::Exited { code: 0 }) => None,
        (_, Outcome::StartFailed { reason, .. }) => Some(reason),
        (_, other) => Some(format!("its {} step {}", kind.name(), other.describe())),
    }
}

/// What the shim's facts mean.
pub(super) fn outcome_of(exit: &Exit, limit_secs: Option<u64>) -> Outcome {
    match (&exit.ended, exit.stop) {
        (Ended::StartFailed { reason, errno }, _) => Outcome::StartFailed {
            reason: reason.clone(),
            errno: *errno,
        },
        (Ended::Refused { reason, errno }, _) => Outcome::StartFailed {
            reason: reason.clone(),
            errno: Some(*errno),
        },
        (_, Some(stop)) => match stop.reason {
            StopReason::Limit => Outcome::TimedOut {
                limit_secs: limit_secs.unwrap_or(exit.duration_ms / 1000),
                killed: stop.killed,
            },
            StopReason::Silence => Outcome::FellSilent {
                killed: stop.killed,
            },
            StopReason::Request => Outcome::Canceled {
                killed: stop.killed,
            },
        },
        // A worker may have been killed, of which the command has made up for.
        (Ended::Exited { code: 0 }, None) => Outcome::Exited { code: 0 },
        (_, None) if exit.oom_killed => Outcome::OutOfMemory,
        (Ended::Exited { code }, None) => Outcome::Exited { code: *code },
        (Ended::Signaled { signal }, None) => Outcome::Signaled { signal: *signal },
    }
}

/// When a step ended, of which is heard now: the supervisor's time, where that can be. It may be
/// long ago, when no daemon was there, and its clock may have been another.
pub(super) fn seen_at(history: &[Transition], now: i64, end: &StepEnd) -> i64 {
    let last = history.last().map_or(now, |last| last.at);
    match end.at() {
        Some(at) if (last..now).contains(&at) => at,
        _ => now,
    }
}
