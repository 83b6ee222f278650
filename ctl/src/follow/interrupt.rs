//! Ctrl-C as something to poll for.

use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::FollowError;

/// Catches Ctrl-C from now on.
#[derive(Debug)]
pub struct Interrupt {
    signals: SignalFd,
}

impl Interrupt {
    /// Begins to catch SIGINT.
    ///
    /// # Errors
    /// `Interrupt` when the kernel refuses.
    pub fn catch() -> Result<Interrupt, FollowError> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGINT);
        mask.thread_block().map_err(FollowError::Interrupt)?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let signals = SignalFd::with_flags(&mask, flags).map_err(FollowError::Interrupt)?;
        Ok(Interrupt { signals })
    }

    /// Takes a Ctrl-C; says whether there was one.
    ///
    /// # Errors
    /// `Interrupt` when the kernel refuses.
    pub fn take(&self) -> Result<bool, FollowError> {
        let signal = self.signals.read_signal().map_err(FollowError::Interrupt)?;
        Ok(signal.is_some())
    }
}

impl AsFd for Interrupt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }
}
