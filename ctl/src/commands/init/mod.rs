//! `init`: a commented job file to begin with.

use crate::args::{InitArgs, JobKind};
use crate::commands::save::save;
use crate::ending::Ending;
use crate::error::Error;

/// Writes the starter file of a type to a file or to standard output.
pub fn run(args: &InitArgs) -> Result<Ending, Error> {
    let text = match args.kind {
        JobKind::Command => include_str!("command.yml"),
        JobKind::Sweep => include_str!("sweep.yml"),
        JobKind::Pipeline => include_str!("pipeline.yml"),
    };
    save(args.file.as_deref(), text, args.force)?;
    Ok(Ending::Done)
}
