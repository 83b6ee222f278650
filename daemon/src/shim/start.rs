//! The whole course of a step: take over, make ready, wait for *go*, run, record the end; and of
//! a shim of the spawner, which goes through it step after step.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::errno::Errno;
use nix::unistd::getpid;
use proto::record::{Ended, Exit, NOBODY, Place, ProcessId, SPAWNER_ARGUMENT, Spec};
use thiserror::Error;

use super::cgroup::Leaf;
use super::handshake::{self, Go, Handover, HandshakeError};
use super::launch::{self, StartFailure};
use super::line::Line;
use super::process;
use super::pump::Chunk;
use super::record::Records;
use super::report::Report;
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
    #[error("cannot share memory with the command's process: {0}")]
    Memory(Errno),
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
    #[error("cannot take room for the records: {0}")]
    TakeRoom(io::Error),
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
    shim.supervise(handover, Go::Pipe(&go), None)?;
    Ok(())
}

/// One step after another, until the daemon has no more or is gone.
fn supervise_all(title: Title) -> Result<(), StartError> {
    process::close_inherited();
    let mut shim = Shim::new()?;
    let (daemon, line) = handshake::take_daemon()?;
    loop {
        title.set(None);
        let Some((path, spec)) = daemon.next_step(&shim.tools.signals)? else {
            return Ok(());
        };
        title.set(Some(&path));
        let handover = handshake::take_over(&path, spec)?;
        let goes_on = match shim.supervise(handover, Go::Daemon(&daemon), Some(&line))? {
            Over::Recorded { exit, passed } => daemon.tell_done(&exit, passed),
            Over::Void => daemon.tell_void(),
            Over::Last => false,
        };
        if !goes_on {
            return Ok(());
        }
    }
}

/// How a step is over, and whether another may follow in this process.
enum Over {
    /// Its end is recorded, and the next in the line was let go.
    Recorded { exit: Exit, passed: Place },
    /// Somebody has removed it before it was let go, so nothing was started.
    Void,
    /// There must be no other after it: it was never let go, or a stop was requested that could
    /// hit the next.
    Last,
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
                failure: Report::new().map_err(StartError::Memory)?,
            },
            is_spared: process::spare_from_oom(),
            myself: myself()?,
            boot_id: boot_id().map_err(StartError::BootId)?,
            leaf: None,
            has_let_go: false,
        })
    }

    /// The whole step.
    fn supervise(
        &mut self,
        handover: Handover,
        go: Go<'_>,
        line: Option<&Line>,
    ) -> Result<Over, StartError> {
        let Handover { spec, records } = handover;
        failpoint::reach("shim.locked");
        if line.is_none() {
            // By hand.
            records.take_room().map_err(StartError::TakeRoom)?;
        }
        self.leaf = Leaf::renew(self.leaf.take(), &spec);
        let mut place = launch::Place {
            spec: &spec,
            lock: records.file(),
            leaf: &mut self.leaf,
            shim: &self.myself,
            boot_id: &self.boot_id,
            is_spared: self.is_spared,
            failure: &self.tools.failure,
        };
        let waiting = launch::make(&mut place, &records);
        if !go.wait(&self.tools.signals)? {
            drop(waiting);
            return Ok(Over::Last);
        }
        failpoint::reach("shim.go");
        if records.are_removed() || waiting.is_ok() && !spec.log.path.exists() {
            if let Ok(waiting) = waiting {
                waiting.give_up();
            }
            return Ok(Over::Void);
        }
        // Somebody may wait for the end of it; where there is no /dev/null it stays.
        self.has_let_go = self.has_let_go || handshake::let_go_of_stderr().is_ok();
        let begun = monotonic_ms();
        let mut passed = NOBODY;
        let (exit, may_go_on) = match launch::launch(place, waiting, &records) {
            Ok(launched) => {
                let (tools, leaf) = (&mut self.tools, self.leaf.as_ref());
                let outcome = Supervisor::new(&spec, &records, tools, leaf, launched, begun).run();
                let (may_go_on, was_killed) = (!outcome.was_signalled, outcome.was_killed);
                // Nothing of it is left, so its slot is free; a stage has none. Who does not go on
                // does not tell.
                if let Some(line) = line.filter(|_| may_go_on && !spec.stage) {
                    passed = line.let_next_go();
                    failpoint::reach("shim.passed");
                }
                let exit = exit_of(outcome, leaf, begun);
                if let Some(leaf) = self.leaf.as_ref().filter(|_| was_killed) {
                    leaf.note_kill();
                }
                if was_killed && !spec.kill.is_empty() {
                    self.end_elsewhere(&spec, &records);
                }
                (exit, may_go_on)
            }
            // What was refused here may not be refused another process.
            Err(failure) => (exit_of_failure(failure, &spec, begun), false),
        };
        failpoint::reach("shim.empty");
        records.exit(&exit).map_err(StartError::Exit)?;
        Ok(if may_go_on {
            Over::Recorded { exit, passed }
        } else {
            Over::Last
        })
    }
}

impl Shim {
    /// Ends what the kill did not reach, by the command's own words for it. Whether they succeed
    /// is not for the exit record: what they end may be gone already.
    fn end_elsewhere(&mut self, spec: &Spec, records: &Records) {
        let killer = spec.killer();
        let mut place = launch::Place {
            spec: &killer,
            lock: records.file(),
            leaf: &mut None,
            shim: &self.myself,
            boot_id: &self.boot_id,
            is_spared: self.is_spared,
            failure: &self.tools.failure,
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
        duration_ms: monotonic_ms().saturating_sub(begun),
        ..Exit::of_nothing(ended, wall_micros())
    }
}
