//! From the spec to the released command: its process is made before *go*, and released after.
//!
//! The record of the start is there before the command's first instruction. If it cannot be
//! written, nothing runs.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use proto::record::{Ended, Format, ProcessId, STEP_FILE, Spec, Started};

use super::cgroup::Leaf;
use super::child::{Failure, Stage};
use super::command::{Command, CommandError};
use super::log;
use super::process::{describe, errno_of};
use super::pump::Pump;
use super::record::Records;
use super::report::Report;
use super::spawn::{Birth, Spawned, spawn};
use super::streams::Streams;
use crate::sys::clock::wall_micros;
use crate::sys::failpoint;
use crate::sys::pidfd::{PidfdError, identity};

/// What the machine lacks may be there later: processes, memory, descriptors, disk.
const PASSING: [Errno; 6] = [
    Errno::EAGAIN,
    Errno::ENOMEM,
    Errno::ENFILE,
    Errno::EMFILE,
    Errno::ENOSPC,
    Errno::EDQUOT,
];

/// Why the command did not run: a lowercase fragment, and the kernel's reason.
#[derive(Debug)]
pub(super) struct StartFailure {
    reason: String,
    errno: Option<Errno>,
}

impl StartFailure {
    fn new(what: &str, errno: Errno) -> StartFailure {
        StartFailure {
            reason: format!("{what}: {}", describe(errno)),
            errno: Some(errno),
        }
    }

    fn io(what: &str, error: &io::Error) -> StartFailure {
        StartFailure::new(what, errno_of(error))
    }

    /// What the child reported.
    pub(super) fn of_child(failure: Failure, spec: &Spec) -> StartFailure {
        StartFailure::new(&subject(failure, spec), failure.errno)
    }

    /// As the exit record has it.
    pub(super) fn ended(self) -> Ended {
        let StartFailure { reason, errno } = self;
        match errno {
            Some(errno) if PASSING.contains(&errno) => Ended::Refused {
                reason,
                errno: errno as i32,
            },
            errno => Ended::StartFailed {
                reason,
                errno: errno.map(|errno| errno as i32),
            },
        }
    }
}

impl From<CommandError> for StartFailure {
    fn from(error: CommandError) -> StartFailure {
        StartFailure {
            reason: error.to_string(),
            errno: Some(Errno::EINVAL),
        }
    }
}

impl From<PidfdError> for StartFailure {
    fn from(error: PidfdError) -> StartFailure {
        StartFailure {
            reason: error.to_string(),
            errno: None,
        }
    }
}

/// What a command is started with.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// What to run.
    pub spec: &'a Spec,
    /// The lock of the records.
    pub lock: &'a File,
    /// The cgroup; taken away if the command is not in it.
    pub leaf: &'a mut Option<Leaf>,
    /// This process.
    pub shim: &'a ProcessId,
    /// This boot.
    pub boot_id: &'a str,
    /// Whether this process is spared by the out-of-memory killer.
    pub is_spared: bool,
    /// Where a process says why it cannot become the command.
    pub failure: &'a Report,
}

/// A process that becomes the command once it is released, and the way of its output. If it is
/// dropped, nothing has run.
#[derive(Debug)]
pub(super) struct Waiting {
    spawned: Spawned,
    main: ProcessId,
    pump: Pump,
}

impl Waiting {
    /// Lets it go without a record.
    pub(super) fn release(self) -> Launched {
        Launched {
            main: self.spawned.pid,
            output: self.spawned.release(),
            pump: self.pump,
        }
    }

    /// Ends it.
    pub(super) fn give_up(self) {
        give_up(&self.spawned);
    }
}

/// A command that runs, or is about to report that it does not.
#[derive(Debug)]
pub(super) struct Launched {
    /// The main process.
    pub main: i32,
    /// Our end of its output.
    pub output: OwnedFd,
    /// Its output.
    pub pump: Pump,
}

