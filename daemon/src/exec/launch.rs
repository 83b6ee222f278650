//! Starts a step: folder, spec, lock, shim, go. The one function that knows how a shim is made.
//!
//! The lock on the spec is taken here and handed over with the descriptor, so the step counts as
//! alive from before the shim exists. Whatever fails before *go* has started nothing.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use proto::record::{GO, SPEC_FILE, Spec};

use crate::sys::{atomic, failpoint, lock, pidfd};

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
    /// The shim cannot be watched.
    #[error("watch the shim: {0}")]
    Watch(pidfd::PidfdError),
    /// The shim has gone before *go*.
    #[error("let the shim go: {0}")]
    Go(io::Error),
}

/// A shim that was let go.
#[derive(Debug)]
pub struct Launched {
    /// Its pid: our child, to be reaped.
    pub pid: i32,
    /// Readable once it has ended.
    pub shim: OwnedFd,
    /// Whether it waits for signs of life of the command.
    pub has_heartbeat: bool,
}

/// Writes the spec into the step's folder, starts the shim and lets it go. Everything that is
/// needed to watch it is there before *go*: after it nothing can fail, and before it nothing runs.
///
/// # Errors
/// See [`LaunchError`].
pub fn launch(shim: &Path, folder: &Path, spec: &Spec) -> Result<Launched, LaunchError> {
    let locked = write_spec(folder, spec)?;
    failpoint::reach("exec.spec-written");
    let (go_end, go) = io::pipe().map_err(|source| spawn_error(shim, source))?;
    let mut child = spawn(shim, folder, go_end, locked)?;
    failpoint::reach("exec.spawned");
    match let_go(&child, go) {
        Ok((pid, shim)) => Ok(Launched {
            pid,
            shim,
            has_heartbeat: spec.heartbeat.is_some(),
        }),
        Err(error) => {
            // The pipe is closed: the shim ends by itself.
            let _reaped = child.wait();
            Err(error)
        }
    }
}

fn spawn(
    shim: &Path,
    folder: &Path,
    go: io::PipeReader,
    locked: File,
) -> Result<Child, LaunchError> {
    failpoint::io("exec.spawn").map_err(|source| spawn_error(shim, source))?;
    Command::new(shim)
        .arg(folder)
        .env_clear()
        .envs(armed_for_shim())
        .current_dir("/")
        .stdin(go)
        .stdout(locked)
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| spawn_error(shim, source))
}

fn let_go(child: &Child, mut go: io::PipeWriter) -> Result<(i32, OwnedFd), LaunchError> {
    // A pid fits: Linux's pid_t is an i32.
    let pid = child.id().cast_signed();
    let shim = pidfd::open_child(pid).map_err(LaunchError::Watch)?;
    go.write_all(&[GO]).map_err(LaunchError::Go)?;
    failpoint::reach("exec.gone");
    Ok((pid, shim))
}

/// What arms the failpoints of the shims; nothing without the feature.
fn armed_for_shim() -> Vec<(&'static str, String)> {
    if !cfg!(feature = "failpoints") {
        return Vec::new();
    }
    let hand_down = |from: &str, name| std::env::var(from).ok().map(|value| (name, value));
    let point = hand_down("JOBD_SHIM_FAILPOINT", "JOBD_FAILPOINT");
    let io = hand_down("JOBD_SHIM_FAILIO", "JOBD_FAILIO");
    let note = hand_down("JOBD_FAILNOTE", "JOBD_FAILNOTE");
    point.into_iter().chain(io).chain(note).collect()
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
    failpoint::io("exec.write-spec")
        .and_then(|()| atomic::write(&path, &bytes))
        .map_err(|source| LaunchError::WriteSpec {
            path: path.clone(),
            source,
        })?;
    Ok(lock::exclusive(&path)?)
}
