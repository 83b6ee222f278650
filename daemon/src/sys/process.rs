//! What a program does to itself when it starts.

#![expect(
    unsafe_code,
    reason = "signal dispositions and passed descriptors are raw"
)]

use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

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
