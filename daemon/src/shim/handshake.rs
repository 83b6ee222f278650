//! What the daemon hands over: the locked records and a descriptor through which *go* comes. A shim
//! that is started by hand has the records as standard output and the *go* pipe as standard input.
//! One of the spawner gets a path with the records for each step through its socket; *go* comes
//! through an eventfd, from the daemon or from the shim whose step ended before ([`super::line`]).
//!
//! The lock is never let go of between daemon and shim, and nothing runs before *go*: a daemon
//! that dies in between has provably started nothing.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout};
use proto::record::file::{Entry, Found, whole_bytes};
use proto::record::{
    DONE, DONE_BYTES_MAX, Exit, GO, Place, RECORD_BYTES_MAX, STEP_FILE, STEP_PATH_BYTES_MAX, Spec,
    Started, VOID,
};
use thiserror::Error;

use super::line::Line;
use super::record::Records;
use super::signals::Signals;
use crate::sys::atomic::{ReadError, read_file_bounded};
use crate::sys::gate::Gate;
use crate::sys::lock::{self, LockError};
use crate::sys::passing;

/// Why the step cannot be taken over.
#[derive(Debug, Error)]
pub(super) enum HandshakeError {
    /// Standard input or output cannot be kept or replaced.
    #[error("cannot take over the standard descriptors: {0}")]
    Descriptors(io::Error),
    /// The step directory is not there.
    #[error("cannot open the step directory {path}: {source}")]
    Directory { path: PathBuf, source: io::Error },
    /// The records are not ours.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The records cannot be read.
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: ReadError },
    /// There is no spec of a format that this release reads.
    #[error("{0} has no spec that this release can read")]
    NoSpec(PathBuf),
    /// A step runs at most once.
    #[error("the step has run already, says {0}")]
    Ran(PathBuf),
    /// The go pipe cannot be read.
    #[error("cannot wait for the go: {0}")]
    Go(io::Error),
}

/// Everything that was handed over.
#[derive(Debug)]
pub(super) struct Handover {
    /// What is to be done.
    pub spec: Spec,
    /// Where to say what came of it; locked, so they must live as long as the step.
    pub records: Records,
}

/// Takes the step over; `given` are its records, locked by the daemon.
pub(super) fn take_over(path: &Path, given: File) -> Result<Handover, HandshakeError> {
    let opened = File::open(path);
    let directory = opened.map_err(|source| HandshakeError::Directory {
        path: path.to_owned(),
        source,
    })?;
    let path = path.join(STEP_FILE);
    let file = lock_records(&path, given)?;
    // The daemon may have left the shared offset at the end.
    let rewound = (&file).rewind().map_err(ReadError::from);
    let bytes = match rewound.and_then(|()| read_file_bounded(&file, RECORD_BYTES_MAX)) {
        Ok(bytes) => bytes,
        Err(source) => return Err(HandshakeError::Read { path, source }),
    };
    let has_run = Entry::Started.find::<Started>(&bytes) != Found::Absent
        || Entry::Exit.find::<Exit>(&bytes) != Found::Absent;
    match Entry::Spec.find(&bytes) {
        _ if has_run => Err(HandshakeError::Ran(path)),
        Found::Whole(spec) => Ok(Handover {
            spec,
            records: Records::new(directory, file, whole_bytes(&bytes) as u64),
        }),
        Found::Absent | Found::Unreadable => Err(HandshakeError::NoSpec(path)),
    }
}

/// The daemon, as a shim of the spawner sees it.
#[derive(Debug)]
pub(super) struct Daemon {
    /// Steps come through it, and words go back.
    control: File,
    /// Whoever opens it lets the step go.
    go: Gate,
}

