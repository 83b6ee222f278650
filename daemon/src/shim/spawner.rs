//! `jobd-shim --spawner`: a process that makes shims by forking itself. It is small and has
//! nothing to load, so a shim from it costs a fraction of one that is executed.
//!
//! The daemon sends what becomes the standard input, output and error of a new shim (see
//! [`super::handshake`]), and receives the shim's pidfd or an error number. Nothing is remembered: when the daemon closes
//! its end the spawner ends, and the shims go on with their steps.
#![expect(unsafe_code, reason = "a fork is unsafe")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};

use super::signals::Signals;
use super::title::Title;
use crate::sys::{passing, pidfd};

/// Bytes of a request: it is its descriptors that count.
const REQUEST_BYTES_MAX: usize = 1;

/// How the spawner's work ended.
#[derive(Debug)]
pub(super) enum Served {
    /// In the spawner: the daemon has gone.
    End,
    /// In a new process: it is a shim, and this is where it is named after its steps.
    Shim(Title),
}

/// Makes shims until the daemon closes its end of standard input.
///
/// # Errors
/// When the signals or the socket cannot be used.
pub(super) fn serve() -> Result<Served, Errno> {
    // Away from the terminal's signals; a leader already under setsid(1).
    match setsid() {
        Ok(_) | Err(Errno::EPERM) => {}
        Err(errno) => return Err(errno),
    }
    let signals = Signals::take_over()?;
    let title = Title::find();
    let socket = io::stdin();
    loop {
        let [is_request, is_signal] = wait(socket.as_fd(), signals.as_fd())?;
        if is_signal {
            let arrived = signals.read();
            reap();
            if arrived.terminate || arrived.interrupt {
                return Ok(Served::End);
            }
        }
        if is_request {
            let request = passing::receive(&socket, REQUEST_BYTES_MAX)?;
            let Ok([control, go, line]) = <[OwnedFd; 3]>::try_from(request.descriptors) else {
                return Ok(Served::End);
            };
            // SAFETY: there is one thread.
            match unsafe { fork() } {
                Ok(ForkResult::Parent { child }) => answer(socket.as_fd(), child)?,
                Ok(ForkResult::Child) => {
                    dup2_stdin(control)?;
                    dup2_stdout(go)?;
                    dup2_stderr(line)?;
                    return Ok(Served::Shim(title));
                }
                Err(errno) => refuse(socket.as_fd(), errno)?,
            }
        }
    }
}

fn wait(socket: BorrowedFd<'_>, signals: BorrowedFd<'_>) -> Result<[bool; 2], Errno> {
    let mut ready = [socket, signals].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    match poll(&mut ready, PollTimeout::NONE) {
        Ok(_) => Ok(ready.map(|fd| fd.any().unwrap_or(true))),
        Err(Errno::EINTR) => Ok([false; 2]),
        Err(errno) => Err(errno),
    }
}

/// A child that has not been reaped: its pid is its own.
fn answer(socket: BorrowedFd<'_>, child: Pid) -> Result<(), Errno> {
    match pidfd::open_child(child.as_raw()) {
        Ok(shim) => passing::send(socket, &0i32.to_ne_bytes(), &[shim.as_fd()]),
        // It is never told to go, so it ends.
        Err(_) => refuse(socket, Errno::EMFILE),
    }
}

fn refuse(socket: BorrowedFd<'_>, errno: Errno) -> Result<(), Errno> {
    passing::send(socket, &(errno as i32).to_ne_bytes(), &[])
}

fn reap() {
    while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        if status == WaitStatus::StillAlive {
            return;
        }
    }
}
