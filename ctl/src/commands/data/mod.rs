//! `data`: registered data, one file a verb.

mod archive;
mod create;
mod list;
mod show;

use crate::args::{DataArgs, DataCommand};
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// Does what the words after `data` ask for.
pub fn run(endpoint: &Endpoint, args: DataArgs) -> Result<Ending, Error> {
    match args.command {
        DataCommand::Create(args) => create::run(endpoint, &args),
        DataCommand::List(args) => list::run(endpoint, &args),
        DataCommand::Show(args) => show::run(endpoint, args),
        DataCommand::Archive(args) => archive::archive(endpoint, args),
        DataCommand::Restore(args) => archive::restore(endpoint, args),
    }
}
