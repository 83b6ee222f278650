//! What the forked child does before it becomes the command.
//!
//! Between fork and exec only calls that are safe in a signal handler are made
//! (signal-safety(7)): nothing is allocated and nothing panics. What needs nothing but this
//! process is done before the release, which may be long to come; what looks at the world comes
//! after it, so that the command finds the world as it is then.
#![expect(unsafe_code, reason = "after a fork only plain system calls are safe")]

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr;

use libc::{c_int, pid_t};
use nix::errno::Errno;
use proto::record::RequirementKind;
use proto::stage::REPORT_FD;

use super::command::{Command, Identity, Required};
use super::report::Report;

/// The exit code of a child that could not become the command; nobody sees it.
const EXIT_NOT_STARTED: c_int = 127;
/// The first descriptor after standard input, output and error.
const FIRST_FREE_FD: libc::c_uint = 3;

/// What the child was doing when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    Session,
    Output,
    Identity,
    Mount,
    DeathSignal,
    Requirement,
    Folder,
    Program,
}

const STAGES: [Stage; 8] = [
    Stage::Session,
    Stage::Output,
    Stage::Identity,
    Stage::Mount,
    Stage::DeathSignal,
    Stage::Requirement,
    Stage::Folder,
    Stage::Program,
];

/// Why there is no command: the child's only message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    pub stage: Stage,
    /// Which requirement or mount.
    pub index: u32,
    pub errno: Errno,
}

impl Failure {
    /// As one number, which is not 0: the stage from 1 on, the error number, the index.
    pub(super) fn to_number(self) -> u64 {
        let [a, b, c, d] = self.index.to_le_bytes();
        // Error numbers are below 4,096 (errno(3)).
        let [e, f, ..] = (self.errno as i32).to_le_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, self.stage as u8 + 1, 0])
    }

    /// Reads the number; none if it is not one of those.
    pub(super) fn from_number(number: u64) -> Option<Failure> {
        let [a, b, c, d, e, f, stage, _] = number.to_le_bytes();
        Some(Failure {
            stage: *STAGES.get(usize::from(stage.checked_sub(1)?))?,
            index: u32::from_le_bytes([a, b, c, d]),
            errno: Errno::from_raw(i32::from_le_bytes([e, f, 0, 0])),
        })
    }
}

/// What a stage gets besides its output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given {
    pub order: RawFd,
    pub report: RawFd,
}

/// The child's part of everything.
#[derive(Debug)]
pub(super) struct Child<'a> {
    pub command: &'a Command,
    /// The writing end of the output pipe.
    pub output: RawFd,
    /// The files of a stage.
    pub streams: Option<Given>,
    /// The release: one byte, or the end of file if the supervisor died.
    pub release: RawFd,
    /// Where a failure goes.
    pub failure: &'a Report,
    /// What only the supervisor may hold: its end of the release, and the lock of the records.
    pub not_ours: [RawFd; 2],
    /// The supervisor.
    pub parent: pid_t,
    /// Whether the supervisor is spared by the out-of-memory killer, which the command is not.
    pub is_spared: bool,
}

impl Child<'_> {
    /// Becomes the command, or reports why not and ends.
    ///
    /// # Safety
    /// To be called in a forked child only: it gives up descriptors that it does not own.
    pub(super) unsafe fn become_command(&self) -> ! {
        let failure = self.prepare().err().unwrap_or_else(|| {
            self.wait_for_release();
            self.enter().err().unwrap_or_else(|| self.execute())
        });
        self.failure.tell(failure);
        // SAFETY: _exit(2) runs no destructor of the parent.
        unsafe { libc::_exit(EXIT_NOT_STARTED) }
    }

    fn prepare(&self) -> Result<(), Failure> {
        for fd in self.not_ours {
            // SAFETY: a copy of the supervisor's descriptor, which nothing in the child uses.
            unsafe { libc::close(fd) };
        }
        self.check(Stage::Session, new_session())?;
        if self.is_spared {
            reset_oom_score();
        }
        self.check(Stage::Output, redirect(self.output))?;
        if let Some(identity) = &self.command.identity {
            self.check(Stage::Identity, take_identity(identity))?;
        }
        // After the change of identity, which takes it back (PR_SET_PDEATHSIG(2const)).
        self.check(Stage::DeathSignal, die_with_parent())
    }

    /// Finds its place in the world.
    fn enter(&self) -> Result<(), Failure> {
        // Before the mounts, which say less well that something is not there.
        for (index, required) in (0u32..).zip(&self.command.requires) {
            look_for(required).map_err(|errno| Failure {
                stage: Stage::Requirement,
                index,
                errno,
            })?;
        }
        if let Some(mounts) = &self.command.mounts {
            mounts.make().map_err(|(index, errno)| Failure {
                stage: Stage::Mount,
                index,
                errno,
            })?;
            // A user namespace takes it back, too.
            self.check(Stage::DeathSignal, die_with_parent())?;
        }
        self.check(Stage::Folder, change_folder(&self.command.folder))
    }

    fn check(&self, stage: Stage, result: Result<(), Errno>) -> Result<(), Failure> {
        result.map_err(|errno| Failure {
            stage,
            index: 0,
            errno,
        })
    }

    /// Returns when the command may run; ends the child if the supervisor has died.
    fn wait_for_release(&self) {
        let mut byte = 0u8;
        // SAFETY: one byte of room; _exit(2) runs no destructor of the parent.
        unsafe {
            // Signals are blocked, so the call is not interrupted.
            let read = libc::read(self.release, (&raw mut byte).cast(), 1);
            // Released and orphaned before the death signal was asked for.
            if read != 1 || libc::getppid() != self.parent {
                libc::_exit(EXIT_NOT_STARTED);
            }
        }
    }

    /// Returns only if the program cannot be run.
    fn execute(&self) -> Failure {
        let mut first_to_close = FIRST_FREE_FD;
        if let Some(given) = self.streams {
            // Not before: the release may have had that number, which is of no use any more.
            if let Err(errno) = hand_over(given) {
                return Failure {
                    stage: Stage::Output,
                    index: 0,
                    errno,
                };
            }
            first_to_close += 1;
        }
        unblock_signals();
        if let Some(soft) = self.command.open_files {
            restore_open_files(soft);
        }
        // SAFETY: the strings and arrays live as long as the command, each ended by a null.
        unsafe {
            // All descriptors of the supervisor close on exec; this is the second lock.
            libc::close_range(
                first_to_close,
                libc::c_uint::MAX,
                libc::CLOSE_RANGE_CLOEXEC as c_int,
            );
            for candidate in &self.command.candidates {
                libc::execve(
                    candidate.as_ptr(),
                    self.command.plain.as_ptr(),
                    self.command.environment.as_ptr(),
                );
            }
            libc::execve(
                self.command.program.as_ptr(),
                self.command.arguments.as_ptr(),
                self.command.environment.as_ptr(),
            );
        }
        Failure {
            stage: Stage::Program,
            index: 0,
            errno: Errno::last(),
        }
    }
}

