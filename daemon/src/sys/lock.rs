//! Exclusive file locks of flock(2).
//!
//! The lock belongs to the open file description: it is shared by every duplicate of the
//! descriptor, whoever inherited it, and the kernel frees it with the last of them. So a held
//! lock proves that its holder lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a lock was not taken or not looked at.
#[derive(Debug, Error)]
pub enum LockError {
    /// The file cannot be opened.
    #[error("cannot open {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Somebody else holds the lock.
    #[error("{path} is locked by another process")]
    Held {
        /// The file.
        path: PathBuf,
    },
    /// flock(2) failed otherwise, for example where the file system has no locks.
    #[error("cannot lock {path}: {source}")]
    Lock {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

/// Opens an existing file to read and write and locks it, without waiting.
///
/// # Errors
/// [`LockError::Held`] when another description holds a lock on it; the others as named.
pub fn exclusive(path: &Path) -> Result<File, LockError> {
    lock(open(path, OpenOptions::new().read(true).write(true))?, path)
}

/// As [`exclusive`], but makes the file, with mode 0600, where there is none.
///
/// # Errors
/// As [`exclusive`].
pub fn create_exclusive(path: &Path) -> Result<File, LockError> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    lock(open(path, &mut options)?, path)
}

/// Locks an open file, without waiting. A description that holds the lock already keeps it.
/// `path` is for the message only.
///
/// # Errors
/// As [`exclusive`], except that nothing is opened.
pub fn lock(file: File, path: &Path) -> Result<File, LockError> {
    let path = path.to_owned();
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LockError::Held { path }),
        Err(TryLockError::Error(source)) => Err(LockError::Lock { path, source }),
    }
}

/// Whether somebody holds the exclusive lock of a file. A file that is not there is not locked.
/// The probe takes a shared lock for an instant, so probes do not disturb each other.
///
/// # Errors
/// When the file is there and cannot be opened or locked.
pub fn is_held(path: &Path) -> Result<bool, LockError> {
    let file = match open(path, OpenOptions::new().read(true)) {
        Err(LockError::Open { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(false);
        }
        opened => opened?,
    };
    is_held_of(&file, path)
}

/// The same of an open file or folder. `path` is for the message only.
///
/// # Errors
/// When it cannot be locked.
pub fn is_held_of(file: &File, path: &Path) -> Result<bool, LockError> {
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(LockError::Lock {
            path: path.to_owned(),
            source,
        }),
    }
}

fn open(path: &Path, options: &mut OpenOptions) -> Result<File, LockError> {
    options
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .map_err(|source| LockError::Open {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("jobd-lock-{}-{name}", std::process::id()))
    }

    #[test]
    fn a_lock_is_seen_while_it_is_held_and_not_after() {
        let path = file("seen");
        assert!(!is_held(&path).unwrap(), "a missing file is not locked");
        let held = create_exclusive(&path).unwrap();
        let duplicate = held.try_clone().unwrap();
        assert!(is_held(&path).unwrap());
        assert!(matches!(exclusive(&path), Err(LockError::Held { .. })));
        drop(held);
        assert!(is_held(&path).unwrap(), "the duplicate holds it too");
        let again = lock(duplicate, &path).unwrap();
        drop(again);
        assert!(!is_held(&path).unwrap());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_link_is_not_followed() {
        let path = file("link");
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(matches!(exclusive(&path), Err(LockError::Open { .. })));
        std::fs::remove_file(path).unwrap();
    }
}
