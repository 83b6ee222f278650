//! Ways to use and misuse the output.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;

use nix::unistd::close;

use super::ends::{live_on, say_ready};
use super::run::Outcome;

/// Bytes that are written at a time.
const CHUNK_BYTES: usize = 64 << 10;
/// Where the pattern of the output begins again: a prime, so that it fits no buffer.
const PERIOD: u64 = 251;

/// Closes standard output and error, and goes on.
pub fn close_both(ready: Option<&Path>) -> Outcome {
    close(libc::STDOUT_FILENO)?;
    close(libc::STDERR_FILENO)?;
    say_ready(ready)?;
    live_on()
}

/// Writes so many bytes. Byte number `i` is `i % 251` where binary, and else a letter of the
/// alphabet by `i % 251 % 26`, without a newline.
pub fn spew(bytes: u64, binary: bool) -> Outcome {
    // Past the line buffer of std.
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut chunk = Vec::with_capacity(CHUNK_BYTES);
    let mut at = 0;
    while at < bytes {
        chunk.clear();
        let end = bytes.min(at + CHUNK_BYTES as u64);
        chunk.extend((at..end).map(|position| byte(position, binary)));
        output.write_all(&chunk)?;
        at = end;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the numbers from 0, one a line.
pub fn lines(count: u64) -> Outcome {
    let mut output = BufWriter::new(io::stdout().lock());
    for number in 0..count {
        writeln!(output, "{number}")?;
    }
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn byte(position: u64, binary: bool) -> u8 {
    let phase = u8::try_from(position % PERIOD).unwrap_or(0);
    if binary { phase } else { b'a' + phase % 26 }
}
