//! `jobctl`, the client of jobd: submits, follows and controls jobs.
//!
//! Small and blocking: one thread, `poll(2)` where it waits for several things at once.

use std::process::ExitCode;

mod app;
mod args;
mod client;
mod commands;
mod component_files;
mod ending;
mod endpoint;
mod error;
mod experiment;
mod follow;
mod job_file;
mod local_data;
mod output;
mod poll;
mod progress;
mod socket_health;
mod start;
mod sys;
mod time;
mod watch;

fn main() -> ExitCode {
    // If not, it takes its turn.
    let _said = sys::slice::shorten();
    app::run(std::env::args_os())
}
