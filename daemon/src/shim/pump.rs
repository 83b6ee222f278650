//! Moves the output of the step from its pipe into the log.
//!
//! The pipe is always emptied, whatever becomes of the log, so the command never waits for it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{pipe2, read};

use super::log::Log;

/// Bytes in the pipe, if the kernel grants it (the default limit of `pipe-max-size`, pipe(7)):
/// with the usual 64 KiB a command that writes lines waits for us more often.
const PIPE_BYTES: i32 = 1 << 20;
/// Bytes that are moved at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// Where output is on its way; one serves every step of a shim. Memory is touched only as far as
/// there is output.
#[derive(Debug)]
pub(super) struct Chunk(Vec<u8>);

impl Chunk {
    /// Takes the address space.
    pub(super) fn new() -> Chunk {
        Chunk(vec![0; CHUNK_BYTES])
    }
}

/// The reading end and the log.
#[derive(Debug)]
pub(super) struct Pump {
    pipe: Option<OwnedFd>,
    log: Log<File>,
}

impl Pump {
    /// Makes the pipe; the writing end is for the command.
    pub(super) fn new(log: Log<File>) -> io::Result<(Pump, OwnedFd)> {
        let (reading, writing) = pipe2(OFlag::O_CLOEXEC)?;
        // Beyond a user's share of pipe memory it stays small, and works.
        let _refused = fcntl(&reading, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
        // The reading end only: the command's own end blocks as it expects.
        fcntl(&reading, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok((
            Pump {
                pipe: Some(reading),
                log,
            },
            writing,
        ))
    }

    /// What to wait for; none when every writer has closed its end.
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Moves one chunk; how many bytes it had.
    pub(super) fn copy(&mut self, Chunk(chunk): &mut Chunk) -> usize {
        let Some(pipe) = &self.pipe else {
            return 0;
        };
        match read(pipe, chunk) {
            Ok(0) => self.pipe = None,
            Ok(length) => {
                self.log.append(chunk.get(..length).unwrap_or_default());
                return length;
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            // A pipe has no other errors to recover from.
            Err(_) => self.pipe = None,
        }
        0
    }

    /// Moves what is left when no process of the step is. Somebody else may hold the writing end
    /// and go on for ever; what the step itself wrote fits in the pipe.
    pub(super) fn finish(mut self, chunk: &mut Chunk) -> Log<File> {
        let capacity = self.pipe.as_ref().map_or(0, |pipe| {
            fcntl(pipe, FcntlArg::F_GETPIPE_SZ).map_or(PIPE_BYTES, |bytes| bytes)
        });
        let mut rest = usize::try_from(capacity).unwrap_or(0);
        while rest > 0 {
            match self.copy(chunk) {
                0 => break,
                moved => rest = rest.saturating_sub(moved),
            }
        }
        self.log
    }
}
