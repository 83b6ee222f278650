//! `man`: the man pages, one a verb.

use clap::CommandFactory;

use crate::args::{Cli, ManArgs};
use crate::ending::Ending;
use crate::error::Error;

/// Writes the man pages into a folder, which is made.
pub fn run(args: &ManArgs) -> Result<Ending, Error> {
    let made = std::fs::create_dir_all(&args.folder);
    let written = made.and_then(|()| clap_mangen::generate_to(Cli::command(), &args.folder));
    written.map_err(|source| Error::Write {
        path: args.folder.clone(),
        source,
    })?;
    Ok(Ending::Done)
}
