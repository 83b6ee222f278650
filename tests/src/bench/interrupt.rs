//! Ctrl-C: what was started is ended and the folder removed, as after a failure.
#![expect(unsafe_code, reason = "a signal's handler cannot be set otherwise")]

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use super::Outcome;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT and SIGTERM are only remembered. The programs that are started know nothing
/// of it: an exec resets handlers.
///
/// # Errors
/// When the kernel refuses.
pub fn remember() -> Outcome<()> {
    let handler = SigHandler::Handler(note);
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: all that the handler does is to store an atomic.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

extern "C" fn note(_: i32) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// Whether one came.
pub fn came() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Fails when one came.
///
/// # Errors
/// Then.
pub fn check() -> Outcome<()> {
    match came() {
        true => Err("interrupted".into()),
        false => Ok(()),
    }
}
