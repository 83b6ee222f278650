//! Turns this process into a supervisor: alone in its session, parent of every orphan below it,
//! free of what it inherited, and the last that the kernel ends when memory is short.
#![expect(unsafe_code, reason = "close_range(2) has no safe wrapper")]

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Uid, setsid};

/// The first descriptor after standard input, output and error.
const FIRST_FREE_FD: libc::c_uint = 3;
/// How much the shim is spared by the out-of-memory killer (proc_pid_oom_score_adj(5)): it is
/// tiny, and without it nobody knows how the step ended.
const OOM_SCORE_ADJ: &str = "-900";
const OOM_SCORE_ADJ_FILE: &str = "/proc/self/oom_score_adj";

/// Closes whatever the daemon left open by accident. To be called before anything is opened.
pub(super) fn close_inherited() {
    // SAFETY: nothing in this process owns a descriptor yet beyond the standard three.
    // A kernel without the call (before 5.9) leaves them open, which harms nobody here.
    let _unsupported = unsafe { libc::close_range(FIRST_FREE_FD, libc::c_uint::MAX, 0) };
}

/// Leaves the daemon's session and adopts the orphans of this tree.
pub(super) fn lead() -> Result<(), Errno> {
    match setsid() {
        // A leader already, such as under setsid(1).
        Ok(_) | Err(Errno::EPERM) => {}
        Err(errno) => return Err(errno),
    }
    prctl::set_child_subreaper(true)?;
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    Ok(())
}

/// Asks to be spared when memory is short; whether that was granted.
pub(super) fn spare_from_oom() -> bool {
    Uid::effective().is_root() && fs::write(OOM_SCORE_ADJ_FILE, OOM_SCORE_ADJ).is_ok()
}

/// An error number as a lowercase fragment, such as `no such file or directory`.
pub(super) fn describe(errno: Errno) -> String {
    let text = match errno {
        // As everybody else says it: this one is no advice.
        Errno::EAGAIN => "Resource temporarily unavailable",
        errno => errno.desc(),
    };
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}

/// The error number behind an error of std.
pub(super) fn errno_of(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}
