//! The methods of the socket: one parameter type each, tied to its reply by [`Method`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ApiError, ArchiveData, CreateData, JobSummary, JobView, ListData, ListEnvironments, ListedData,
    ListedEnvironments, RestoreData, ShowData, ShowEnvironment, ShownData, ShownEnvironment,
};
use crate::job::Override;

/// A method call as it stands on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// `interface.Method`.
    pub method: String,
    /// The method's parameters: an object.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub parameters: Value,
    /// The caller takes several replies.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// The caller takes no reply.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub oneway: bool,
}

/// A reply as it stands on the wire; an error reply has `error`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The reply's parameters: an object.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub parameters: Value,
    /// More replies to the same call follow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
    /// The error's full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A method: its name on the wire and the type of its reply.
pub trait Method: Serialize + DeserializeOwned {
    /// `interface.Method`.
    const NAME: &'static str;
    /// The reply's parameters.
    type Reply: Serialize + DeserializeOwned;
}

macro_rules! methods {
    ($($type:ident = $name:literal -> $reply:ty;)*) => {
        $(impl Method for $type {
            const NAME: &'static str = $name;
            type Reply = $reply;
        })*

        /// The closed set of methods.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Request {
            $(#[doc = $name] $type($type),)*
        }

        impl Request {
            /// Every method's name.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Reads a call.
            ///
            /// # Errors
            /// `MethodNotFound` or `InvalidParameter`.
            pub fn from_call(call: Call) -> Result<Request, ApiError> {
                match call.method.as_str() {
                    $($name => parameters(call.parameters).map(Request::$type),)*
                    _ => Err(ApiError::MethodNotFound { method: call.method }),
                }
            }
        }
    };
}

fn parameters<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    let value = if value.is_null() {
        Value::Object(serde_json::Map::new())
    } else {
        value
    };
    serde_json::from_value(value).map_err(|error| ApiError::InvalidParameter {
        parameter: error.to_string(),
    })
}

methods! {
    GetInfo = "org.varlink.service.GetInfo" -> Info;
    GetInterfaceDescription = "org.varlink.service.GetInterfaceDescription" -> InterfaceDescription;
    Submit = "io.jobd.Submit" -> Submitted;
    List = "io.jobd.List" -> Listed;
    Show = "io.jobd.Show" -> Shown;
    Watch = "io.jobd.Watch" -> Changed;
    Cancel = "io.jobd.Cancel" -> Canceling;
    Archive = "io.jobd.Archive" -> Empty;
    Restore = "io.jobd.Restore" -> Empty;
    Dump = "io.jobd.Dump" -> Dumped;
    CreateData = "io.jobd.CreateData" -> ShownData;
    ListData = "io.jobd.ListData" -> ListedData;
    ShowData = "io.jobd.ShowData" -> ShownData;
    ArchiveData = "io.jobd.ArchiveData" -> Empty;
    RestoreData = "io.jobd.RestoreData" -> Empty;
    Rerun = "io.jobd.Rerun" -> Rerunning;
    RetryFinalize = "io.jobd.RetryFinalize" -> Retrying;
    ListEnvironments = "io.jobd.ListEnvironments" -> ListedEnvironments;
    ShowEnvironment = "io.jobd.ShowEnvironment" -> ShownEnvironment;
    Status = "io.jobd.Status" -> StatusReply;
    Pause = "io.jobd.Pause" -> Empty;
    Resume = "io.jobd.Resume" -> Empty;
    Shutdown = "io.jobd.Shutdown" -> Empty;
}

/// A reply without parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// Describes the service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetInfo {}

/// The service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Who makes it.
    pub vendor: String,
    /// `jobd`.
    pub product: String,
    /// The release.
    pub version: String,
    /// Where to read more; may be empty.
    pub url: String,
    /// The interfaces served.
    pub interfaces: Vec<String>,
}

/// Asks for an interface's description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetInterfaceDescription {
    /// The interface's name.
    pub interface: String,
}

