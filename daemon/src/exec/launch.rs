//! Starts a step: folder, records, lock, supervisor, go.
//!
//! The lock on the records is taken here and handed over with the descriptor, so the step counts as
//! alive from before the shim exists. Whatever fails before *go* has started nothing.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use proto::record::file::Entry;
use proto::record::{RECORD_ROOM_BYTES, STEP_FILE, Spec};

use super::folder::StepFolder;
use super::pool::{Pool, Shim};
use super::spare::{Blank, ROOM_BYTES};
use crate::sys::gate::Gate;
use crate::sys::{atomic, failpoint, lock};

/// Why a step was not started. Nothing of it ran.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The job's row is gone or unreadable.
    #[error("read the job: {0}")]
    Job(String),
    /// The plan cannot be made.
    #[error("plan the step: {0}")]
    Plan(#[from] crate::core::plan::PlanError),
    /// A folder cannot be made.
    #[error(transparent)]
    Folder(#[from] super::folder::FolderError),
    /// The order for a stage cannot be written.
    #[error("write the order into {}: {source}", path.display())]
    WriteOrder {
        /// The step's folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The records cannot be written, or there is no room for those that are to come.
    #[error("write {}: {source}", path.display())]
    WriteRecords {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The records cannot be locked.
    #[error("lock the records: {0}")]
    Lock(#[from] lock::LockError),
    /// The shim cannot be spawned.
    #[error("start {}: {source}", path.display())]
    Spawn {
        /// The shim.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl LaunchError {
    /// Whether another try would find the same: the job has put something else where its folders
    /// below `jobs` were. The kernel's error number of it. What stands in the way of a step's own
    /// folder is another try's, and does not stand in the way of the next.
    #[must_use]
    pub fn lasting(&self, jobs: &Path) -> Option<i32> {
        let LaunchError::Folder(error) = self else {
            return None;
        };
        if !error.path.starts_with(jobs) {
            return None;
        }
        let errno = error.source.raw_os_error()?;
        [Errno::EEXIST, Errno::ENOTDIR, Errno::ELOOP]
            .contains(&Errno::from_raw(errno))
            .then_some(errno)
    }
}

/// How long the end of a shim that has started nothing is waited for, in milliseconds.
const END_MS_MAX: u16 = 100;

/// A shim that waits for *go*. If it is dropped, the shim ends and has started nothing.
#[derive(Debug)]
pub struct Ready {
    shim: Shim,
    has_heartbeat: bool,
}

/// A shim that was let go.
#[derive(Debug)]
pub struct Launched {
    /// It says when it is done.
    pub shim: Shim,
    /// Whether it waits for signs of life of the command.
    pub has_heartbeat: bool,
}

/// Writes the first records into the step's folder and hands it to a shim, which then waits for
/// *go*; `job` is the line of the job, if there is one. Everything that is needed to watch it is
/// there: after *go* nothing can fail, and before it nothing runs.
///
/// # Errors
/// See [`LaunchError`].
pub fn make_ready(
    pool: &mut Pool,
    folder: StepFolder,
    spec: &Spec,
    job: &[u8],
) -> Result<Ready, LaunchError> {
    let path = folder.path.join(STEP_FILE);
    let written = write_records(&path, folder.blank, spec, job);
    let file = written.map_err(|source| LaunchError::WriteRecords {
        path: path.clone(),
        source,
    })?;
    let locked = lock::lock(file, &path)?;
    failpoint::reach("exec.records-written");
    let shim = pool.hand_over(&folder.path, locked.as_fd());
    let shim = shim.map_err(|source| LaunchError::Spawn {
        path: pool.program().into(),
        source,
    })?;
    failpoint::reach("exec.spawned");
    Ok(Ready {
        shim,
        has_heartbeat: spec.heartbeat.is_some(),
    })
}

impl Ready {
    /// Lets it go; it may have been let go before. Whether it lives, its supervisor's end tells.
    pub fn go(self) -> Launched {
        self.shim.gate().open();
        failpoint::reach("exec.gone");
        Launched {
            shim: self.shim,
            has_heartbeat: self.has_heartbeat,
        }
    }

    /// Its supervisor is to have no other step.
    pub fn retire(&mut self) {
        self.shim.retire();
    }

    /// Ends it, and waits until it is gone, but not for long: it is small, and has nothing to do.
    pub fn end(self) {
        let process = self.shim.into_process();
        let mut ended = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
        if let Err(error) = poll(&mut ended, PollTimeout::from(END_MS_MAX)) {
            tracing::debug!(%error, "wait for the end of a supervisor");
        }
    }

    /// What lets it go.
    pub fn gate(&self) -> &Gate {
        self.shim.gate()
    }
}

/// With the room for what the shim will write, which could not say that there is none. The folder
/// is new, and nobody reads records that were not locked before their shim began.
fn write_records(path: &Path, blank: Option<Blank>, spec: &Spec, job: &[u8]) -> io::Result<File> {
    let mut bytes = Entry::Spec.line(spec)?;
    bytes.extend(job);
    failpoint::io("exec.write-records")?;
    let (file, room) = match blank {
        Some(Blank(file)) => {
            file.write_all_at(&bytes, 0)?;
            (file, usize::from(ROOM_BYTES))
        }
        None => (atomic::write_new(path, &bytes)?, 0),
    };
    failpoint::io("exec.take-room")?;
    if room < bytes.len() + usize::from(RECORD_ROOM_BYTES) {
        atomic::take_room(&file, RECORD_ROOM_BYTES)?;
    }
    Ok(file)
}
