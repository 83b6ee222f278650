//! Inputs and outputs: local paths, stores, the cache.
//!
//! | file | role |
//! |---|---|
//! | `provide` | the one door: inputs before the command, outputs after it |
//! | `place` | what a `path` of a job means: the text alone decides, nothing is opened |
//! | `credentials`, `store`, `remote` | a store is opened; one request to it or to a web server |
//! | `cause` | why a request failed, and whether to try again |
//! | `fetch`, `partial` | one file comes into the cache: resumed, tried again, verified |
//! | `cache` | what was fetched, by its content, within a bound |
//! | `gather` | an input's file or folder comes from a store into the job's folder |
//! | `local` | files and folders of this machine are looked at and copied |
//! | `evaluate`, `mltable` | an MLTable's files, where a mode wants them instead of the table |
//! | `digest` | what contents are called |
//! | `mount` | whether a job can have mounts of its own |
//! | `output`, `publish`, `upload` | where an output is written, and where it goes |
//! | `redact` | nothing secret in any message |

mod cache;
mod cause;
mod credentials;
mod digest;
mod error;
mod evaluate;
mod fetch;
mod gather;
mod local;
mod mltable;
mod mount;
mod output;
mod partial;
mod place;
mod provide;
mod publish;
mod redact;
mod remote;
mod store;
#[cfg(test)]
mod tests;
mod upload;

pub(super) use mount::{PROBE_ARGUMENT, probe};
pub(super) use provide::Data;