/// An interface's description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceDescription {
    /// In Varlink's own language.
    pub description: String,
}

/// Submits jobs: all or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submit {
    /// The jobs, in the order in which they are queued.
    pub jobs: Vec<Submission>,
}

/// One job to submit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The job file's text.
    pub yaml: String,
    /// The file's name, for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The folder against which its relative paths resolve; absolute.
    pub base_path: PathBuf,
    /// The experiment to use when the file names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment_name: Option<String>,
    /// Values that take the place of the file's, put in before it is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<Vec<Override>>,
}

/// The jobs that were accepted and are durable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// In the order of the submissions.
    pub jobs: Vec<SubmittedJob>,
}

/// A job that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedJob {
    /// The job's name.
    pub name: String,
    /// What has no effect on this machine, and other remarks.
    pub notes: Vec<String>,
}

/// Asks for a page of jobs, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// The page's size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<usize>,
    /// The `next_before` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// Only jobs in one of these statuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statuses: Option<Vec<crate::status::Status>>,
    /// Archived jobs too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_archived: Option<bool>,
    /// Archived jobs only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_only: Option<bool>,
}

/// A page of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Newest first.
    pub jobs: Vec<JobSummary>,
    /// Ask with this as `before` for the next page; none on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_before: Option<i64>,
}

/// Asks for a whole job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Show {
    /// A name, a unique prefix, or `@last`.
    pub name: String,
}

/// A whole job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// The job.
    pub job: JobView,
}

/// Follows jobs to their end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Names, unique prefixes, or `@last`.
    pub names: Vec<String>,
}

/// The status of a watched job, now or after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The job's full name.
    pub name: String,
    /// Its status.
    pub status: crate::status::Status,
    /// The exit code with which `jobctl run` ends; none while it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// How it ended, as a sentence fragment; none while it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The job's folder.
    pub job_path: PathBuf,
}

/// Asks for the end of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// A name, a unique prefix, or `@last`.
    pub name: String,
    /// Without a grace period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
}

/// The status after a cancel was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canceling {
    /// The job's full name.
    pub name: String,
    /// Its status now.
    pub status: crate::status::Status,
}

/// Hides an ended job from lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// A name, a unique prefix, or `@last`.
    pub name: String,
}

/// Shows an archived job in lists again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// A name, a unique prefix, or `@last`.
    pub name: String,
}

/// Asks for a job as an Azure ML job file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dump {
    /// A name, a unique prefix, or `@last`.
    pub name: String,
}

/// A job as an Azure ML job file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dumped {
    /// The file's text.
    pub yaml: String,
}

/// Runs a job again as a new one, with the code, data and environment that it used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rerun {
    /// A name, a unique prefix, or `@last`.
    pub name: String,
}

/// The new job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rerunning {
    /// It was accepted and is durable.
    pub job: SubmittedJob,
}

/// Finalizes a job once more whose command has done its work and whose finalization failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryFinalize {
    /// A name, a unique prefix, or `@last`.
    pub name: String,
}

/// The job that is finalized once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retrying {
    /// The job's full name.
    pub name: String,
}

/// Asks how the daemon does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {}

/// How the daemon does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusReply {
    /// The daemon's release.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Whether the queue is paused.
    pub paused: bool,
    /// How many jobs run at once.
    pub slots: usize,
    /// How many slots are taken.
    pub slots_used: usize,
    /// Jobs that wait.
    pub queued: usize,
    /// Jobs that run.
    pub running: usize,
    /// `socket`, `state`, `spool`, `configuration`, `log`.
    pub paths: BTreeMap<String, String>,
    /// The machine: CPUs, load, memory.
    pub machine: Value,
    /// What is weaker on this machine, and why.
    pub notes: Vec<String>,
}

/// Stops taking jobs from the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {}

/// Takes jobs from the queue again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {}

/// Ends the daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shutdown {}
