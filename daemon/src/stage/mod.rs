//! `jobd-stage`: makes ready what a job's command needs, and takes away what it has made. It runs
//! as the job's user, as one more step under a shim, so it may read what the user may read, is
//! logged, limited, canceled and adopted like any step, and the daemon itself opens no path that
//! a user named and no network.
//!
//! | file | role |
//! |---|---|
//! | `run` | the order in, the work, the report out |
//! | `prepare`, `finalize` | the two halves, in the order of their parts |
//! | `snapshot` | the code |
//! | `data` | inputs and outputs: local paths, stores, the cache |
//! | `environment` | the environment: registry, and a backend a file |
//! | `offer` | what environments there are, for the daemon |
//! | `meter` | what is on its way, for onlookers |

mod data;
mod environment;
mod finalize;
mod meter;
mod offer;
mod prepare;
mod run;
mod snapshot;

pub use environment::{RegistryError, list, show};
pub use offer::{may_provide, provides};
pub use run::main;
