//! A job as clients see it: the attributes of Azure ML's `CommandJob` under their names, and
//! jobd's own beside them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::outcome::{ErrorDocument, Outcome};
use crate::stage::{FinalizeReport, PrepareReport};
use crate::status::{Status, Transition};

/// Who made a job, and when (Azure ML's `SystemData`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreationContext {
    /// RFC 3339, UTC.
    pub created_at: String,
    /// The user's name.
    pub created_by: String,
    /// Always `User` here.
    pub created_by_type: String,
    /// RFC 3339, UTC: the last change of status.
    pub last_modified_at: String,
}

/// One row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSummary {
    /// The job's name.
    pub name: String,
    /// The name for people.
    pub display_name: String,
    /// The experiment it belongs to.
    pub experiment_name: String,
    /// `command`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status.
    pub status: Status,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// RFC 3339, UTC: when the command began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// RFC 3339, UTC: when it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// The exit code with which `jobctl run` ends; none while it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Whether it is hidden from lists.
    pub archived: bool,
}

/// What ran, exactly, where something was prepared or finalized; and what cannot be told exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Its code, inputs and environment: digests, versions, places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<PrepareReport>,
    /// Its outputs, where they are now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finalized: Option<FinalizeReport>,
    /// Local data that the command reads where it is: input → path. It is not hashed, so nobody
    /// knows later whether it is what was read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub in_place: BTreeMap<String, PathBuf>,
}

/// A whole job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobView {
    /// The job's id in the form of an ARM id.
    pub id: String,
    /// The job's name.
    pub name: String,
    /// `command`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status.
    pub status: Status,
    /// The name for people; the name where the file gives none.
    pub display_name: String,
    /// The experiment it belongs to.
    pub experiment_name: String,
    /// As in the job file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// As in the job file.
    pub tags: Value,
    /// As in the job file.
    pub properties: Value,
    /// As in the job file.
    pub command: String,
    /// As in the job file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// As in the job file: a string or a map.
    pub environment: Value,
    /// As in the job file.
    pub environment_variables: Value,
    /// As in the job file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compute: Option<String>,
    /// As in the job file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Value>,
    /// As in the job file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Value>,
    /// As in the job file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Value>,
    /// As in the job file.
    pub inputs: Value,
    /// The outputs with the folders they are written to.
    pub outputs: Value,
    /// Service name → service; `Studio` is always there, as scripts expect.
    pub services: Value,
    /// As in the job file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Value>,
    /// As in the job file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_settings: Option<Value>,
    /// As in the job file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_job_name: Option<String>,
    /// Who made it, and when.
    pub creation_context: CreationContext,
    /// The folder against which the file's relative paths resolve.
    pub base_path: PathBuf,
    /// Log name, such as `user_logs/std_log.txt` → `file://` URL.
    pub log_files: BTreeMap<String, String>,
    /// MLflow parameters; empty here.
    pub parameters: BTreeMap<String, String>,
    /// Where to look at the job.
    pub studio_url: String,
    /// The job's folder: its working folder with `user_logs`, `outputs` and `logs`.
    pub job_path: PathBuf,
    /// RFC 3339, UTC: when the command began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// RFC 3339, UTC: when it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Milliseconds of monotonic time that the command ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Why its last start came to nothing, while it waits for the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_reason: Option<String>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The exit code with which `jobctl run` ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Azure ML's error document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDocument>,
    /// RFC 3339, UTC: when its folders, and with them its log, were given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pruned_at: Option<String>,
    /// What has no effect on this machine, and other remarks.
    pub notes: Vec<String>,
    /// The job whose code, data and environment it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<String>,
    /// What ran, exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Every status the job has had.
    pub history: Vec<Transition>,
    /// Whether it is hidden from lists.
    pub archived: bool,
    /// Bytes of output that were dropped past the log's cap.
    pub log_bytes_dropped: u64,
}
