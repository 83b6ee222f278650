//! `download`: what a job has left, in Azure ML's layout.
//!
//! | file | role |
//! |---|---|
//! | `parts` | which files and folders of a job, and where they go |
//! | `fetch` | an output that was brought to a store |
//! | `tree` | a walk through what was left there, whatever it is |
//! | `copy` | comparing and copying: nothing that is there already is replaced |
//! | `run` | the verb |

mod copy;
mod fetch;
mod parts;
mod run;
mod tree;

pub use run::{DownloadError, run};
