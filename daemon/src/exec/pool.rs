//! Shims: one supervises one step after another, each handed to it through a socket. A shim that
//! is done waits for the next step, which then needs no new process and no new cgroup.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use proto::record::{DONE, DONE_BYTES_MAX, Exit, Place, VOID};

use super::spawner::Spawner;
use crate::sys::gate::Gate;
use crate::sys::{failpoint, passing, pidfd};

/// The most shims that wait for a step: as many as two slots keep busy with what is made ready, so
/// that none ends in a lull of a long queue. Each is one small process that sleeps.
pub const IDLE_SHIMS_MAX: usize = 16;

/// A shim that this daemon has started. If it is dropped, the shim ends when its step has ended;
/// one whose step was not let go ends at once and has started nothing.
#[derive(Debug)]
pub struct Shim {
    process: OwnedFd,
    control: OwnedFd,
    go: Gate,
    is_retired: bool,
}

/// What a shim has said.
#[derive(Debug)]
pub enum Word {
    /// The end of its step is recorded: so, unless that was too long to say.
    Done {
        /// The record.
        exit: Option<Box<Exit>>,
        /// The step of the line that it let go, or [`proto::record::NOBODY`].
        passed: Place,
    },
    /// It has started nothing: somebody has removed its step.
    Void,
    /// It has ended, or is just ending.
    Gone,
}

impl Shim {
    /// Hands a step over: its folder, and its spec, whose lock goes with it.
    fn hand_over(&self, folder: &Path, spec: BorrowedFd<'_>) -> Result<(), Errno> {
        passing::send(
            &self.control,
            folder.as_os_str().as_encoded_bytes(),
            &[spec],
        )
    }

    /// What lets its step go when it is opened; once more changes nothing.
    pub fn gate(&self) -> &Gate {
        &self.go
    }

    /// Asks it to stop its step.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn stop(&mut self, signal: Signal) -> Result<(), pidfd::PidfdError> {
        // The signal may come too late for this step, and must not hit another.
        self.retire();
        pidfd::signal(&self.process, signal).map(drop)
    }

    /// This is its last step: what is meant for it may come when it has another.
    pub fn retire(&mut self) {
        self.is_retired = true;
    }

    /// Readable when it has said something.
    pub fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    /// Reads what it has said, once that is readable.
    pub fn listen(&self) -> Word {
        let word = passing::receive(&self.control, DONE_BYTES_MAX);
        match word.map(|word| word.bytes).as_deref() {
            Ok([DONE, rest @ ..]) => match rest.split_first_chunk() {
                Some((passed, exit)) => Word::Done {
                    exit: serde_json::from_slice(exit).ok(),
                    passed: Place::from_ne_bytes(*passed),
                },
                None => Word::Gone,
            },
            Ok([VOID]) => Word::Void,
            _ => Word::Gone,
        }
    }

    /// What tells when it has ended.
    pub fn into_process(self) -> OwnedFd {
        self.process
    }
}

/// The shims that have no step, and what makes more.
pub struct Pool {
    spawner: Spawner,
    /// Where the shims take the next step to let go.
    line: OwnedFd,
    idle: Vec<Shim>,
}

impl Pool {
    /// Starts nothing yet; `program` is the shim, `line` the end of the line where it takes
    /// others out.
    #[must_use]
    pub fn new(program: PathBuf, line: OwnedFd) -> Pool {
        Pool {
            spawner: Spawner::new(program),
            line,
            idle: Vec::new(),
        }
    }

    /// The shim's program.
    #[must_use]
    pub fn program(&self) -> &Path {
        self.spawner.program()
    }

    /// Makes a shim, so that the first job need not wait for it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn warm_up(&mut self) -> io::Result<()> {
        let shim = self.spawn()?;
        self.give_back(shim);
        Ok(())
    }

    /// A shim that has taken the step over and waits for *go*.
    ///
    /// # Errors
    /// When there is no process for it. Nothing ran.
    pub fn hand_over(&mut self, folder: &Path, spec: BorrowedFd<'_>) -> io::Result<Shim> {
        failpoint::io("exec.spawn")?;
        while let Some(shim) = self.idle.pop() {
            match shim.hand_over(folder, spec) {
                Ok(()) => return Ok(shim),
                Err(error) => tracing::warn!(%error, "a supervisor without a step has ended"),
            }
        }
        let shim = self.spawn()?;
        shim.hand_over(folder, spec)?;
        Ok(shim)
    }

    /// Takes back a shim that is done.
    pub fn give_back(&mut self, shim: Shim) {
        if !shim.is_retired && self.idle.len() < IDLE_SHIMS_MAX {
            // It may have been opened twice.
            shim.go.close();
            self.idle.push(shim);
        }
    }

    fn spawn(&mut self) -> io::Result<Shim> {
        let (control, its) = passing::pair()?;
        let go = Gate::new()?;
        let given = [its.as_fd(), go.as_fd(), self.line.as_fd()];
        let process = self.spawner.spawn(given)?;
        Ok(Shim {
            process,
            control,
            go,
            is_retired: false,
        })
    }
}
