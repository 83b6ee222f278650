//! Measures jobd. Only ratios within one run mean something: everything that is compared takes
//! turns in the same round, on the same files and with the same job.
//!
//! | file | role |
//! |---|---|
//! | `options` | the command line |
//! | `place` | a folder with the job's program, its job files and what the jobs wrote |
//! | `daemon` | a jobd in a home of its own, and its clients |
//! | `rounds` | jobs a second: bare, through xargs, through jobd |
//! | `latency` | one command at a time on an idle daemon |
//! | `numbers`, `report` | medians and percentiles; the table and the JSON |

mod daemon;
mod latency;
mod numbers;
mod options;
mod place;
mod report;
mod rounds;
mod run;

pub use run::run;

/// What may go wrong: there is nobody to tell the cases apart but the reader.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
