//! `jobd recover`: builds the store anew when it is missing or damaged, while no daemon runs.
//!
//! * [`gather`] collects what the jobs' folders and the damaged file hold of each job.
//! * [`settle`] says what became of each: it applies to the job what its step's folder tells.
//! * [`run`] writes the new store and puts it in its place. Nothing is deleted: the file that is
//!   replaced stays beside it.

mod gather;
mod report;
mod reports;
mod run;
mod settle;

pub use report::{Recovered, Report, Source};
pub use run::{RecoverError, run};
