//! How far a stage has come. The stage replaces the file at most a few times a second; clients
//! read it with their own rights.

use serde::{Deserialize, Serialize};

/// The file's path within the job's folder.
pub const PROGRESS_FILE: &str = "system_logs/progress.json";

/// One moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done, for people: `downloading inputs.data`.
    pub what: String,
    /// Bytes done.
    pub bytes: u64,
    /// Bytes in all; none while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_total: Option<u64>,
    /// Files done.
    pub files: u64,
    /// Files in all; none while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_total: Option<u64>,
    /// Bytes a second, lately.
    pub rate: u64,
    /// Seconds to go; none while that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_secs: Option<u64>,
}
