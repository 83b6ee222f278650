//! Starts a step: folder, spec, lock, shim, go. The one function that knows how a shim is made.
//!
//! The lock on the spec is taken here and handed over with the descriptor, so the step counts as
//! alive from before the shim exists. Whatever fails before *go* has started nothing.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use proto::record::{EXIT_ROOM_BYTES, EXIT_ROOM_FILE, SPEC_FILE, Spec};

use super::pool::{Pool, Shim};
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
    /// The job's own record cannot be written.
    #[error("write the job into {}: {source}", path.display())]
    WriteJob {
        /// The step's folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The order for a stage cannot be written.
    #[error("write the order into {}: {source}", path.display())]
    WriteOrder {
        /// The step's folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no room for the record of the end.
    #[error("take room for {}: {source}", path.display())]
    TakeRoom {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The spec cannot be written.
    #[error("write {}: {source}", path.display())]
    WriteSpec {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The spec cannot be locked.
    #[error("lock the spec: {0}")]
    Lock(#[from] lock::LockError),
    /// The shim cannot be spawned.
    #[error("start {}: {source}", path.display())]
    Spawn {
        /// The shim.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The shim has gone before *go*.
    #[error("let the shim go: {0}")]
    Go(io::Error),
}

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

/// Writes the spec into the step's folder and hands it to a shim, which then waits for *go*.
/// Everything that is needed to watch it is there: after *go* nothing can fail, and before it
/// nothing runs.
///
/// # Errors
/// See [`LaunchError`].
pub fn make_ready(pool: &mut Pool, folder: &Path, spec: &Spec) -> Result<Ready, LaunchError> {
    take_room(folder)?;
    let locked = write_spec(folder, spec)?;
    failpoint::reach("exec.spec-written");
    let shim = pool.hand_over(folder, locked.as_fd());
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
    /// Lets it go.
    ///
    /// # Errors
    /// [`LaunchError::Go`] when it has gone before: nothing ran.
    pub fn go(self) -> Result<Launched, LaunchError> {
        self.shim.go().map_err(LaunchError::Go)?;
        failpoint::reach("exec.gone");
        Ok(Launched {
            shim: self.shim,
            has_heartbeat: self.has_heartbeat,
        })
    }
}

/// Here and not in the shim, which could not say that there is none.
fn take_room(folder: &Path) -> Result<(), LaunchError> {
    let path = folder.join(EXIT_ROOM_FILE);
    failpoint::io("exec.take-room")
        .and_then(|()| atomic::write_new(&path, &[]))
        .and_then(|file| atomic::take_room(&file, EXIT_ROOM_BYTES))
        .map_err(|source| LaunchError::TakeRoom { path, source })
}

fn write_spec(folder: &Path, spec: &Spec) -> Result<File, LaunchError> {
    let path = folder.join(SPEC_FILE);
    let bytes = serde_json::to_vec(spec).map_err(|source| LaunchError::WriteSpec {
        path: path.clone(),
        source: source.into(),
    })?;
    // The folder is new, and nobody reads a spec that was not locked before its shim began.
    let file = failpoint::io("exec.write-spec")
        .and_then(|()| atomic::write_new(&path, &bytes))
        .map_err(|source| LaunchError::WriteSpec {
            path: path.clone(),
            source,
        })?;
    Ok(lock::lock(file, &path)?)
}
