//! The steps of a job's plan, and how far the one under way has come.

use serde::{Deserialize, Serialize};

/// What a step is for. A job is a plan of steps: prepare → command → finalize.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Makes code, inputs and environment ready; needs no slot.
    Prepare,
    /// Runs the job's command in a slot.
    Command,
    /// Brings what the command has made to where it belongs; needs no slot.
    Finalize,
}

impl StepKind {
    /// Every kind, in the order of a plan.
    pub const ALL: [StepKind; 3] = [StepKind::Prepare, StepKind::Command, StepKind::Finalize];

    /// The name in folders and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            StepKind::Prepare => "prepare",
            StepKind::Command => "command",
            StepKind::Finalize => "finalize",
        }
    }

    /// Whether it may be begun again where it is not known how it ended: a stage finds what it
    /// has done before, a command runs at most once.
    #[must_use]
    pub fn is_stage(self) -> bool {
        self != StepKind::Command
    }
}

/// One attempt at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepRef {
    /// Which step.
    pub kind: StepKind,
    /// Counts from 1; that of a command rises only when an attempt provably never ran.
    pub attempt: u32,
}

impl StepRef {
    /// The first attempt at a command.
    pub const FIRST_COMMAND: StepRef = StepRef {
        kind: StepKind::Command,
        attempt: 1,
    };
}

/// How far the step under way has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It may be started at any moment without another commit. This daemon has not started it.
    Granted,
    /// The same, and the end of another starts it: whether it runs is not known until that is
    /// told.
    InLine,
    /// It was granted to an earlier daemon, which may have started it.
    Unsure,
    /// The order to start it is durable; whether it runs is not known yet.
    Launching,
    /// Its shim has been let go.
    Running,
}

/// The step under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveStep {
    /// Which attempt at which step.
    pub step: StepRef,
    /// How far it has come.
    pub phase: Phase,
}

impl ActiveStep {
    /// Whether a start was ordered for certain.
    #[must_use]
    pub fn was_ordered(&self) -> bool {
        !self.is_granted() && self.phase != Phase::Unsure
    }

    /// Whether it may be started without another commit.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        matches!(self.phase, Phase::Granted | Phase::InLine)
    }
}
