//! What the daemon hands over: the locked spec and a descriptor through which *go* comes. A shim
//! that is started by hand has the spec as standard output and the *go* pipe as standard input;
//! one of the spawner gets a path with the spec for each step through its socket, and *go*, too.
//!
//! The lock is never let go of between daemon and shim, and nothing runs before *go*: a daemon
//! that dies in between has provably started nothing.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout};
use proto::record::{
    DONE, DONE_BYTES_MAX, EXIT_FILE, GO, RECORD_BYTES_MAX, SPEC_FILE, STARTED_FILE,
    STEP_PATH_BYTES_MAX, Spec,
};
use thiserror::Error;

use super::signals::Signals;
use crate::sys::atomic::{ReadError, read_file_bounded};
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
    /// The spec is not ours.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The spec cannot be read.
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: ReadError },
    /// The spec cannot be understood.
    #[error("cannot understand {path}: {source}")]
    Parse {
        path: PathBuf,
        source: serde_json::Error,
    },
    /// The spec is of another release.
    #[error("{path} has format {major}, which this release cannot read")]
    Format { path: PathBuf, major: u16 },
    /// A step runs at most once.
    #[error("the step has run already: {0} exists")]
    Ran(PathBuf),
    /// The go pipe cannot be read.
    #[error("cannot wait for the go: {0}")]
    Go(io::Error),
}

/// Everything that was handed over.
#[derive(Debug)]
pub(super) struct Handover {
    /// The open step directory.
    pub directory: File,
    /// The open, locked spec: it must live as long as the step.
    pub lock: File,
    /// What is to be done.
    pub spec: Spec,
}

/// Takes the step over; `given` is its spec, locked by the daemon.
pub(super) fn take_over(path: &Path, given: File) -> Result<Handover, HandshakeError> {
    let opened = File::open(path);
    let directory = opened.map_err(|source| HandshakeError::Directory {
        path: path.to_owned(),
        source,
    })?;
    let lock = lock_spec(&path.join(SPEC_FILE), given)?;
    refuse_second_run(path)?;
    let spec = read_spec(&path.join(SPEC_FILE), &lock)?;
    Ok(Handover {
        directory,
        lock,
        spec,
    })
}

/// The next step that the daemon hands over, with its spec; none if the daemon is gone or wants
/// no more, or a stop was requested.
pub(super) fn next_step(
    control: &File,
    signals: &Signals,
) -> Result<Option<(PathBuf, File)>, HandshakeError> {
    if !wait_for_daemon(control, signals)? {
        return Ok(None);
    }
    let message = passing::receive(control, STEP_PATH_BYTES_MAX);
    let message = message.map_err(|errno| HandshakeError::Go(errno.into()))?;
    let path = PathBuf::from(OsStr::from_bytes(&message.bytes));
    let spec = message.descriptors.into_iter().next().map(File::from);
    Ok(spec.filter(|_| path.is_absolute()).map(|spec| (path, spec)))
}

/// Tells the daemon that the step's end is recorded, and the record; whether it still listens.
pub(super) fn tell_done(control: &File, exit: &[u8]) -> bool {
    let mut word = vec![DONE];
    // A long record is to be read from its file.
    if exit.len() < DONE_BYTES_MAX {
        word.extend(exit);
    }
    passing::send(control, &word, &[]).is_ok()
}

/// Waits for *go*; false if the daemon is gone or a stop was requested: then nothing may run.
pub(super) fn wait_for_go(go: &File, signals: &Signals) -> Result<bool, HandshakeError> {
    Ok(wait_for_daemon(go, signals)? && read_go(go).map_err(HandshakeError::Go)?)
}

/// Waits until the daemon says something or is gone; false if a stop was requested.
fn wait_for_daemon(go: &File, signals: &Signals) -> Result<bool, HandshakeError> {
    loop {
        let mut ready = [
            PollFd::new(go.as_fd(), PollFlags::POLLIN),
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        ];
        poll(&mut ready, PollTimeout::NONE).map_err(|errno| HandshakeError::Go(errno.into()))?;
        let [go_ready, signals_ready] = ready.map(|fd| fd.any().unwrap_or(false));
        if signals_ready {
            let arrived = signals.read();
            if arrived.terminate || arrived.interrupt {
                return Ok(false);
            }
        }
        if go_ready {
            return Ok(true);
        }
    }
}

/// Lets go of the daemon's standard error, which may be a terminal or pipe that somebody waits
/// for the end of.
pub(super) fn let_go_of_stderr() -> io::Result<()> {
    Ok(dup2_stderr(File::open("/dev/null")?)?)
}

/// Moves what the daemon gave away from the standard input and output, which are `/dev/null`
/// afterwards: the *go* pipe or the socket, and the spec.
pub(super) fn take_descriptors() -> Result<(File, File), HandshakeError> {
    let keep = |fd: io::Result<OwnedFd>| fd.map(File::from);
    let take = || {
        let go = keep(io::stdin().as_fd().try_clone_to_owned())?;
        let given = keep(io::stdout().as_fd().try_clone_to_owned())?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        Ok((go, given))
    };
    take().map_err(HandshakeError::Descriptors)
}

/// Keeps the description that was given if it is the spec; opens and locks the spec by itself
/// where the shim was started by hand.
fn lock_spec(path: &Path, given: File) -> Result<File, HandshakeError> {
    let is_spec = match (given.metadata(), path.symlink_metadata()) {
        (Ok(given), Ok(spec)) => is_same_file(&given, &spec),
        _ => false,
    };
    // Locking a description anew that holds the lock already does nothing.
    let locked = if is_spec {
        lock::lock(given, path)
    } else {
        lock::exclusive(path)
    };
    Ok(locked?)
}

fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    one.is_file() && one.dev() == other.dev() && one.ino() == other.ino()
}

fn refuse_second_run(path: &Path) -> Result<(), HandshakeError> {
    for name in [STARTED_FILE, EXIT_FILE] {
        let record = path.join(name);
        // An empty one was not filled: nothing ran.
        if record.symlink_metadata().is_ok_and(|found| found.len() > 0) {
            return Err(HandshakeError::Ran(record));
        }
    }
    Ok(())
}

fn read_spec(path: &Path, file: &File) -> Result<Spec, HandshakeError> {
    let path = path.to_owned();
    // The daemon may have left the shared offset at the end.
    let rewound = Seek::rewind(&mut &*file).map_err(ReadError::from);
    let bytes = match rewound.and_then(|()| read_file_bounded(file, RECORD_BYTES_MAX)) {
        Ok(bytes) => bytes,
        Err(source) => return Err(HandshakeError::Read { path, source }),
    };
    match serde_json::from_slice::<Spec>(&bytes) {
        Ok(spec) if spec.format.is_readable() => Ok(spec),
        Ok(spec) => Err(HandshakeError::Format {
            path,
            major: spec.format.major,
        }),
        Err(source) => Err(HandshakeError::Parse { path, source }),
    }
}

fn read_go(mut go: &File) -> io::Result<bool> {
    let mut byte = [0];
    Ok(go.read(&mut byte)? == 1 && byte == [GO])
}
