//! The signals of the shim: those it acts on arrive through a descriptor, so that the loop has
//! one place where everything arrives; those that would end it by accident never do. All are
//! blocked and none is ignored: a child unblocks them in one call and has the actions of a login.
#![expect(
    unsafe_code,
    reason = "setting a signal's action is an unsafe call in nix"
)]

use std::os::fd::{AsFd, BorrowedFd};
use std::ptr;

use libc::c_int;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// One after the last signal number (signal(7)).
const SIGNALS_END: c_int = 65;
/// Bytes of the kernel's signal set (rt_sigaction(2)), for the 64 signals there are.
const SIGSET_BYTES: usize = 8;
/// Words that hold the kernel's `struct sigaction`: handler, flags, restorer and mask.
type KernelAction = [u64; 4];
/// The default action: all zeroes.
const DEFAULT_ACTION: KernelAction = [0; 4];

const ACTED_ON: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGCHLD];

/// SIGXFSZ because a log beyond `RLIMIT_FSIZE` must be an error of the write, not the end.
const HELD_OFF: [Signal; 10] = [
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
pub(super) struct Signals(SignalFd);

impl Signals {
    /// Blocks the signals that are acted on and the accidents.
    pub(super) fn take_over() -> Result<Signals, Errno> {
        let acted_on: SigSet = ACTED_ON.into_iter().collect();
        let all: SigSet = ACTED_ON.into_iter().chain(HELD_OFF).collect();
        all.thread_set_mask()?;
        // What is ignored by inheritance, too: of SIGCHLD the kernel would reap the children.
        (1..SIGNALS_END).for_each(ignore_no_more);
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Signals(SignalFd::with_flags(&acted_on, flags)?))
    }

    /// Takes everything that has arrived.
    pub(super) fn read(&self) -> Arrived {
        let mut arrived = Arrived::default();
        // An error is no signal: the descriptor is our own and does not block.
        while let Ok(Some(info)) = self.0.read_signal() {
            let number = i32::try_from(info.ssi_signo).unwrap_or(0);
            arrived.terminate |= number == libc::SIGTERM;
            arrived.interrupt |= number == libc::SIGINT;
        }
        arrived
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Gives an ignored signal its default action; a handler does not outlive an exec anyway.
fn ignore_no_more(signal: c_int) {
    let mut action = DEFAULT_ACTION;
    // SAFETY: one place is valid for the length of the calls, the other is null.
    unsafe {
        kernel_sigaction(signal, ptr::null(), &raw mut action);
        if action
            .first()
            .is_some_and(|handler| *handler == libc::SIG_IGN as u64)
        {
            kernel_sigaction(signal, &DEFAULT_ACTION, ptr::null_mut());
        }
    }
}

/// rt_sigaction(2), past the C library, which keeps two signals from its callers. It fails for
/// the two that have no other action only.
///
/// # Safety
/// Both are null or valid for the length of the call.
unsafe fn kernel_sigaction(signal: c_int, new: *const KernelAction, old: *mut KernelAction) {
    // SAFETY: the caller's, and the kernel's struct is no longer than ours.
    unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, new, old, SIGSET_BYTES) };
}
