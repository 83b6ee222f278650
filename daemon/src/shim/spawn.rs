//! The fork of the command's process, and the pipe of its release.
#![expect(unsafe_code, reason = "a fork is unsafe, and clone3(2) has no wrapper")]

use std::fs::File;
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};

use libc::pid_t;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid, pipe2, write};

use super::child::{Child, Given};
use super::command::Command;
use super::report::Report;
use super::streams::Streams;

/// Of clone(2). The constant of the libc crate has a type that it does not fit.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
/// What the new process starts with.
#[derive(Debug)]
pub(super) struct Birth<'a> {
    /// What it becomes.
    pub command: &'a Command,
    /// Its standard output and error.
    pub output: OwnedFd,
    /// What it finds besides its output, where it is a stage.
    pub streams: Option<Streams>,
    /// The lock of the spec, which it must not hold.
    pub lock: &'a File,
    /// The directory of the cgroup that it is born into.
    pub cgroup: Option<&'a File>,
    /// Whether this process is spared by the out-of-memory killer.
    pub is_spared: bool,
    /// Where it says why it cannot become the command.
    pub failure: &'a Report,
}

/// A process that waits for its release. If this is dropped unreleased, the process ends.
#[derive(Debug)]
pub(super) struct Spawned {
    /// The process; it is a session and process group leader when it is released.
    pub pid: i32,
    /// Whether it is in the cgroup.
    pub in_cgroup: bool,
    release: OwnedFd,
    /// Our end of its output: that the command closes its own is no reason to wake up.
    output: OwnedFd,
}

impl Spawned {
    /// Whether nobody has ended it. It is reaped if somebody has.
    pub(super) fn is_alive(&self) -> bool {
        let status = waitpid(Pid::from_raw(self.pid), Some(WaitPidFlag::WNOHANG));
        status == Ok(WaitStatus::StillAlive)
    }

    /// Lets the command run; answers our end of its output.
    pub(super) fn release(self) -> OwnedFd {
        // Fails only if the process is gone, which wait(2) and its failure tell.
        let _gone = write(&self.release, b".");
        self.output
    }
}

/// Makes the process.
///
/// # Errors
/// No process, no memory or no descriptors.
pub(super) fn spawn(birth: Birth<'_>) -> Result<Spawned, Errno> {
    let (released, release) = pipe2(OFlag::O_CLOEXEC)?;
    // Of a process that was never released.
    let _old = birth.failure.take();
    let child = Child {
        command: birth.command,
        output: birth.output.as_raw_fd(),
        streams: birth.streams.as_ref().map(|streams| Given {
            order: streams.order.as_raw_fd(),
            report: streams.report.as_raw_fd(),
        }),
        release: released.as_raw_fd(),
        failure: birth.failure,
        not_ours: [release.as_raw_fd(), birth.lock.as_raw_fd()],
        parent: getpid().as_raw(),
        is_spared: birth.is_spared,
    };
    let (pid, in_cgroup) = fork_into(birth.cgroup)?;
    if pid == 0 {
        // SAFETY: this is the child.
        unsafe { child.become_command() }
    }
    Ok(Spawned {
        pid,
        in_cgroup,
        release,
        output: birth.output,
    })
}

/// Forks into the cgroup, or without it where the kernel refuses; whether it is in the cgroup.
fn fork_into(cgroup: Option<&File>) -> Result<(pid_t, bool), Errno> {
    if let Some(pid) = cgroup.and_then(|directory| clone_into(directory).ok()) {
        return Ok((pid, true));
    }
    // SAFETY: there is one thread, and the child makes plain system calls only.
    Errno::result(unsafe { libc::fork() }).map(|pid| (pid, false))
}

/// A fork whose child is in the cgroup from its first instruction. (Moving a process afterwards
/// also waits for all processors of the machine.)
fn clone_into(directory: &File) -> Result<pid_t, Errno> {
    // SAFETY: zeroes are a valid value of this plain struct.
    let mut arguments: libc::clone_args = unsafe { mem::zeroed() };
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = libc::SIGCHLD as u64;
    arguments.cgroup = u64::try_from(directory.as_raw_fd()).map_err(|_| Errno::EBADF)?;
    let size = mem::size_of::<libc::clone_args>();
    // SAFETY: without a stack and CLONE_VM this is a fork (clone(2)); there is one thread, and
    // the child makes plain system calls only.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size) };
    Errno::result(pid).and_then(|pid| pid_t::try_from(pid).map_err(|_| Errno::EOVERFLOW))
}
