//! Gives up the folders of ended jobs as the settings say: by age, number and size. The rows
//! stay, so the history is whole.
//!
//! A thread of its own looks once a minute. What is given up is marked in the store first and
//! deleted then, so that a job without folders always says why; a deletion that was cut off is
//! completed by the next daemon. Without a rule there is no thread, unless something is left over.

mod folders;
mod run;

pub use run::{Retention, Rules};
