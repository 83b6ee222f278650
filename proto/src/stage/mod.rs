//! What the daemon and `jobd-stage` tell each other. The order is the stage's standard input, the
//! report what it writes to descriptor 3; both are files of the step's folder, so neither side
//! needs the other to be alive. What is on its way is told to onlookers in a file of the job's
//! own folder.

mod environment;
mod order;
mod progress;
mod report;
mod settings;

pub use environment::{
    EnvironmentDetail, EnvironmentList, EnvironmentName, EnvironmentPick, EnvironmentRefusal,
    EnvironmentSummary,
};
pub use order::{
    Asset, FinalizeOrder, InputOrder, Others, OutputOrder, PrepareOrder, StageOrder, Work,
};
pub use progress::{PROGRESS_FILE, Progress};
pub use report::{
    CodeReport, EnvironmentReport, Failure, FinalizeReport, InputReport, Mount, OutputReport,
    PrepareReport, StageReport, Worker,
};
pub use settings::{Datastore, EnvironmentPolicy, StageSettings};

/// The name of the order in a step's folder.
pub const ORDER_FILE: &str = "order.json";
/// The name of the report in a step's folder.
pub const REPORT_FILE: &str = "report.json";
/// The descriptor that the report is written to.
pub const REPORT_FD: i32 = 3;
/// The most bytes of an order and of a report.
pub const STAGE_RECORD_BYTES_MAX: u64 = 4 << 20;
