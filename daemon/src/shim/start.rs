//! The whole course of a step: take over, make ready, wait for *go*, run, record the end; and of
//! a shim of the spawner, which goes through it step after step.

use std::ffi::OsString;
use std::fs::File;
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
use super::process;
use super::pump::Chunk;
use super::record::Records;
use super::signals::Signals;
use super::spawner::{self, Served};
use super::supervise::{Outcome, Supervisor, Tools};
use super::title::Title;
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
    let path = match step_directory(arguments)? {
        Some(path) => path,
        None => match spawner::serve().map_err(StartError::Serve)? {
            Served::Shim(title) => return supervise_all(title),
            Served::End => return Ok(()),
        },
    };
    process::close_inherited();
    let mut shim = Shim::new()?;
    let (go, given) = handshake::take_descriptors()?;
    let handover = handshake::take_over(&path, given)?;
    shim.supervise(handover, &go)?;
    Ok(())
}

/// One step after another, until the daemon has no more or is gone.
fn supervise_all(title: Title) -> Result<(), StartError> {
    process::close_inherited();
    let mut shim = Shim::new()?;
    let (control, _null) = handshake::take_descriptors()?;
    loop {
        title.set(None);
        let Some((path, spec)) = handshake::next_step(&control, &shim.tools.signals)? else {
            return Ok(());
        };
        title.set(Some(&path));
        let handover = handshake::take_over(&path, spec)?;
        let exit = shim.supervise(handover, &control)?;
        if !exit.is_some_and(|exit| handshake::tell_done(&control, &exit)) {
            return Ok(());
        }
    }
}

/// This process as a supervisor, with what outlives a step.
struct Shim {
    tools: Tools,
    myself: ProcessId,
    boot_id: String,
    is_spared: bool,
    leaf: Option<Leaf>,
    /// Whether it has let go of the daemon's standard error.
    has_let_go: bool,
}

impl Shim {
    fn new() -> Result<Shim, StartError> {
        let signals = Signals::take_over().map_err(StartError::Signals)?;
        process::lead().map_err(StartError::Lead)?;
        Ok(Shim {
            tools: Tools {
                signals,
                chunk: Chunk::new(),
            },
            is_spared: process::spare_from_oom(),
            myself: myself()?,
            boot_id: boot_id().map_err(StartError::BootId)?,
            leaf: None,
            has_let_go: false,
        })
    }

    /// The whole step; answers the record of its end, or none if there must be no other after it:
    /// it was never let go, or a stop was requested that could hit the next.
    fn supervise(&mut self, handover: Handover, go: &File) -> Result<Option<Vec<u8>>, StartError> {
        let Handover {
            directory,
            lock,
            spec,
        } = handover;
        failpoint::reach("shim.locked");
        let records = Records::reserve(directory).map_err(StartError::Reserve)?;
        failpoint::reach("shim.reserved");
        self.leaf = Leaf::renew(self.leaf.take(), &spec);
        let mut place = launch::Place {
            spec: &spec,
            lock: &lock,
            leaf: &mut self.leaf,
            shim: &self.myself,
            boot_id: &self.boot_id,
            is_spared: self.is_spared,
            ignored: self.tools.signals.ignored(),
        };
        let waiting = launch::make(&mut place, &records);
        if !handshake::wait_for_go(go, &self.tools.signals)? {
            drop(waiting);
            records.discard();
            return Ok(None);
        }
        failpoint::reach("shim.go");
        // Somebody may wait for the end of it; where there is no /dev/null it stays.
        self.has_let_go = self.has_let_go || handshake::let_go_of_stderr().is_ok();
        let begun = monotonic_ms();
        let (exit, may_go_on) = match launch::launch(place, waiting, &records) {
            Ok(launched) => {
                let (tools, leaf) = (&mut self.tools, self.leaf.as_ref());
                let outcome = Supervisor::new(&spec, &records, tools, leaf, launched, begun).run();
                let (may_go_on, was_killed) = (!outcome.was_signalled, outcome.was_killed);
                let exit = exit_of(outcome, leaf, begun);
                if let Some(leaf) = self.leaf.as_mut().filter(|_| was_killed) {
                    leaf.note_kill();
                }
                if was_killed && !spec.kill.is_empty() {
                    self.end_elsewhere(&spec, &lock, &records);
                }
                (exit, may_go_on)
            }
            // What was refused here may not be refused another process.
            Err(failure) => (exit_of_failure(failure, &spec, begun), false),
        };
        failpoint::reach("shim.empty");
        let stored = records.exit(&exit).map_err(StartError::Exit)?;
        failpoint::reach("shim.exit-renamed");
        Ok(may_go_on.then_some(stored))
    }
}

impl Shim {
    /// Ends what the kill did not reach, by the command's own words for it. Whether they succeed
    /// is not for the exit record: what they end may be gone already.
    fn end_elsewhere(&mut self, spec: &Spec, lock: &File, records: &Records) {
        let killer = spec.killer();
        let mut place = launch::Place {
            spec: &killer,
            lock,
            leaf: &mut None,
            shim: &self.myself,
            boot_id: &self.boot_id,
            is_spared: self.is_spared,
            ignored: self.tools.signals.ignored(),
        };
        if let Ok(waiting) = launch::make(&mut place, records) {
            let launched = waiting.release();
            let begun = monotonic_ms();
            let tools = &mut self.tools;
            let supervisor = Supervisor::new(&killer, records, tools, None, launched, begun);
            let _what_it_did = supervisor.run();
        }
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        if let Some(leaf) = self.leaf.take() {
            leaf.remove();
        }
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
    Exit {
        stop: outcome.stop,
        oom_killed: leaf.is_some_and(Leaf::was_out_of_memory),
        log_bytes: outcome.log.bytes(),
        log_bytes_dropped: outcome.log.dropped(),
        log_errno: outcome.log.errno(),
        leftovers_killed: outcome.leftovers_killed,
        cpu_ms: outcome.usage.cpu_micros / 1_000,
        max_rss_kib: outcome.usage.max_rss_kib,
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
