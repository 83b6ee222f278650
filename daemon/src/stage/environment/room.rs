//! Where a built environment lies, one folder a digest: built once however many jobs wait for it.
//!
//! It is built in place, since virtual environments cannot be moved. Who builds holds a lock
//! beside the folder; the file `complete` is written last, says how many bytes there are, and has
//! the time of the last use. A folder without it is what a builder left that was killed: it is
//! removed.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use proto::stage::StageOrder;

use super::program::Limit;
use super::provide::EnvironmentError;
use super::users::Users;
use crate::stage::meter::Meter;
use crate::sys::{atomic, folder, lock};

/// The folder of environments in the cache.
pub(super) const FOLDER: &str = "environments";
/// The last file of a folder that is built.
pub(super) const COMPLETE: &str = "complete";
/// What the name of a folder begins with.
pub(super) const PREFIX: &str = "sha256-";
/// Seconds that building one environment may take, whatever programs that runs.
pub const BUILD_SECS_MAX: u64 = 3_600;
/// How long another job that builds it is waited for: until its time is up, and it has removed
/// what it had.
const WAIT: Duration = Duration::from_secs(BUILD_SECS_MAX + 300);
/// Bytes of a lock's file, which names the job.
const BUILDER_BYTES: u64 = 1 << 10;
/// Between two looks at a lock that another holds.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The place of one environment.
#[derive(Debug)]
pub(super) struct Room<'a> {
    order: &'a StageOrder,
    folder: PathBuf,
    /// Of the digest, as it is reported.
    pub(super) digest: String,
}

impl<'a> Room<'a> {
    /// For a digest of 64 hexadecimal digits.
    pub(super) fn new(order: &'a StageOrder, hex: &str) -> Room<'a> {
        Room {
            order,
            folder: order.cache.join(FOLDER).join(format!("{PREFIX}{hex}")),
            digest: format!("sha256:{hex}"),
        }
    }

    /// Its folder, built by this job or by another, which stays as long as the job needs it.
    /// `is_whole` looks whether what was once built still serves.
    pub(super) fn furnish(
        &self,
        what: &str,
        meter: &Meter,
        is_whole: impl Fn(&Path) -> bool,
        build: impl FnOnce(&Path, Limit) -> Result<(), EnvironmentError>,
    ) -> Result<&Path, EnvironmentError> {
        let parent = self.folder.parent().unwrap_or(&self.folder);
        folder::make_all(parent).map_err(failed("make", parent))?;
        let _held = self.lock(what, meter, WAIT)?;
        let complete = self.folder.join(COMPLETE);
        if complete.exists() && is_whole(&self.folder) {
            println!("{what} is built: {}", self.folder.display());
        } else {
            self.build(what, meter, build)?;
        }
        let users = Users::of(&self.folder).add(self.order);
        users.map_err(failed("note the use of", &self.folder))?;
        touch(&complete);
        Ok(&self.folder)
    }

    fn build(
        &self,
        what: &str,
        meter: &Meter,
        build: impl FnOnce(&Path, Limit) -> Result<(), EnvironmentError>,
    ) -> Result<(), EnvironmentError> {
        clear(&self.folder).map_err(failed("remove", &self.folder))?;
        folder::make_new(&self.folder).map_err(failed("make", &self.folder))?;
        meter.begin(&format!("building {what}"), None, None);
        let complete = self.folder.join(COMPLETE);
        let limit = Limit::of(Duration::from_secs(BUILD_SECS_MAX));
        let built = build(&self.folder, limit).and_then(|()| {
            let bytes = bytes_of(&self.folder).to_string();
            let written = atomic::write_new(&complete, bytes.as_bytes());
            written.map(drop).map_err(failed("make", &complete))
        });
        if built.is_err() {
            // Half an environment helps nobody; the next builder clears what stays.
            drop(clear(&self.folder));
        }
        built
    }

    /// Waits its turn.
    fn lock(&self, what: &str, meter: &Meter, wait: Duration) -> Result<File, EnvironmentError> {
        let path = self.folder.with_extension("lock");
        let begun = Instant::now();
        let mut told = String::new();
        loop {
            if let Some(taken) = try_lock(&path)? {
                sign(&taken, &self.order.job);
                return Ok(taken);
            }
            let builder = builder(&path);
            if begun.elapsed() >= wait {
                return Err(EnvironmentError::Waited {
                    what: what.into(),
                    builder,
                    secs: wait.as_secs(),
                });
            }
            if told != builder {
                meter.begin(
                    &format!("waiting for {builder}, which builds {what}"),
                    None,
                    None,
                );
                told = builder;
            }
            thread::sleep(LOOK_AGAIN);
        }
    }
}

/// Says in its file who has the lock. Those who wait only want to know.
fn sign(mut lock: &File, job: &str) {
    drop(
        lock.set_len(0)
            .and_then(|()| lock.write_all(job.as_bytes())),
    );
}

/// Who has the lock, as far as its file says so.
fn builder(lock: &Path) -> String {
    let bytes = atomic::read_bounded(lock, BUILDER_BYTES).ok().flatten();
    match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(job) if !job.is_empty() => format!("job {job}"),
        _ => "another job".into(),
    }
}

/// The lock of an environment; none while another has it, or has just given the environment up.
pub(super) fn try_lock(path: &Path) -> Result<Option<File>, lock::LockError> {
    let taken = match lock::create_exclusive(path) {
        Err(lock::LockError::Held { .. }) => return Ok(None),
        taken => taken?,
    };
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let is_named = match (taken.metadata(), path.symlink_metadata()) {
        (Ok(held), Ok(named)) => id(held) == id(named),
        _ => false,
    };
    Ok(is_named.then_some(taken))
}

/// It is used now. What cannot be told so is given up sooner.
fn touch(complete: &Path) {
    let opened = File::options().write(true).open(complete);
    drop(opened.and_then(|file| file.set_modified(SystemTime::now())));
}

/// Bytes of everything in a folder, as far as it can be looked at.
fn bytes_of(folder: &Path) -> u64 {
    let mut open = vec![folder.to_owned()];
    let mut bytes = 0;
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(found) if found.is_dir() => open.push(entry.path()),
                Ok(found) => bytes += found.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

pub(super) fn clear(folder: &Path) -> io::Result<()> {
    let removed = match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder).and_then(|()| fs::remove_dir_all(folder))
        }
        removed => removed,
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
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

pub(super) fn failed(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> EnvironmentError {
    let path = path.to_owned();
    move |source| EnvironmentError::Folder {
        operation,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::stage::{FinalizeOrder, StageSettings, Work};

    #[test]
    fn who_waits_too_long_is_told_who_builds() {
        let root = std::env::temp_dir().join(format!("jobd-room-{}", std::process::id()));
        let order = |job: &str| StageOrder {
            job: job.into(),
            folder: root.clone(),
            base_path: root.clone(),
            cache: root.clone(),
            settings: StageSettings::default(),
            work: Work::Finalize(FinalizeOrder::default()),
            others: None,
        };
        let meter = Meter::new(&root);
        let (first, second) = (order("first"), order("second"));
        let of_first = Room::new(&first, "ab");
        let built = of_first.furnish(
            "it",
            &meter,
            |_| true,
            |_, _| {
                let waited = Room::new(&second, "ab").lock("it", &meter, Duration::ZERO);
                let reason = waited.err().unwrap().to_string();
                assert_eq!(
                    reason,
                    "wait for it: job first was still building it after 0 s"
                );
                Ok(())
            },
        );
        built.unwrap();
        fs::remove_dir_all(root).unwrap();
    }
}
