//! `man`: the man pages, one a verb.

use clap::CommandFactory;

use crate::args::{Cli, ManArgs};
use crate::ending::Ending;
use crate::error::Error;

/// Writes the man pages into a folder.
pub fn run(args: &ManArgs) -> Result<Ending, Error> {
    clap_mangen::generate_to(Cli::command(), &args.folder).map_err(|source| Error::Write {
        path: args.folder.clone(),
        source,
    })?;
    Ok(Ending::Done)
}
