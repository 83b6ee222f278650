//! The state folder: made, taken by one process alone, and never begun anew over what is there.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::layout::Layout;
use crate::store::Missing;
use crate::sys::lock::LockError;
use crate::sys::{folder, lock, pidfd};

/// How long the lock of a daemon that has gone is waited for, and how often it is tried.
const ORPHANED_LOCK_WAIT: Duration = Duration::from_secs(2);
const ORPHANED_LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Why the state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A folder cannot be made.
    #[error("make the folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another daemon works there.
    #[error("another jobd{} works in {}", pid.as_ref().map(|pid| format!(" (pid {pid})")).unwrap_or_default(), path.display())]
    Held {
        /// The state folder.
        path: PathBuf,
        /// The other daemon's pid, if it said it.
        pid: Option<String>,
    },
    /// The lock cannot be taken.
    #[error("lock the state folder: {0}")]
    Lock(LockError),
    /// The lock file cannot be written.
    #[error("write the lock file: {0}")]
    Pid(io::Error),
    /// It cannot be seen whether the folder is empty.
    #[error("look into {}: {source}", path.display())]
    Look {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Makes the state folder and those in it.
///
/// # Errors
/// `Folder`.
pub fn make(layout: &Layout) -> Result<(), StateError> {
    for path in [
        layout.state().to_path_buf(),
        layout.jobs(),
        layout.steps(),
        layout.log(),
    ] {
        folder::make_all(&path).map_err(|source| StateError::Folder {
            path: path.clone(),
            source,
        })?;
    }
    Ok(())
}

/// The state folder is this process's own for as long as this lives.
#[derive(Debug)]
pub struct Taken {
    /// Locked too, as earlier releases do; it holds the pid.
    _file: File,
    /// The folder itself: nobody can delete this lock and leave the store.
    _folder: File,
}

/// Takes the state folder for this process alone and writes the pid for whoever comes second.
///
/// # Errors
/// `Held` when another process has it, `Lock` or `Pid` when the file system refuses.
pub fn take(layout: &Layout) -> Result<Taken, StateError> {
    let folder = lock_patiently(layout, || {
        let path = layout.state();
        let folder = File::open(path).map_err(|source| LockError::Open {
            path: path.into(),
            source,
        })?;
        lock::lock(folder, path)
    })?;
    let mut file = lock_patiently(layout, || lock::create_exclusive(&layout.lock()))?;
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(StateError::Pid)?;
    Ok(Taken {
        _file: file,
        _folder: folder,
    })
}

/// Who has the state folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its pid, if it said it.
    pub pid: Option<String>,
}

/// The process that has the state folder, if one has; nothing is changed.
///
/// # Errors
/// `Lock` when it cannot be seen.
pub fn holder(layout: &Layout) -> Result<Option<Holder>, StateError> {
    let path = layout.lock();
    // Either is enough: the file may be deleted, and earlier releases lock nothing else.
    let held = is_folder_held(layout.state())
        .and_then(|held| Ok(held || lock::is_held(&path)?))
        .map_err(StateError::Lock)?;
    Ok(held.then(|| Holder {
        pid: read_pid(&path).filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit())),
    }))
}

fn is_folder_held(path: &Path) -> Result<bool, LockError> {
    match File::open(path) {
        Ok(folder) => lock::is_held_of(&folder, path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(LockError::Open {
            path: path.into(),
            source,
        }),
    }
}

/// Whether a store that is not there may be made: only where no job has left a trace, and no
/// recovery was cut off. Else the jobs would be forgotten and their names given away.
///
/// # Errors
/// `Look`.
pub fn when_missing(layout: &Layout) -> Result<Missing, StateError> {
    let recovery = [layout.recovering(), layout.recovered()];
    if recovery.iter().any(|path| path.exists()) {
        return Ok(Missing::Refuse);
    }
    for path in [layout.jobs(), layout.steps()] {
        let mut entries = match std::fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(StateError::Look { path, source }),
            Ok(entries) => entries,
        };
        if entries.next().is_some() {
            return Ok(Missing::Refuse);
        }
    }
    Ok(Missing::Make)
}

/// Locks. A daemon that was killed while it started a shim leaves its locks to that child until
/// its exec: so a lock whose owner is gone is waited for.
fn lock_patiently(
    layout: &Layout,
    lock: impl Fn() -> Result<File, LockError>,
) -> Result<File, StateError> {
    let until = Instant::now() + ORPHANED_LOCK_WAIT;
    loop {
        match lock() {
            Ok(file) => return Ok(file),
            Err(LockError::Held { .. }) => {}
            Err(error) => return Err(StateError::Lock(error)),
        }
        let pid = read_pid(&layout.lock());
        if pid.as_deref().is_some_and(lives) || Instant::now() >= until {
            let path = layout.state().into();
            return Err(StateError::Held { path, pid });
        }
        std::thread::sleep(ORPHANED_LOCK_PAUSE);
    }
}

fn lives(pid: &str) -> bool {
    let stat = pid.parse().ok().and_then(|pid| pidfd::stat(pid).ok());
    stat.flatten().is_some_and(|stat| stat.state != 'Z')
}

fn read_pid(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(16)
        .read_to_string(&mut text)
        .ok()?;
    let pid = text.trim();
    (!pid.is_empty()).then(|| pid.to_owned())
}