fn new_session() -> Result<(), Errno> {
    // SAFETY: no arguments.
    Errno::result(unsafe { libc::setsid() }).map(drop)
}

/// The daemon raised its soft limit of open files for itself; programs that use select(2) fail
/// with a large one, so the command gets back what was usual. A failure leaves the larger one.
fn restore_open_files(soft: libc::rlim_t) {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: the kernel fills the structure before it is read.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, limit.as_mut_ptr()) == 0 {
            let mut limit = limit.assume_init();
            limit.rlim_cur = soft.min(limit.rlim_max);
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// The command is an ordinary candidate when memory is short.
fn reset_oom_score() {
    // SAFETY: constant strings; a failure changes nothing that matters.
    unsafe {
        let fd = libc::open(
            c"/proc/self/oom_score_adj".as_ptr(),
            libc::O_WRONLY | libc::O_CLOEXEC,
        );
        if fd >= 0 {
            libc::write(fd, c"0".as_ptr().cast(), 1);
            libc::close(fd);
        }
    }
}

/// The order becomes standard input, the report the descriptor after standard error.
fn hand_over(given: Given) -> Result<(), Errno> {
    // SAFETY: descriptors only.
    unsafe {
        Errno::result(libc::dup2(given.order, libc::STDIN_FILENO))?;
        Errno::result(libc::dup2(given.report, REPORT_FD))?;
        // Where it had that number already it closes on exec.
        Errno::result(libc::fcntl(REPORT_FD, libc::F_SETFD, 0)).map(drop)
    }
}

/// Standard input is `/dev/null`, which it is in the supervisor.
fn redirect(output: RawFd) -> Result<(), Errno> {
    for fd in [libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: descriptors only.
        Errno::result(unsafe { libc::dup2(output, fd) })?;
    }
    Ok(())
}

/// Groups first: without the rights of the old identity they cannot be changed.
fn take_identity(identity: &Identity) -> Result<(), Errno> {
    let Identity { uid, gid, groups } = identity;
    // SAFETY: the list is valid for its length; the rest are integers.
    unsafe {
        Errno::result(libc::setgroups(groups.len(), groups.as_ptr()))?;
        Errno::result(libc::setresgid(*gid, *gid, *gid))?;
        Errno::result(libc::setresuid(*uid, *uid, *uid))?;
    }
    if holds_identity(identity) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

fn holds_identity(identity: &Identity) -> bool {
    let (mut users, mut groups) = ([0; 3], [0; 3]);
    let [ruid, euid, suid] = &mut users;
    let [rgid, egid, sgid] = &mut groups;
    // SAFETY: six valid places for the length of the calls.
    let read =
        unsafe { libc::getresuid(ruid, euid, suid) == 0 && libc::getresgid(rgid, egid, sgid) == 0 };
    read && users == [identity.uid; 3] && groups == [identity.gid; 3]
}

fn die_with_parent() -> Result<(), Errno> {
    // SAFETY: integers only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }).map(drop)
}

fn look_for(required: &Required) -> Result<(), Errno> {
    let mut found = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the path is ended by a null and there is room for the answer.
    Errno::result(unsafe { libc::stat(required.path.as_ptr(), found.as_mut_ptr()) })?;
    // SAFETY: stat(2) succeeded and filled it.
    let mode = unsafe { found.assume_init() }.st_mode;
    let is_folder = mode & libc::S_IFMT == libc::S_IFDIR;
    match required.kind {
        RequirementKind::Folder if !is_folder => Err(Errno::ENOTDIR),
        RequirementKind::File if is_folder => Err(Errno::EISDIR),
        _ => Ok(()),
    }
}

fn change_folder(path: &CStr) -> Result<(), Errno> {
    // SAFETY: the path is ended by a null.
    Errno::result(unsafe { libc::chdir(path.as_ptr()) }).map(drop)
}

/// The command starts as from a login: nothing is blocked, and nothing is ignored (see
/// [`super::signals`]).
fn unblock_signals() {
    let mut none = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset(3) fills the set.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_number() {
        for stage in STAGES {
            let failure = Failure {
                stage,
                index: 70_000,
                errno: Errno::EACCES,
            };
            assert_eq!(Failure::from_number(failure.to_number()), Some(failure));
        }
        assert_eq!(Failure::from_number(0), None);
        assert_eq!(Failure::from_number(u64::MAX), None);
    }
}
