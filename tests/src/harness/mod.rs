//! The harness: daemons in folders of their own, `jobctl` beside them, and the two ways to look
//! at what they do: the socket and the disk.
//!
//! * [`Home`] owns a `JOBD_HOME` and everything that runs in it; dropping it ends all of it.
//! * [`Jobctl`] runs the client as a person does; [`Socket`] speaks to the daemon byte by byte.
//! * [`JobFile`] writes job files; [`Witness`] counts executions.
//! * [`interface`] reads Varlink's interface language.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on ends with the place and the reason"
)]

mod client;
mod corpus;
mod folder;
mod home;
pub mod interface;
mod job_file;
mod jobctl;
pub mod process;
mod programs;
mod socket;
mod staged;
mod steps;
mod sweep;
mod wait;
mod witness;

pub use corpus::basics;
pub use folder::Folder;
pub use home::Home;
pub use job_file::{JobFile, probe_command, quoted};
pub use jobctl::{Jobctl, Ran, Running};
pub use programs::program;
pub use socket::{Heard, Socket};
pub use staged::Staged;
pub use steps::{change_records, record};
pub use wait::{DEADLINE, wait_for, wait_until};
pub use witness::Witness;
