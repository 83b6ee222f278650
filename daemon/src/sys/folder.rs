//! Folders that only their owner may enter, and their removal.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Permissions of what only the owner needs.
const MODE: u32 = 0o700;

/// Makes a folder that must not be there yet.
///
/// # Errors
/// What mkdir(2) says.
pub fn make_new(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(MODE).create(path)
}

/// Makes a folder unless it is there.
///
/// # Errors
/// When it cannot be made, or something else has its name.
pub fn make(path: &Path) -> io::Result<()> {
    match make_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        result => result,
    }
}

/// Makes a folder and all above it that are missing.
///
/// # Errors
/// When one of them cannot be made.
pub fn make_all(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(MODE).recursive(true).create(path)
}

/// Removes a folder and all in it; that it is not there is no fault.
///
/// # Errors
/// When something in it cannot be removed, or it is no folder.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
