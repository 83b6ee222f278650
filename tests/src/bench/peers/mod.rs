//! Other runners of jobs, each with its queue, its sockets and its logs in a folder of the bench's
//! own. `tests/bench` installs them; one that it could not install has its reason in a file.

mod hyperqueue;
mod nq;
mod pueue;
mod start;
mod task_spooler;

pub use start::{parallel, start_all};
