//! Starts a step: folder, spec, lock, shim, go. The one function that knows how a shim is made.
//!
//! The lock on the spec is taken here and handed over with the descriptor, so the step counts as
//! alive from before the shim exists. Whatever fails before *go* has started nothing.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proto::record::{GO, SPEC_FILE, Spec};

use crate::sys::{atomic, lock};

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

/// Writes the spec into the step's folder, starts the shim and lets it go; answers its pid.
///
/// # Errors
/// See [`LaunchError`].
pub fn launch(shim: &Path, folder: &Path, spec: &Spec) -> Result<i32, LaunchError> {
    let locked = write_spec(folder, spec)?;
    let (go_end, mut go) = io::pipe().map_err(|source| spawn_error(shim, source))?;
    let child = Command::new(shim)
        .arg(folder)
        .env_clear()
        .current_dir("/")
        .stdin(go_end)
        .stdout(locked)
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| spawn_error(shim, source))?;
    go.write_all(&[GO]).map_err(LaunchError::Go)?;
    // A pid fits: Linux's pid_t is an i32.
    Ok(child.id().cast_signed())
}

fn spawn_error(shim: &Path, source: io::Error) -> LaunchError {
    LaunchError::Spawn {
        path: shim.into(),
        source,
    }
}

fn write_spec(folder: &Path, spec: &Spec) -> Result<File, LaunchError> {
    let path = folder.join(SPEC_FILE);
    let bytes = serde_json::to_vec(spec).map_err(|source| LaunchError::WriteSpec {
        path: path.clone(),
        source: source.into(),
    })?;
    atomic::write(&path, &bytes).map_err(|source| LaunchError::WriteSpec {
        path: path.clone(),
        source,
    })?;
    Ok(lock::exclusive(&path)?)
}