/// Whom *go* comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Go<'a> {
    /// Somebody's pipe.
    Pipe(&'a File),
    /// The daemon, or another shim for it.
    Daemon(&'a Daemon),
}

/// What a wait ended with.
struct Woken {
    stop: bool,
    first: bool,
    second: bool,
}

impl Daemon {
    /// The next step that is handed over, with its records; none if the daemon is gone or wants no
    /// more, or a stop was requested.
    pub(super) fn next_step(
        &self,
        signals: &Signals,
    ) -> Result<Option<(PathBuf, File)>, HandshakeError> {
        if wait(signals, self.control.as_fd(), None)?.stop {
            return Ok(None);
        }
        let message = passing::receive(&self.control, STEP_PATH_BYTES_MAX);
        let message = message.map_err(|errno| HandshakeError::Go(errno.into()))?;
        let path = PathBuf::from(OsStr::from_bytes(&message.bytes));
        let records = message.descriptors.into_iter().next().map(File::from);
        let records = records.filter(|_| path.is_absolute());
        Ok(records.map(|records| (path, records)))
    }

    /// Tells that the step's end is recorded, the record, and which step was let go; whether the
    /// daemon still listens.
    pub(super) fn tell_done(&self, exit: &Exit, passed: Place) -> bool {
        let mut word = vec![DONE];
        word.extend(passed.to_ne_bytes());
        let exit = serde_json::to_vec(exit).unwrap_or_default();
        // A long record is to be read from its file.
        if word.len() + exit.len() <= DONE_BYTES_MAX {
            word.extend(exit);
        }
        passing::send(&self.control, &word, &[]).is_ok()
    }

    /// Tells that nothing was started.
    pub(super) fn tell_void(&self) -> bool {
        passing::send(&self.control, &[VOID], &[]).is_ok()
    }
}

impl Go<'_> {
    /// Waits; false if the daemon is gone or a stop was requested: then nothing may run.
    pub(super) fn wait(self, signals: &Signals) -> Result<bool, HandshakeError> {
        match self {
            Go::Pipe(pipe) => {
                let woken = wait(signals, pipe.as_fd(), None)?;
                Ok(!woken.stop && read_go(pipe).map_err(HandshakeError::Go)?)
            }
            Go::Daemon(Daemon { control, go }) => {
                // The daemon says nothing before *go*. If it has gone since, the step was let go.
                let woken = wait(signals, go.as_fd(), Some(control.as_fd()))?;
                go.close();
                Ok(!woken.stop && woken.first)
            }
        }
    }
}

/// Waits until one of the two is ready, or a stop is requested.
fn wait(
    signals: &Signals,
    first: BorrowedFd<'_>,
    second: Option<BorrowedFd<'_>>,
) -> Result<Woken, HandshakeError> {
    let mut woken = Woken {
        stop: false,
        first: false,
        second: false,
    };
    while !(woken.stop || woken.first || woken.second) {
        let sources = [Some(signals.as_fd()), Some(first), second];
        let mut ready: Vec<_> = sources
            .into_iter()
            .flatten()
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        poll(&mut ready, PollTimeout::NONE).map_err(|errno| HandshakeError::Go(errno.into()))?;
        let mut ready = ready.iter().map(|fd| fd.any().unwrap_or(false));
        if ready.next() == Some(true) {
            let arrived = signals.read();
            woken.stop = arrived.terminate || arrived.interrupt;
        }
        woken.first = ready.next().unwrap_or(false);
        woken.second = ready.next().unwrap_or(false);
    }
    Ok(woken)
}

/// Lets go of the daemon's standard error, which may be a terminal or pipe that somebody waits
/// for the end of.
pub(super) fn let_go_of_stderr() -> io::Result<()> {
    Ok(dup2_stderr(File::open("/dev/null")?)?)
}

/// Moves what was given to a shim that is started by hand away from the standard input and output,
/// which are `/dev/null` afterwards: the *go* pipe and the records.
pub(super) fn take_descriptors() -> Result<(File, File), HandshakeError> {
    let take = || {
        let go = io::stdin().as_fd().try_clone_to_owned()?;
        let given = io::stdout().as_fd().try_clone_to_owned()?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        Ok((go.into(), given.into()))
    };
    take().map_err(HandshakeError::Descriptors)
}

/// The same for a shim of the spawner: its socket, its *go*, and the line, which was standard
/// error.
pub(super) fn take_daemon() -> Result<(Daemon, Line), HandshakeError> {
    let line = io::stderr().as_fd().try_clone_to_owned();
    let line = Line::new(line.map_err(HandshakeError::Descriptors)?);
    let_go_of_stderr().map_err(HandshakeError::Descriptors)?;
    let (control, go) = take_descriptors()?;
    let go = Gate::from(OwnedFd::from(go));
    Ok((Daemon { control, go }, line))
}

/// Keeps the description that was given if it is that of the records; opens and locks them by
/// itself where the shim was started by hand.
fn lock_records(path: &Path, given: File) -> Result<File, HandshakeError> {
    let are_given = match (given.metadata(), path.symlink_metadata()) {
        (Ok(given), Ok(records)) => is_same_file(&given, &records),
        _ => false,
    };
    // Locking a description anew that holds the lock already does nothing.
    let locked = if are_given {
        lock::lock(given, path)
    } else {
        lock::exclusive(path)
    };
    Ok(locked?)
}

fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    one.is_file() && one.dev() == other.dev() && one.ino() == other.ino()
}

fn read_go(mut go: &File) -> io::Result<bool> {
    let mut byte = [0];
    Ok(go.read(&mut byte)? == 1 && byte == [GO])
}
