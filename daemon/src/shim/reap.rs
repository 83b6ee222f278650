//! Waits for the children: the main process, and every orphan below it that fell to the shim.
#![expect(
    unsafe_code,
    reason = "nix's waitpid loses the status of a death by real-time signal"
)]

use nix::errno::Errno;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use proto::record::Ended;

/// One look at the children that have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaped {
    /// This one has ended, with this status of wait(2).
    Child { pid: i32, status: i32 },
    /// There are children, and none has ended.
    None,
    /// There is no child. As orphans fall to the shim, no process of the step is left.
    Empty,
}

/// Takes one child that has ended, without waiting.
pub(super) fn next() -> Reaped {
    let mut status = 0;
    // Children that were made without a signal to their parent, too.
    let flags = libc::WNOHANG | libc::__WALL;
    // SAFETY: the status is a valid place for the length of the call.
    match Errno::result(unsafe { libc::waitpid(-1, &raw mut status, flags) }) {
        Ok(0) | Err(Errno::EINTR) => Reaped::None,
        Ok(pid) => Reaped::Child { pid, status },
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

/// What all reaped processes used: CPU milliseconds, and the largest resident set in KiB.
pub(super) fn usage() -> (u64, u64) {
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or((0, 0), |usage| {
        let cpu = micros(usage.user_time()) + micros(usage.system_time());

        (cpu / 1_000, u64::try_from(usage.max_rss()).unwrap_or(0))
    })
}

fn micros(time: TimeVal) -> u64 {
    u64::try_from(time.num_microseconds()).unwrap_or(0)
}
