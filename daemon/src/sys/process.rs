//! What a program does to itself when it starts.

#![expect(
    unsafe_code,
    reason = "signal dispositions and passed descriptors are raw"
)]

use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Ignores SIGIO, which a broken lease sends and which would end the process.
///
/// # Errors
/// What sigaction(2) says.
pub fn ignore_sigio() -> nix::Result<()> {
    // SAFETY: ignoring a signal installs no handler of ours.
    unsafe {
        nix::sys::signal::signal(
            nix::sys::signal::SIGIO,
            nix::sys::signal::SigHandler::SigIgn,
        )
    }?;
    Ok(())
}

/// Raises the soft limit of open files to the hard one; answers the soft limit as it was, which
/// jobs are given back: programs that use select(2) fail with a larger one.
///
/// # Errors
/// What getrlimit(2) or setrlimit(2) says.
pub fn raise_open_files() -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(soft)
}

/// Points standard input, output and error at `/dev/null`: nobody looks on any more.
///
/// # Errors
/// When `/dev/null` cannot be opened or duplicated.
pub fn leave_terminal() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    Ok(())
}

/// Takes a descriptor that the service manager has passed to this process.
#[must_use]
pub fn take_passed(fd: RawFd) -> OwnedFd {
    // SAFETY: the service manager opened it for us and nothing else in this process owns it
    // (sd_listen_fds(3)); it is taken once, at start.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// How long a thread that others wait for means to run at a time, in nanoseconds: the least that
/// Linux takes.
const SHORT_SLICE_NS: u64 = 100_000;

/// Tells the scheduler that the calling thread, and those that it starts from now on, run for
/// moments only: when they wake up they go ahead of what runs, and do not wait until that has had
/// its time. Priorities stay, and so does what somebody has set on purpose: another policy. Linux
/// before 6.12 takes no notice.
///
/// # Errors
/// What `sched_getattr(2)` or `sched_setattr(2)` says.
pub fn take_short_slices() -> nix::Result<()> {
    const SELF: libc::pid_t = 0;
    const NO_FLAGS: libc::c_uint = 0;
    // SAFETY: all of it is numbers.
    let mut attributes: libc::sched_attr = unsafe { mem::zeroed() };
    let (to, size) = (&raw mut attributes, size_of::<libc::sched_attr>());
    // SAFETY: the kernel writes as many bytes as it is told that there are.
    let read = unsafe { libc::syscall(libc::SYS_sched_getattr, SELF, to, size, NO_FLAGS) };
    Errno::result(read)?;
    if attributes.sched_policy != libc::SCHED_OTHER.unsigned_abs() {
        return Ok(());
    }
    attributes.sched_runtime = SHORT_SLICE_NS;
    let from = &raw const attributes;
    // SAFETY: the kernel reads as many bytes as the structure says that it has.
    let set = unsafe { libc::syscall(libc::SYS_sched_setattr, SELF, from, NO_FLAGS) };
    Errno::result(set).map(drop)
}
