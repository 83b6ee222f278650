//! The kept part of the output: at most so many bytes, and none after a failed write.
//!
//! What is on disk is an exact prefix of what was written to the pipe, however the disk behaves:
//! after the first failure nothing more is written. Where output was dropped because of the cap,
//! one marker line follows, which counts as bytes in the log and comes on top of the cap.

use std::fs::File;
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, SpliceFFlags, openat, splice};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, fchown};
use proto::record::{LogSpec, User};

use crate::sys::folder;

/// The job's user and group read the log; other users do not.
const MODE: Mode = Mode::from_bits_truncate(0o640);

/// Opens the log to append. A new one belongs to the job's user, who reads it with own rights.
/// The job may have made what it likes of the log and its folder: no link is followed.
pub(super) fn open(spec: &LogSpec, user: Option<&User>) -> io::Result<Log<File>> {
    let (Some(folder), Some(name)) = (spec.path.parent(), spec.path.file_name()) else {
        return Err(ErrorKind::InvalidInput.into());
    };
    let folder = folder::open(folder)?;
    // Without O_APPEND, to which splice(2) does not go: every write looks for the end itself.
    let flags = OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let made = openat(&folder, name, flags | OFlag::O_CREAT | OFlag::O_EXCL, MODE);
    let file = match made {
        Err(Errno::EEXIST) => openat(&folder, name, flags, Mode::empty())?,
        made => {
            let made = made?;
            if let Some(user) = user {
                let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
                fchown(&made, Some(uid), Some(gid))?;
            }
            made
        }
    };
    let file = File::from(file);
    let bytes = file.metadata()?.len();
    Ok(Log::new(file, bytes, spec.bytes_max))
}

/// A log and its account.
#[derive(Debug)]
pub(super) struct Log<W> {
    file: W,
    bytes: u64,
    bytes_max: u64,
    dropped: u64,
    errno: Option<i32>,
    is_marked: bool,
}

impl Log<File> {
    /// Takes bytes out of a pipe, with one copy instead of two; returns how many. Those that it
    /// leaves do not fit, or the kernel refuses: `append` finds out why, and counts them.
    pub(super) fn take(&mut self, pipe: impl AsFd, bytes: usize) -> usize {
        let fitting = bytes.min(self.room());
        let mut taken = 0;
        while taken < fitting {
            self.go_to_end();
            let flags = SpliceFFlags::empty();
            match splice(&pipe, None, &self.file, None, fitting - taken, flags) {
                Ok(0) | Err(_) => break,
                Ok(count) => taken += count,
            }
        }
        self.bytes += taken as u64;
        taken
    }
}

impl<W: Write + Seek> Log<W> {
    /// A log that holds `bytes` already.
    pub(super) fn new(file: W, bytes: u64, bytes_max: u64) -> Log<W> {
        Log {
            file,
            bytes,
            bytes_max,
            dropped: 0,
            errno: None,
            is_marked: false,
        }
    }

    /// Keeps what fits and counts the rest as dropped.
    pub(super) fn append(&mut self, output: &[u8]) {
        let (kept, beyond) = output.split_at(self.room().min(output.len()));
        let unwritten = self.write(kept);
        self.dropped += unwritten + beyond.len() as u64;
        if !beyond.is_empty() {
            self.mark();
        }
    }

    /// Bytes in the log.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of output that are not in the log.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The error number of the write that failed.
    pub(super) fn errno(&self) -> Option<i32> {
        self.errno
    }

    fn room(&self) -> usize {
        if self.errno.is_some() || self.is_marked {
            return 0;
        }
        usize::try_from(self.bytes_max.saturating_sub(self.bytes)).unwrap_or(usize::MAX)
    }

    /// Where that is may change: somebody may empty the log. What has no place has no end.
    fn go_to_end(&mut self) {
        let _has_none = self.file.seek(SeekFrom::End(0));
    }

    fn mark(&mut self) {
        if self.errno.is_none() && !self.is_marked {
            self.is_marked = true;
            let marker = format!(
                "\n[jobd: output beyond {} bytes was dropped]\n",
                self.bytes_max
            );
            self.write(marker.as_bytes());
        }
    }

    /// Writes and returns how many bytes could not be written.
    fn write(&mut self, mut output: &[u8]) -> u64 {
        while !output.is_empty() {
            self.go_to_end();
            match self.file.write(output) {
                Ok(0) => self.errno = Some(libc::EIO),
                Ok(written) => {
                    self.bytes += written as u64;
                    output = output.get(written..).unwrap_or_default();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.errno = Some(error.raw_os_error().unwrap_or(libc::EIO)),
            }
            if self.errno.is_some() {
                break;
            }
        }
        output.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `room` bytes, three at a time, and is full then.
    struct Disk {
        content: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(3).min(self.room - self.content.len());
            if taken == 0 {
                return Err(io::Error::from_raw_os_error(libc::ENOSPC));
            }
            self.content.extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Disk {
        fn seek(&mut self, _to: SeekFrom) -> io::Result<u64> {
            Ok(self.content.len() as u64)
        }
    }

    fn log(room: usize, bytes: u64, bytes_max: u64) -> Log<Disk> {
        Log::new(
            Disk {
                content: Vec::new(),
                room,
            },
            bytes,
            bytes_max,
        )
    }

    #[test]
    fn output_up_to_the_cap_is_kept_without_a_marker() {
        let mut log = log(1_000, 0, 10);
        log.append(b"01234");
        log.append(b"56789");
        assert_eq!(log.file.content, b"0123456789");
        assert_eq!((log.bytes(), log.dropped(), log.errno()), (10, 0, None));
    }

    #[test]
    fn output_beyond_the_cap_is_counted_and_marked_once() {
        let mut log = log(1_000, 2, 10);
        log.append(b"0123456789");
        log.append(b"more");
        let expected = b"01234567\n[jobd: output beyond 10 bytes was dropped]\n";
        assert_eq!(log.file.content, expected);
        assert_eq!((log.bytes(), log.dropped()), (2 + expected.len() as u64, 6));
    }

    #[test]
    fn after_a_failed_write_the_log_stays_a_prefix() {
        let mut log = log(4, 0, 100);
        log.append(b"abcdef");
        log.file.room = 1_000;
        log.append(b"ghi");
        assert_eq!(log.file.content, b"abcd");
        assert_eq!(
            (log.bytes(), log.dropped(), log.errno()),
            (4, 5, Some(libc::ENOSPC))
        );
    }
}
