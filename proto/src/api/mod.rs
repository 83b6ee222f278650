//! The socket's protocol: Varlink (<https://varlink.org>) over a Unix socket, interface `io.jobd`.
//!
//! `io.jobd.varlink` beside this file is the published description; a test checks it against
//! these types. The set of methods is closed: an unknown one is refused, nothing is reflected.

mod data;
mod environment;
mod error;
mod job;
mod method;

pub use crate::job::Override;
pub use data::{
    ArchiveData, CreateData, Data, ListData, ListedData, RestoreData, ShowData, ShownData,
};
pub use environment::{ListEnvironments, ListedEnvironments, ShowEnvironment, ShownEnvironment};
pub use error::ApiError;
pub use job::{CreationContext, JobSummary, JobView, Provenance};
pub use method::{
    Archive, Call, Cancel, Canceling, Changed, Dump, Dumped, Empty, GetInfo,
    GetInterfaceDescription, Info, InterfaceDescription, List, Listed, Method, Pause, Reply,
    Request, Rerun, Rerunning, Restore, Resume, RetryFinalize, Retrying, Show, Shown, Shutdown,
    Status, StatusReply, Submission, Submit, Submitted, SubmittedJob, Watch,
};

/// The interface's name.
pub const INTERFACE: &str = "io.jobd";
/// The interface's published description.
pub const DESCRIPTION: &str = include_str!("io.jobd.varlink");
/// The description of the standard service interface (<https://varlink.org/Service>).
pub const SERVICE_DESCRIPTION: &str = include_str!("org.varlink.service.varlink");
/// The most jobs in one `Submit`.
pub const SUBMIT_JOBS_MAX: usize = 10_000;
/// The most jobs in one page of `List`.
pub const LIST_JOBS_MAX: usize = 1_000;
/// The page of `List` when the caller names none, as `az ml job list` has it.
pub const LIST_JOBS_DEFAULT: usize = 50;
/// The most assets in one page of `ListData`.
pub const LIST_DATA_MAX: usize = 1_000;
/// The most environments and refused files in one page of `ListEnvironments`.
pub const LIST_ENVIRONMENTS_MAX: usize = 1_000;
/// Bytes of path, description and tags of an asset at most.
pub const DATA_BYTES_MAX: usize = 64 << 10;
/// The most names in one `Watch`.
pub const WATCH_NAMES_MAX: usize = 10_000;
