//! What every program of jobd speaks: the job language, the statuses and outcomes of a job,
//! the records between daemon and shim, and the protocol of the socket.
//!
//! Pure data. Nothing here opens a file, reads a clock or knows tokio; framing works on any
//! `Read` and `Write`. Everybody depends on this crate, it depends on nobody.

pub mod api;
pub mod diagnostic;
pub mod expression;
pub mod finding;
pub mod frame;
pub mod job;
pub mod outcome;
pub mod paths;
pub mod record;
pub mod stage;
pub mod status;
pub mod yaml;
