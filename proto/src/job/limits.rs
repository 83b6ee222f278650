//! `limits` and `queue_settings` (azureml.md §1.1): how long a job may run, and when it does.

use serde::{Deserialize, Serialize};

/// The limits of a command job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds that the command may run; at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
}

/// Which job comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// After all others.
    Low,
    /// The default.
    #[default]
    Medium,
    /// Before all others.
    High,
}

/// How a job stands in the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSettings {
    /// `spot`, `basic`, `standard`, `premium`, or the string `null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_tier: Option<String>,
    /// The priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}
