//! `environment`: the registry of environments, one file a verb.

mod build;
mod list;
mod show;

use crate::args::{EnvironmentArgs, EnvironmentCommand};
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// Does what the words after `environment` ask for.
pub fn run(endpoint: &Endpoint, args: EnvironmentArgs) -> Result<Ending, Error> {
    match args.command {
        EnvironmentCommand::List(args) => list::run(endpoint, &args),
        EnvironmentCommand::Show(args) => show::run(endpoint, args),
        EnvironmentCommand::Build(args) => build::run(endpoint, &args),
    }
}