/// Makes the command's process, before *go*: then its start is a matter of a moment.
///
/// # Errors
/// Why it cannot be made now. It is tried again at *go*.
pub(super) fn make(place: &mut Place<'_>, records: &Records) -> Result<Waiting, StartFailure> {
    let spec = place.spec;
    let command = Command::new(spec)?;
    let path = spec.log.path.display();
    let log = log::open(&spec.log, spec.user.as_ref());
    let log = log.map_err(|error| StartFailure::io(&format!("log {path}"), &error))?;
    let (pump, output) = Pump::new(log).map_err(|error| StartFailure::io("output", &error))?;
    let streams = spec.stage.then(|| Streams::open(records.directory()));
    let streams = streams.transpose();
    let streams = streams.map_err(|(file, error)| StartFailure::io(file, &error))?;
    let birth = Birth {
        command: &command,
        output,
        streams,
        lock: place.lock,
        cgroup: place.leaf.as_ref().map(Leaf::directory),
        is_spared: place.is_spared,
        failure: place.failure,
    };
    failpoint::io("shim.fork").map_err(|error| StartFailure::io("new process", &error))?;
    let spawned = spawn(birth).map_err(|errno| StartFailure::new("new process", errno))?;
    failpoint::reach("shim.forked");
    if let Some(unused) = place.leaf.take_if(|_| !spawned.in_cgroup) {
        unused.remove();
    }
    let main = identity(spawned.pid).map_err(StartFailure::from);
    let main =
        main.and_then(|main| main.ok_or_else(|| StartFailure::new("new process", Errno::ESRCH)));
    match main {
        Ok(main) => Ok(Waiting {
            spawned,
            main,
            pump,
        }),
        Err(failure) => {
            give_up(&spawned);
            Err(failure)
        }
    }
}

/// Starts the command with the process that was made for it, or with another one if that is gone
/// or could not be made.
///
/// # Errors
/// Why it did not start.
pub(super) fn launch(
    mut place: Place<'_>,
    waiting: Result<Waiting, StartFailure>,
    records: &Records,
) -> Result<Launched, StartFailure> {
    let waiting = waiting.ok().filter(|waiting| waiting.spawned.is_alive());
    let waiting = match waiting {
        Some(waiting) => waiting,
        None => make(&mut place, records)?,
    };
    let Waiting {
        spawned,
        main,
        pump,
    } = waiting;
    let Place {
        leaf,
        shim,
        boot_id,
        ..
    } = place;
    let started = Started {
        format: Format::CURRENT,
        shim: shim.clone(),
        main,
        boot_id: boot_id.to_owned(),
        cgroup: leaf.as_ref().map(|leaf| leaf.path().to_owned()),
        at: wall_micros(),
    };
    if let Err(error) = records.started(&started) {
        give_up(&spawned);
        return Err(StartFailure::io(STEP_FILE, &error));
    }
    failpoint::reach("shim.started");
    let main = spawned.pid;
    let output = spawned.release();
    failpoint::reach("shim.released");
    Ok(Launched { main, output, pump })
}

/// Ends a process that was not released.
fn give_up(spawned: &Spawned) {
    let pid = Pid::from_raw(spawned.pid);
    let _gone = kill(pid, Signal::SIGKILL);
    let _reaped = waitpid(pid, None);
}

fn subject(failure: Failure, spec: &Spec) -> String {
    match failure.stage {
        Stage::Session => "new session".to_owned(),
        Stage::Output => "output".to_owned(),
        Stage::DeathSignal => "death signal".to_owned(),
        Stage::Mount => {
            let index = usize::try_from(failure.index).unwrap_or(usize::MAX);
            let mount = spec.mounts.get(index);
            mount.map_or("mount".to_owned(), |one| {
                format!(
                    "{}: mount {} read-only",
                    one.name,
                    one.mount.source.display()
                )
            })
        }
        Stage::Identity => spec
            .user
            .as_ref()
            .map_or("user".to_owned(), |user| format!("user {}", user.uid)),
        Stage::Requirement => {
            let index = usize::try_from(failure.index).unwrap_or(usize::MAX);
            spec.requires
                .get(index)
                .map_or("input".to_owned(), |requirement| {
                    format!("{}: {}", requirement.name, requirement.path.display())
                })
        }
        Stage::Folder => format!("working folder {}", spec.cwd.display()),
        Stage::Program => {
            format!("program {}", spec.argv.first().map_or("", String::as_str))
        }
    }
}
