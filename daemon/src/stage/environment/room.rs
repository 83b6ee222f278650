//! Where a built environment lies, one folder a digest: built once however many jobs wait for it.
//!
//! It is built in place, since virtual environments cannot be moved. Who builds holds a lock
//! beside the folder; the file `complete` is written last. A folder without it is what a builder
//! left that was killed: it is removed and built again.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::provide::EnvironmentError;
use crate::stage::meter::Meter;
use crate::sys::{atomic, lock};

/// The folder of environments in the cache.
const FOLDER: &str = "environments";
/// The last file of a folder that is built.
const COMPLETE: &str = "complete";
/// Seconds that building one environment may take, and waiting for another job that builds it.
pub const BUILD_SECS_MAX: u64 = 3_600;
/// Between two looks at a lock that another holds.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The place of one environment.
#[derive(Debug)]
pub(super) struct Room {
    folder: PathBuf,
    /// Of the digest, as it is reported.
    pub(super) digest: String,
}

impl Room {
    /// For a digest of 64 hexadecimal digits.
    pub(super) fn new(cache: &Path, hex: &str) -> Room {
        Room {
            folder: cache.join(FOLDER).join(format!("sha256-{hex}")),
            digest: format!("sha256:{hex}"),
        }
    }

    /// Its folder, built by this job or by another. `is_whole` looks whether what was once built
    /// still serves.
    pub(super) fn furnish(
        &self,
        what: &str,
        meter: &Meter,
        is_whole: impl Fn(&Path) -> bool,
        build: impl FnOnce(&Path) -> Result<(), EnvironmentError>,
    ) -> Result<&Path, EnvironmentError> {
        let parent = self.folder.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).map_err(failed("make", parent))?;
        let _held = self.lock(what, meter)?;
        let complete = self.folder.join(COMPLETE);
        if complete.exists() && is_whole(&self.folder) {
            println!("{what} is built: {}", self.folder.display());
            return Ok(&self.folder);
        }
        self.clear()?;
        fs::create_dir(&self.folder).map_err(failed("make", &self.folder))?;
        meter.begin(&format!("building {what}"), None, None);
        if let Err(error) = build(&self.folder) {
            // Half an environment helps nobody; the next builder clears what stays.
            drop(self.clear());
            return Err(error);
        }
        atomic::write_new(&complete, b"").map_err(failed("make", &complete))?;
        Ok(&self.folder)
    }

    /// Waits its turn.
    fn lock(&self, what: &str, meter: &Meter) -> Result<File, EnvironmentError> {
        let path = self.folder.with_extension("lock");
        let begun = Instant::now();
        let mut told = false;
        loop {
            match lock::create_exclusive(&path) {
                Err(lock::LockError::Held { .. }) => {}
                taken => return Ok(taken?),
            }
            if begun.elapsed() >= Duration::from_secs(BUILD_SECS_MAX) {
                return Err(EnvironmentError::Waited(what.into()));
            }
            if !told {
                meter.begin(
                    &format!("waiting for another job that builds {what}"),
                    None,
                    None,
                );
                told = true;
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    fn clear(&self) -> Result<(), EnvironmentError> {
        let removed = match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                open_up(&self.folder).and_then(|()| fs::remove_dir_all(&self.folder))
            }
            removed => removed,
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", &self.folder)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Some packages come with folders that nobody may write.
fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EnvironmentError {
    let path = path.to_owned();
    move |source| EnvironmentError::Folder {
        operation,
        path,
        source,
    }
}
