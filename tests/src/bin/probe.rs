//! `probe`: a badly behaved program. It is the command of the jobs in the tests, one subcommand
//! for each way to misbehave. Whatever it does ends by itself some day, killed or not.

use std::process::ExitCode;

#[path = "../probe/mod.rs"]
mod probe;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match probe::run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("probe: {error}");
            ExitCode::from(probe::EXIT_USAGE)
        }
    }
}
