//! Where a job stands: what it waits for and what it holds. Nothing changes here.

use proto::status::Status;

use super::Job;
use crate::core::step::{Phase, StepKind};

impl Job {
    /// The step it waits to be granted.
    #[must_use]
    pub fn waits_for(&self) -> Option<StepKind> {
        match (self.status, self.active) {
            (Status::Starting | Status::Preparing, None) if self.prepares => {
                Some(StepKind::Prepare)
            }
            (Status::Queued, None) => Some(StepKind::Command),
            (Status::Finalizing, None) if self.pending.is_some() => Some(StepKind::Finalize),
            (Status::Queued, Some(active)) if active.is_granted() => Some(active.step.kind),
            _ => None,
        }
    }

    /// The step it holds a slot for.
    #[must_use]
    pub fn holds(&self) -> Option<StepKind> {
        let begun = self.active.filter(|active| !active.is_granted());
        begun.map(|active| active.step.kind)
    }

    /// Whether its next step may be started without another commit.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.active.is_some_and(|active| active.is_granted())
    }

    /// Whether the end of another may start its next step.
    #[must_use]
    pub fn is_in_line(&self) -> bool {
        self.waits_for().is_some() && self.may_have_begun()
    }

    /// Whether the end of another may have started its step already.
    #[must_use]
    pub fn may_have_begun(&self) -> bool {
        self.active
            .is_some_and(|active| active.phase == Phase::InLine)
    }
}
