//! The whole course of one step: take over, make ready, wait for *go*, run, record the end.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::errno::Errno;
use nix::unistd::getpid;
use proto::record::{Ended, Exit, Format, ProcessId, SPAWNER_ARGUMENT, Spec};
use thiserror::Error;

use super::cgroup::Leaf;
use super::handshake::{self, Handover, HandshakeError};
use super::launch::{self, StartFailure};
use super::record::Records;
use super::signals::Signals;
use super::spawner::{self, Served};
use super::supervise::{Outcome, Supervisor};
use super::{log, process, reap};
use crate::sys::clock::{boot_id, monotonic_ms, wall_micros};
use crate::sys::failpoint;
use crate::sys::pidfd::{PidfdError, identity};

/// Why the shim ended without an exit record. Nothing has run, except where noted.
#[derive(Debug, Error)]
enum StartError {
    #[error("usage: jobd-shim DIR, where DIR is the absolute path of a step directory")]
    Usage,
    #[error("cannot serve as a spawner: {0}")]
    Serve(Errno),
    #[error("cannot take over the signals: {0}")]
    Signals(Errno),
    #[error("cannot become a supervisor: {0}")]
    Lead(Errno),
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error("cannot read the boot id: {0}")]
    BootId(io::Error),
    #[error("cannot identify the shim: {0}")]
    Identity(#[from] PidfdError),
    #[error("the shim is not in /proc")]
    NotInProc,
    #[error("cannot reserve space for the exit record: {0}")]
    Reserve(io::Error),
    /// The step has run, and its directory is gone.
    #[error("cannot store the exit record: {0}")]
    Exit(io::Error),
}

/// `jobd-shim DIR`: supervises the step that DIR describes. The exit code is 0 when the end is
/// recorded or nothing was to be started, and 1 when something stood against it.
#[must_use]
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jobd-shim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<(), StartError> {
    match step_directory(arguments)? {
        Some(path) => supervise(&path),
        None => match spawner::serve().map_err(StartError::Serve)? {
            Served::Shim(path) => supervise(&path),
            Served::End => Ok(()),
        },
    }
}

fn supervise(path: &Path) -> Result<(), StartError> {
    process::close_inherited();
    let signals = Signals::take_over().map_err(StartError::Signals)?;
    process::lead().map_err(StartError::Lead)?;
    let Handover {
        directory,
        lock,
        spec,
        go,
    } = handshake::take_over(path)?;
    let is_spared = process::spare_from_oom();
    let (shim, boot_id) = (myself()?, boot_id().map_err(StartError::BootId)?);
    failpoint::reach("shim.locked");
    let records = Records::reserve(directory).map_err(StartError::Reserve)?;
    failpoint::reach("shim.reserved");
    let mut leaf = Leaf::make(&spec);
    if !handshake::wait_for_go(&go, &signals)? {
        records.discard();
        remove(leaf);
        return Ok(());
    }
    failpoint::reach("shim.go");
    drop(go);
    // Somebody may wait for the end of it; where there is no /dev/null it stays.
    let _kept = handshake::let_go_of_stderr();
    let begun = monotonic_ms();
    // Not before: a step may be ready long before its turn, and has no log until then.
    let log = log::open(&spec.log, spec.user.as_ref());
    let ready = launch::Ready {
        spec: &spec,
        log,
        lock: &lock,
        leaf: &mut leaf,
        shim,
        boot_id,
        is_spared,
    };
    let exit = match launch::launch(ready, &records) {
        Ok(launched) => {
            let supervisor =
                Supervisor::new(&spec, &records, &signals, leaf.as_ref(), launched, begun);
            exit_of(supervisor.run(), leaf.as_ref(), begun)
        }
        Err(failure) => exit_of_failure(failure, &spec, begun),
    };
    failpoint::reach("shim.empty");
    records.exit(&exit).map_err(StartError::Exit)?;
    failpoint::reach("shim.exit-renamed");
    remove(leaf);
    drop(lock);
    Ok(())
}

fn remove(leaf: Option<Leaf>) {
    if let Some(leaf) = leaf {
        leaf.remove();
    }
}

/// The one step of this process; none for a spawner, whose further arguments are room for the
/// titles of its shims.
fn step_directory(
    mut arguments: impl Iterator<Item = OsString>,
) -> Result<Option<PathBuf>, StartError> {
    let _program = arguments.next();
    match (arguments.next(), arguments.next()) {
        (Some(word), _) if word == SPAWNER_ARGUMENT => Ok(None),
        (Some(path), None) if Path::new(&path).is_absolute() => Ok(Some(path.into())),
        _ => Err(StartError::Usage),
    }
}

fn myself() -> Result<ProcessId, StartError> {
    identity(getpid().as_raw())?.ok_or(StartError::NotInProc)
}

fn exit_of(outcome: Outcome, leaf: Option<&Leaf>, begun: u64) -> Exit {
    let (cpu_ms, max_rss_kib) = reap::usage();
    Exit {
        stop: outcome.stop,
        oom_killed: leaf.is_some_and(Leaf::was_out_of_memory),
        log_bytes: outcome.log.bytes(),
        log_bytes_dropped: outcome.log.dropped(),
        log_errno: outcome.log.errno(),
        leftovers_killed: outcome.leftovers_killed,
        cpu_ms,
        max_rss_kib,
        ..bare_exit(outcome.ended, begun)
    }
}

fn exit_of_failure(failure: StartFailure, spec: &Spec, begun: u64) -> Exit {
    let log_bytes = std::fs::symlink_metadata(&spec.log.path).map_or(0, |log| log.len());
    Exit {
        log_bytes,
        ..bare_exit(failure.ended(), begun)
    }
}

fn bare_exit(ended: Ended, begun: u64) -> Exit {
    Exit {
        format: Format::CURRENT,
        ended,
        stop: None,
        oom_killed: false,
        at: wall_micros(),
        duration_ms: monotonic_ms().saturating_sub(begun),
        log_bytes: 0,
        log_bytes_dropped: 0,
        log_errno: None,
        leftovers_killed: 0,
        cpu_ms: 0,
        max_rss_kib: 0,
    }
}
