//! `completions`: the completions of a shell.

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::ending::Ending;
use crate::error::Error;
use crate::output::{OutputError, print};

/// Prints the completions.
pub fn run(args: &CompletionsArgs) -> Result<Ending, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "jobctl", &mut script);
    let script = String::from_utf8(script).map_err(|error| OutputError::Format {
        format: "text",
        reason: error.to_string(),
    })?;
    print::stdout(&script)?;
    Ok(Ending::Done)
}
