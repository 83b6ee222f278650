//! Processes, provably: a pid alone may be another process by now.
//!
//! A process is named by its pid and its start time (and, across a restart of the machine, by
//! the boot id, which the caller compares). It is signalled through a pidfd only, which cannot
//! come to mean another process.
#![expect(
    unsafe_code,
    reason = "the pidfd system calls have no safe wrapper in nix"
)]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use proto::record::ProcessId;
use thiserror::Error;

/// More than the bytes of a `/proc/PID/stat`: 52 numbers and a name of at most 64 bytes.
const STAT_BYTES: usize = 2048;

/// Why a process was not looked at or not signalled.
#[derive(Debug, Error)]
pub enum PidfdError {
    /// pidfd_open(2) failed for another reason than that there is no such process.
    #[error("cannot open process {pid}: {errno}")]
    Open {
        /// The process.
        pid: i32,
        /// The reason.
        errno: Errno,
    },
    /// `/proc/PID/stat` cannot be read or understood.
    #[error("cannot read the state of process {pid}: {source}")]
    Stat {
        /// The process.
        pid: i32,
        /// The reason.
        source: io::Error,
    },
    /// pidfd_send_signal(2) failed for another reason than that the process is gone.
    #[error("cannot send {signal}: {errno}")]
    Signal {
        /// The signal.
        signal: Signal,
        /// The reason.
        errno: Errno,
    },
}

/// What `/proc/PID/stat` says of a process (proc_pid_stat(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Who it is.
    pub id: ProcessId,
    /// Field 3, such as `Z` for a process that has ended and was not waited for.
    pub state: char,
    /// Field 4, the parent.
    pub parent: i32,
    /// Field 5, the process group.
    pub group: i32,
}

/// Reads the state of a process; none if there is no such process.
///
/// # Errors
/// [`PidfdError::Stat`].
pub fn stat(pid: i32) -> Result<Option<Stat>, PidfdError> {
    match read_stat(pid) {
        Ok(bytes) => parse_stat(&bytes)
            .map(Some)
            .ok_or_else(|| PidfdError::Stat {
                pid,
                source: io::ErrorKind::InvalidData.into(),
            }),
        Err(error) if is_gone(&error) => Ok(None),
        Err(source) => Err(PidfdError::Stat { pid, source }),
    }
}

/// The identity of a process that is there (also one that has ended and was not waited for);
/// none if there is no such process.
///
/// # Errors
/// [`PidfdError::Stat`].
pub fn identity(pid: i32) -> Result<Option<ProcessId>, PidfdError> {
    Ok(stat(pid)?.map(|stat| stat.id))
}

/// Opens exactly that process; none if it is gone, also where its pid is another process by now.
/// The boot id is the caller's to compare: start times of two boots say nothing.
///
/// # Errors
/// [`PidfdError::Open`] and [`PidfdError::Stat`].
pub fn open_verified(process: &ProcessId) -> Result<Option<OwnedFd>, PidfdError> {
    let Some(fd) = open(process.pid)? else {
        return Ok(None);
    };
    // While the process behind the descriptor is not reaped its pid is not given away. So if it
    // is there after the read, what was read is its own.
    let found = identity(process.pid)?;
    let same = found.as_ref() == Some(process) && exists(&fd);
    Ok(same.then_some(fd))
}

/// Opens a child of this process that has not been reaped: its pid cannot be another's.
///
/// # Errors
/// [`PidfdError::Open`], also where there is no such process.
pub fn open_child(pid: i32) -> Result<OwnedFd, PidfdError> {
    open(pid)?.ok_or(PidfdError::Open {
        pid,
        errno: Errno::ESRCH,
    })
}

/// Sends a signal; false if the process is gone.
///
/// # Errors
/// [`PidfdError::Signal`], for example where the process belongs to another user.
pub fn signal(process: &OwnedFd, signal: Signal) -> Result<bool, PidfdError> {
    match send(process, signal as libc::c_int) {
        Ok(()) => Ok(true),
        Err(Errno::ESRCH) => Ok(false),
        Err(errno) => Err(PidfdError::Signal { signal, errno }),
    }
}

fn open(pid: i32) -> Result<Option<OwnedFd>, PidfdError> {
    // SAFETY: pidfd_open(2) takes two integers and touches no memory of ours.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    match Errno::result(result) {
        // A descriptor fits a C int.
        #[expect(clippy::cast_possible_truncation, reason = "descriptors are C ints")]
        // SAFETY: the kernel has just made this descriptor for us alone, with close-on-exec.
        Ok(fd) => Ok(Some(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })),
        Err(Errno::ESRCH) => Ok(None),
        Err(errno) => Err(PidfdError::Open { pid, errno }),
    }
}

fn exists(process: &OwnedFd) -> bool {
    // Not allowed to signal it is also proof that it is there.
    send(process, 0) != Err(Errno::ESRCH)
}

fn send(process: &OwnedFd, signal: libc::c_int) -> Result<(), Errno> {
    let info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null siginfo is allowed (pidfd_send_signal(2)); the rest are integers.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_fd().as_raw_fd(),
            signal,
            info,
            0,
        )
    };
    Errno::result(result).map(drop)
}

/// In one read: whoever lists many processes reads many of these.
fn read_stat(pid: i32) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(STAT_BYTES);
    File::open(format!("/proc/{pid}/stat"))?
        .take(STAT_BYTES as u64)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The second field is a name in parentheses that may itself hold spaces and parentheses.
fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    let text = String::from_utf8_lossy(bytes);
    let pid = text.split(' ').next()?.parse().ok()?;
    let mut after_name = text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = after_name.next()?.chars().next()?;
    let parent = after_name.next()?.parse().ok()?;
    let group = after_name.next()?.parse().ok()?;
    // Fields 6 to 21 lie between the group (5) and the start time (22).
    let start_ticks = after_name.nth(16)?.parse().ok()?;
    Some(Stat {
        id: ProcessId { pid, start_ticks },
        state,
        parent,
        group,
    })
}

/// A process may go between the opening of its file and the read.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = b"42 (a) b (c)) S 7 43 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 9 9\n";
        let stat = parse_stat(line).unwrap();
        assert_eq!(
            stat.id,
            ProcessId {
                pid: 42,
                start_ticks: 987_654
            }
        );
        assert_eq!((stat.state, stat.parent, stat.group), ('S', 7, 43));
        assert!(parse_stat(b"42 (short) S 7").is_none());
    }

    #[test]
    fn only_the_very_process_is_opened_and_signalled() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let id = identity(i32::try_from(child.id()).unwrap())
            .unwrap()
            .unwrap();
        let later = ProcessId {
            start_ticks: id.start_ticks + 1,
            ..id.clone()
        };
        assert!(open_verified(&later).unwrap().is_none());
        let fd = open_verified(&id).unwrap().unwrap();
        assert!(signal(&fd, Signal::SIGKILL).unwrap());
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
        assert!(!signal(&fd, Signal::SIGKILL).unwrap());
        assert!(open_verified(&id).unwrap().is_none());
    }
}
