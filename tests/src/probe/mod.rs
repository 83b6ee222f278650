//! The subcommands of the probe, by what they misuse.

mod ends;
mod files;
mod output;
mod processes;
mod run;

pub use run::{EXIT_USAGE, run};
