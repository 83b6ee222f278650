//! Folders that only their owner may enter, and their removal.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

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
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_folder(path) => Ok(()),
        result => result,
    }
}

/// Not a link to one.
fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir())
}

/// Opens a folder, unless a link has its name.
///
/// # Errors
/// What open(2) says.
pub fn open(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(nix::fcntl::open(path, flags, Mode::empty())?)
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
