//! Moves the output of the step from its pipe into the log.
//!
//! The pipe is always emptied, whatever becomes of the log, so the command never waits for it.
//!
//! Output is read and written until there is much of it. Then it goes by the page: out of the
//! command's pipe into one of our own, which copies nothing, and from there into the log, which
//! copies once instead of twice. Straight into the log it would be one call less, but the kernel
//! locks the pipe until the disk has taken everything, and a command that writes meanwhile could
//! not even be killed.

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
    /// Memory is touched only as far as there is output.
    bytes: Vec<u8>,
    /// Made for the first output that fills the bytes.
    pages: Option<Pipe>,
}

impl Chunk {
    /// Takes the address space.
    pub(super) fn new() -> Chunk {
        Chunk {
            bytes: vec![0; CHUNK_BYTES],
            pages: None,
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
    /// Whether the log takes pages, for all that is known.
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
    pub(super) fn copy(&mut self, Chunk { bytes, pages }: &mut Chunk) -> usize {
        let Some(pipe) = &self.pipe else {
            return 0;
        };
        if let Some(pages) = pages.as_ref().filter(|_| self.by_page)
            && let Some(count) = pages.fill(pipe)
        {
            self.keep(pages, count, bytes);
            return count;
        }
        match read(pipe, bytes) {
            Ok(0) => self.pipe = None,
            Ok(length) => {
                self.log.append(bytes.get(..length).unwrap_or_default());
                if length == bytes.len() && pages.is_none() {
                    // Without it all goes on as it was.
                    *pages = Pipe::new().ok();
                }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    fn with_pages() -> Chunk {
        Chunk {
            pages: Some(Pipe::new().unwrap()),
            ..Chunk::new()
        }
    }

    /// What is in the log when some output went through, and how much is not. What is opened to
    /// append takes no pages.
    fn pumped(name: &str, chunk: &mut Chunk, is_appending: bool) -> (Vec<u8>, u64) {
        let path = std::env::temp_dir().join(format!("jobd-pump-{}-{name}", std::process::id()));
        fs::write(&path, "before ").unwrap();
        let mut options = OpenOptions::new();
        let file = options.write(true).append(is_appending).open(&path);
        let (mut pump, writing) = Pump::new(Log::new(file.unwrap(), 7, 20)).unwrap();
        let mut writing = File::from(writing);
        for output in ["one ", "two ", "three ", "four"] {
            writing.write_all(output.as_bytes()).unwrap();
            assert_eq!(pump.copy(chunk), output.len());
        }
        let log = pump.finish(chunk);
        let content = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(log.bytes(), content.len() as u64);
        (content, log.dropped())
    }

    #[test]
    fn the_log_is_the_same_by_the_page_and_not() {
        let expected = b"before one two three\n[jobd: output beyond 20 bytes was dropped]\n";
        let expected = (expected.to_vec(), 5);
        assert_eq!(pumped("read", &mut Chunk::new(), false), expected);
        assert_eq!(pumped("pages", &mut with_pages(), false), expected);
        assert_eq!(pumped("refused", &mut with_pages(), true), expected);
    }

    #[test]
    fn no_output_of_a_step_stays_for_the_next() {
        let mut chunk = with_pages();
        for (name, is_appending) in [("first", true), ("second", false)] {
            pumped(name, &mut chunk, is_appending);
            let pages = chunk.pages.as_ref().unwrap();
            assert_eq!(read(&pages.reading, &mut [0]), Err(Errno::EAGAIN));
        }
    }

    #[test]
    fn only_much_output_goes_by_the_page() {
        let mut chunk = Chunk::new();
        let null = File::options().write(true).open("/dev/null").unwrap();
        let (mut pump, writing) = Pump::new(Log::new(null, 0, u64::MAX)).unwrap();
        let mut writing = File::from(writing);
        writing.write_all(b"little").unwrap();
        assert_eq!(pump.copy(&mut chunk), 6);
        assert!(chunk.pages.is_none());
        let capacity = fcntl(&writing, FcntlArg::F_GETPIPE_SZ).unwrap();
        if capacity < PIPE_BYTES {
            println!("SKIP: no room in this user's pipes");
            return;
        }
        writing.write_all(&vec![b'm'; PIPE_BYTES as usize]).unwrap();
        assert_eq!(pump.copy(&mut chunk), CHUNK_BYTES);
        assert_eq!(pump.copy(&mut chunk), PIPE_BYTES as usize - CHUNK_BYTES);
        assert_eq!(pump.finish(&mut chunk).bytes(), 6 + PIPE_BYTES as u64);
    }
}
