//! Moves the output of the step from its pipe into the log.
//!
//! The pipe is always emptied, whatever becomes of the log, so the command never waits for it.
//!
//! Output goes by the page: out of the command's pipe into one of our own, which copies nothing,
//! and from there into the log, which copies once. Straight into the log it would be one call
//! less, but the kernel locks the pipe until the disk has taken everything, and a command that
//! writes meanwhile could not even be killed. What cannot go by the page is read and written.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, splice};
use nix::unistd::{pipe2, read};

use super::log::Log;

/// Bytes in a pipe, if the kernel grants it (the default limit of `pipe-max-size`, pipe(7)): with
/// the usual 64 KiB a command waits for us more often.
const PIPE_BYTES: i32 = 1 << 20;
/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// Where output is on its way, and nothing between two moves; one serves every step of a shim.
#[derive(Debug)]
pub(super) struct Chunk {
    /// None where the kernel gives none.
    pages: Option<Pipe>,
    /// Memory is touched only as far as output is read.
    bytes: Vec<u8>,
}

impl Chunk {
    /// Takes the address space.
    pub(super) fn new() -> Chunk {
        Chunk {
            pages: Pipe::new().ok(),
            bytes: vec![0; CHUNK_BYTES],
        }
    }
}

#[derive(Debug)]
struct Pipe {
    reading: OwnedFd,
    writing: OwnedFd,
}

impl Pipe {
    fn new() -> io::Result<Pipe> {
        let (reading, writing) = pipe2(OFlag::O_CLOEXEC)?;
        // Beyond a user's share of pipe memory it stays small, and works.
        let _refused = fcntl(&reading, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
        // The reading end only: the command's own end blocks as it expects.
        fcntl(&reading, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Pipe { reading, writing })
    }

    /// Moves the pages of another pipe into this one; how many bytes, or none if there are none or
    /// the kernel refuses: read(2) finds out which.
    fn fill(&self, from: &OwnedFd) -> Option<usize> {
        let flags = SpliceFFlags::SPLICE_F_NONBLOCK;
        let moved = splice(from, None, &self.writing, None, PIPE_BYTES as usize, flags);
        moved.ok().filter(|count| *count > 0)
    }
}

/// The reading end and the log.
#[derive(Debug)]
pub(super) struct Pump {
    pipe: Option<OwnedFd>,
    log: Log<File>,
    /// Whether nothing stood against it yet.
    by_page: bool,
}

impl Pump {
    /// Makes the pipe; the writing end is for the command.
    pub(super) fn new(log: Log<File>) -> io::Result<(Pump, OwnedFd)> {
        let Pipe { reading, writing } = Pipe::new()?;
        let pump = Pump {
            pipe: Some(reading),
            log,
            by_page: true,
        };
        Ok((pump, writing))
    }

    /// What to wait for; none when every writer has closed its end.
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Moves what there is, up to a chunk; how many bytes it had.
    pub(super) fn copy(&mut self, Chunk { pages, bytes }: &mut Chunk) -> usize {
        let Some(pipe) = &self.pipe else {
            return 0;
        };
        let pages = pages.as_ref().filter(|_| self.by_page);
        if let Some(pages) = pages
            && let Some(count) = pages.fill(pipe)
        {
            self.keep(pages, count, bytes);
            return count;
        }
        match read(pipe, bytes) {
            Ok(0) => self.pipe = None,
            Ok(length) => {
                self.log.append(bytes.get(..length).unwrap_or_default());
                return length;
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            // A pipe has no other errors to recover from.
            Err(_) => self.pipe = None,
        }
        0
    }

    /// What the log does not take by the page is read, and all that follows.
    fn keep(&mut self, pages: &Pipe, count: usize, bytes: &mut [u8]) {
        self.by_page = self.log.take(&pages.reading, count) == count;
        if self.by_page {
            return;
        }
        while let Ok(length @ 1..) = read(&pages.reading, bytes) {
            self.log.append(bytes.get(..length).unwrap_or_default());
        }
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
