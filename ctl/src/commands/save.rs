//! Writing a text to the file that the user names.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use crate::error::Error;
use crate::output::print;

/// Writes a text to a file, or to standard output for none and for `-`. An existing file is
/// replaced only by force.
///
/// # Errors
/// `Exists`, `Write`, or `Output`.
pub fn save(file: Option<&Path>, text: &str, force: bool) -> Result<(), Error> {
    match file {
        Some(path) if path.as_os_str() != "-" => write(path, text, force),
        _ => Ok(print::stdout(text)?),
    }
}

fn write(path: &Path, text: &str, force: bool) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists {
            path: path.to_owned(),
        },
        _ => Error::Write {
            path: path.to_owned(),
            source,
        },
    })
}
