//! The signals of the shim: those it acts on arrive through a descriptor, so that the loop has
//! one place where everything arrives; those that would end it by accident are ignored.
#![expect(unsafe_code, reason = "ignoring a signal is an unsafe call in nix")]

use std::os::fd::{AsFd, BorrowedFd};

use libc::c_int;
use nix::errno::Errno;
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::child::ignored_signals;

const ACTED_ON: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGCHLD];

/// SIGXFSZ because a log beyond `RLIMIT_FSIZE` must be an error of the write, not the end.
const IGNORED: [Signal; 10] = [
    Signal::SIGHUP,
    Signal::SIGPIPE,
    Signal::SIGQUIT,
    Signal::SIGALRM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGTSTP,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
    Signal::SIGXFSZ,
];

/// What arrived since the last look.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Arrived {
    /// SIGTERM.
    pub terminate: bool,
    /// SIGINT.
    pub interrupt: bool,
}

/// The arriving signals, and those that never do.
#[derive(Debug)]
pub(super) struct Signals {
    arriving: SignalFd,
    ignored: Vec<c_int>,
}

impl Signals {
    /// Blocks the signals that are acted on and ignores the accidents.
    pub(super) fn take_over() -> Result<Signals, Errno> {
        let set: SigSet = ACTED_ON.into_iter().collect();
        set.thread_set_mask()?;
        // An inherited SIG_IGN would make the kernel reap the children.
        // SAFETY: no handler is installed, only a standard disposition.
        unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
        for ignored in IGNORED {
            // SAFETY: as above.
            unsafe { signal(ignored, SigHandler::SigIgn) }?;
        }
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Signals {
            arriving: SignalFd::with_flags(&set, flags)?,
            ignored: ignored_signals(),
        })
    }

    /// What this process ignores, by itself or by inheritance.
    pub(super) fn ignored(&self) -> &[c_int] {
        &self.ignored
    }

    /// Takes everything that has arrived.
    pub(super) fn read(&self) -> Arrived {
        let mut arrived = Arrived::default();
        // An error is no signal: the descriptor is our own and does not block.
        while let Ok(Some(info)) = self.arriving.read_signal() {
            let number = i32::try_from(info.ssi_signo).unwrap_or(0);
            arrived.terminate |= number == libc::SIGTERM;
            arrived.interrupt |= number == libc::SIGINT;
        }
        arrived
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.arriving.as_fd()
    }
}
