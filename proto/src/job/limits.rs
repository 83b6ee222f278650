//! `limits` and `queue_settings` (azureml.md §1.1): how long a job may run, and when it does.

use serde::{Deserialize, Serialize};

use super::field::Field;

/// A time limit's greatest value in seconds: ten years of 365 days.
pub const TIMEOUT_SECS_MAX: i64 = 10 * 365 * 86_400;

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

pub(super) const KEYS: &[&str] = &["timeout"];
pub(super) const QUEUE_KEYS: &[&str] = &["job_tier", "priority"];
pub(super) const TIERS: &[&str] = &["spot", "basic", "standard", "premium", "null"];
pub(super) const PRIORITIES: &[&str] = &["low", "medium", "high"];

impl Limits {
    /// Reads `limits`.
    pub(super) fn read(field: &Field<'_>) -> Option<Limits> {
        let fields = field.fields(KEYS)?;
        Some(Limits {
            timeout: fields.get("timeout").and_then(|timeout| seconds(&timeout)),
        })
    }
}

/// Seconds of a time limit. Azure ML's client lets 0 and negative numbers pass and then runs
/// without a limit; here they are refused (azureml.md §11).
pub(super) fn seconds(field: &Field<'_>) -> Option<u64> {
    let value = field.integer()?;
    if !(1..=TIMEOUT_SECS_MAX).contains(&value) {
        let message =
            format!("{value} seconds is not between 1 and {TIMEOUT_SECS_MAX} (ten years)");
        field.error("out-of-range", message, "leave the key out for no limit");
        return None;
    }
    u64::try_from(value).ok()
}

impl QueueSettings {
    /// Reads `queue_settings`.
    pub(super) fn read(field: &Field<'_>) -> Option<QueueSettings> {
        let fields = field.fields(QUEUE_KEYS)?;
        let tier = fields.get("job_tier");
        let tier = tier.and_then(|tier| tier.word(TIERS));
        let priority = fields
            .get("priority")
            .and_then(|priority| priority.word(PRIORITIES));
        let priority = priority.map(|word| match word {
            "low" => Priority::Low,
            "high" => Priority::High,
            _ => Priority::Medium,
        });
        Some(QueueSettings {
            job_tier: tier.map(str::to_owned),
            priority,
        })
    }
}
