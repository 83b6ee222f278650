//! Standard output as something to poll for: writing never blocks, so that Ctrl-C is heard even
//! while the reader of our output is slow.

use std::io::{self, IsTerminal, Stdout};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;

use super::escape::Escaper;
use crate::output::OutputError;

/// A pipe that can be written takes as much without blocking (`PIPE_BUF` of pipe(7)).
const WRITE_BYTES: usize = 4096;

/// Standard output with what it has not taken yet.
#[derive(Debug)]
pub struct Sink {
    stdout: Stdout,
    pending: Vec<u8>,
    written: usize,
    escaper: Option<Escaper>,
    /// Whether a terminal shows the beginning of a line that has no end yet.
    is_mid_line: bool,
}

impl Sink {
    /// Standard output; control characters are escaped on a terminal unless `raw`.
    pub fn new(raw: bool) -> Sink {
        let stdout = io::stdout();
        let escaped = !raw && stdout.is_terminal();
        Sink {
            stdout,
            pending: Vec::new(),
            written: 0,
            escaper: escaped.then(Escaper::default),
            is_mid_line: false,
        }
    }

    /// Whether all is written.
    pub fn is_empty(&self) -> bool {
        self.written == self.pending.len()
    }

    /// Whether all is written and nothing would be overwritten in the line that comes.
    pub fn is_at_line_start(&self) -> bool {
        self.is_empty() && !self.is_mid_line
    }

    /// Takes the next piece of a log, once all is written.
    pub fn put(&mut self, bytes: Vec<u8>, is_end: bool) {
        self.pending = shown(&mut self.escaper, bytes, is_end);
        self.written = 0;
    }

    /// Writes some; call it when the descriptor can be written.
    ///
    /// # Errors
    /// `Stdout`.
    pub fn write(&mut self) -> Result<(), OutputError> {
        let rest = &self.pending[self.written..];
        let piece = &rest[..rest.len().min(WRITE_BYTES)];
        // Past the buffer of the standard library, which would hold back an unfinished line.
        match nix::unistd::write(&self.stdout, piece) {
            Ok(length) => {
                self.written += length;
                if let Some(last) = piece[..length].last() {
                    self.is_mid_line = *last != b'\n' && self.stdout.is_terminal();
                }
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(OutputError::Stdout(errno.into())),
        }
        Ok(())
    }
}

impl AsFd for Sink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stdout.as_fd()
    }
}

/// A piece of a log as it is shown.
pub fn shown(escaper: &mut Option<Escaper>, bytes: Vec<u8>, is_end: bool) -> Vec<u8> {
    let Some(escaper) = escaper else {
        return bytes;
    };
    let mut out = Vec::with_capacity(bytes.len());
    escaper.push(&bytes, &mut out);
    if is_end {
        escaper.finish(&mut out);
    }
    out
}
