//! Waits for the children: the main process, and every orphan below it that fell to the shim.
#![expect(
    unsafe_code,
    reason = "nix's waitpid loses the status of a death by real-time signal, and has no wait4"
)]

use std::mem::MaybeUninit;

use nix::errno::Errno;
use proto::record::Ended;

/// What ended processes used, with those that they waited for themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// User and system CPU time in microseconds.
    pub cpu_micros: u64,
    /// The largest resident set in KiB.
    pub max_rss_kib: u64,
}

impl Usage {
    /// Adds another process.
    pub(super) fn add(&mut self, other: Usage) {
        self.cpu_micros += other.cpu_micros;
        self.max_rss_kib = self.max_rss_kib.max(other.max_rss_kib);
    }
}

/// One look at the children that have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaped {
    /// This one has ended, with this status of wait(2).
    Child { pid: i32, status: i32, usage: Usage },
    /// There are children, and none has ended.
    None,
    /// There is no child. As orphans fall to the shim, no process of the step is left.
    Empty,
}

/// Takes one child that has ended, without waiting.
pub(super) fn next() -> Reaped {
    let mut status = 0;
    let mut used = MaybeUninit::<libc::rusage>::zeroed();
    // Children that were made without a signal to their parent, too.
    let flags = libc::WNOHANG | libc::__WALL;
    // SAFETY: both are valid places for the length of the call.
    match Errno::result(unsafe { libc::wait4(-1, &raw mut status, flags, used.as_mut_ptr()) }) {
        Ok(0) | Err(Errno::EINTR) => Reaped::None,
        Ok(pid) => Reaped::Child {
            pid,
            status,
            // SAFETY: zeroes are a valid value, and the kernel has filled it.
            usage: usage(unsafe { used.assume_init() }),
        },
        Err(_) => Reaped::Empty,
    }
}

/// The status of wait(2) as the record has it.
pub(super) fn ended(status: i32) -> Ended {
    if libc::WIFSIGNALED(status) {
        Ended::Signaled {
            signal: libc::WTERMSIG(status),
        }
    } else {
        Ended::Exited {
            code: libc::WEXITSTATUS(status),
        }
    }
}

/// Whether a process was killed by SIGKILL.
pub(super) fn was_killed(status: i32) -> bool {
    libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL
}

fn usage(used: libc::rusage) -> Usage {
    let micros = |time: libc::timeval| {
        u64::try_from(time.tv_sec * 1_000_000 + time.tv_usec).unwrap_or_default()
    };
    Usage {
        cpu_micros: micros(used.ru_utime) + micros(used.ru_stime),
        max_rss_kib: u64::try_from(used.ru_maxrss).unwrap_or_default(),
    }
}
