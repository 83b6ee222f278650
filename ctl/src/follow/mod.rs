//! Following a job: its log to standard output while it grows, to the end of the job.
//!
//! One thread and one `poll(2)`: the daemon's word on the status, inotify on the log's folder,
//! standard output, and Ctrl-C. A log is a file that we read with the user's own rights.

mod cancel;
mod escape;
mod folder;
mod interrupt;
mod log;
mod ready;
mod session;
mod sink;

pub use interrupt::Interrupt;
pub use log::{FollowError, log_path, print};
pub use session::{Session, Setup};
