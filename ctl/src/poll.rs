//! Waiting for file descriptors.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};

/// Waits until one of `fds` is ready or the time is over; says how many are ready.
///
/// # Errors
/// What poll(2) says. An interrupting signal counts as "none is ready".
pub fn wait(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> Result<usize, Errno> {
    match nix::poll::poll(fds, in_poll_units(timeout)) {
        Err(Errno::EINTR) => Ok(0),
        ready => Ok(usize::try_from(ready?).unwrap_or(0)),
    }
}

/// Waits until `fd` can be read; says whether it can before `deadline`.
///
/// # Errors
/// What poll(2) says.
pub fn wait_readable(fd: BorrowedFd<'_>, deadline: Instant) -> Result<bool, Errno> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if wait(&mut [PollFd::new(fd, PollFlags::POLLIN)], Some(left))? > 0 {
            return Ok(true);
        }
        if left.is_zero() {
            return Ok(false);
        }
    }
}

/// Whether anything is to be read or told about a polled descriptor.
pub fn is_ready(fd: &PollFd<'_>) -> bool {
    fd.any().unwrap_or(false)
}

/// Milliseconds, rounded up so that a wait is never a spin.
fn in_poll_units(timeout: Option<Duration>) -> PollTimeout {
    match timeout {
        None => PollTimeout::NONE,
        Some(time) => {
            let millis = time.as_micros().div_ceil(1000);
            PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
        }
    }
}
