//! The step directory: the protocol between the daemon and the shim.
//!
//! A step is one supervised process with a directory. Its records are lines of one file
//! ([`file`]): the daemon writes the spec and the job, takes an exclusive `flock` on it and hands
//! the locked descriptor to the shim, which keeps it for life: a locked file is a living shim,
//! without a gap between the daemon's spawn and the shim's first instruction. The shim adds the
//! start before the command runs and the end when no process of the step is left. The start is
//! whole before anything is released; the room for both was taken before.
//!
//! A shim of an older release must be adoptable by a newer daemon, so each record carries its
//! format: a reader takes every minor of its own major (unknown fields are ignored) and refuses
//! another major.
//!
//! Changes: 1.0 first format; 1.1 a refused start, the heartbeat, plain words; 1.2 the order, the
//! report and the mounts of a stage; 1.3 optional mounts, and what stays writable below them; 2.0
//! one file for all records of a step.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::stage::Mount;

pub mod file;

/// The name of the file of the records. Its `flock` is held by a living shim.
pub const STEP_FILE: &str = "step.jsonl";
/// Bytes that are taken for the shim's records before the start, so that a disk which the command
/// fills does not swallow its end. They have about 600; longer ones (a long reason) need space at
/// the end.
pub const RECORD_ROOM_BYTES: u16 = 1024;
/// The record that the command is silent: there as long as it is.
pub const SILENT_FILE: &str = "silent.json";
/// The byte that is written to the go pipe of a shim that is started by hand; end of file instead
/// means "start nothing". A shim of the spawner has an eventfd for it.
pub const GO: u8 = b'g';
/// What a shim of the spawner answers when its step's end is recorded and it can take the next:
/// this byte, the number under which the step that it let go stands in the line
/// ([`NOBODY`] if it let none go), and, unless it is too long, the [`Exit`].
pub const DONE: u8 = b'd';
/// The most bytes of that answer.
pub const DONE_BYTES_MAX: usize = 4_096;
/// What it answers when it was let go and has started nothing: somebody has removed its step.
pub const VOID: u8 = b'v';
/// A number in the line, as eight bytes of the machine's order: what a message of the line holds,
/// with the eventfd that lets the step go.
pub type Place = i64;
/// No place in the line.
pub const NOBODY: Place = 0;
/// The argument that makes a shim a spawner: it forks shims for the daemon at the other end of
/// its standard input.
pub const SPAWNER_ARGUMENT: &str = "--spawner";
/// The most bytes of the path of a step directory (`PATH_MAX` of the kernel).
pub const STEP_PATH_BYTES_MAX: usize = 4_096;
/// The most bytes of a step's records that are read: a job of the largest text, escaped, and what
/// is made of it.
pub const RECORD_BYTES_MAX: u64 = 72 << 20;

/// The version of a record's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// Readers refuse another major.
    pub major: u16,
    /// Readers accept any minor; fields are only ever added.
    pub minor: u16,
}

impl Format {
    /// The format that this release writes.
    pub const CURRENT: Format = Format { major: 2, minor: 0 };

    /// Whether this release can read a record of that format.
    #[must_use]
    pub fn is_readable(self) -> bool {
        self.major == Format::CURRENT.major
    }
}

/// What one shim is to do. Written by the daemon before the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The version of this record.
    pub format: Format,
    /// The name of the job, for `ps` and for a person who reads the file.
    pub job: String,
    /// The name of the step, such as `command`.
    pub step: String,
    /// Counts from 1; a step that provably never ran is attempted again.
    pub attempt: u32,
    /// The program and its arguments. The program is an absolute path.
    pub argv: Vec<String>,
    /// The same command as words that need no shell: tried first, with the search of execvp(3).
    /// Whatever stands against it, `argv` takes its place and tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plain: Vec<String>,
    /// The whole environment of the command.
    pub env: Vec<(String, String)>,
    /// The working folder.
    pub cwd: PathBuf,
    /// Where standard output and standard error go, and how much of it.
    pub log: LogSpec,
    /// Milliseconds of `CLOCK_MONOTONIC` until the command is stopped; none for no limit.
    pub limit_ms: Option<u64>,
    /// Milliseconds between the polite stop and the kill.
    pub grace_ms: u64,
    /// Data that must be there before the command starts, as the job's user sees it.
    #[serde(default)]
    pub requires: Vec<Requirement>,
    /// The user to become; none to stay who the daemon is.
    #[serde(default)]
    pub user: Option<User>,
    /// A cgroup v2 directory in which the shim may make a leaf; none to do without.
    #[serde(default)]
    pub cgroup_parent: Option<PathBuf>,
    /// The signs of life that the command gives; none to ask for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<HeartbeatSpec>,
    /// The soft limit of open files of the command (getrlimit(2)); none to keep the shim's.
    #[serde(default)]
    pub open_files: Option<u64>,
    /// `/proc/sys/kernel/random/boot_id` of the daemon that wrote this: after a restart of the
    /// machine, records that are missing behind it prove nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// Whether the command is a stage ([`crate::stage`]): it finds its order on standard input
    /// and leaves its report on descriptor 3, both files of the step directory.
    #[serde(default)]
    pub stage: bool,
    /// What the command sees read-only, in another place or where it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<InputMount>,
    /// What the command can write to although it lies in what is mounted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writable: Vec<PathBuf>,
    /// What ends what a kill of the command's own processes does not reach, such as a container
    /// that another program runs. It is run as the command's user once the command was killed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kill: Vec<String>,
}

/// Milliseconds for the words that end what a kill does not reach.
const END_ELSEWHERE_MS: u64 = 30_000;

impl Spec {
    /// The words of a forced end as a command of their own: the same user and variables, no
    /// output.
    #[must_use]
    pub fn killer(&self) -> Spec {
        Spec {
            argv: self.kill.clone(),
            plain: Vec::new(),
            log: LogSpec {
                path: "/dev/null".into(),
                bytes_max: self.log.bytes_max,
            },
            limit_ms: Some(END_ELSEWHERE_MS),
            grace_ms: 0,
            requires: Vec::new(),
            cgroup_parent: None,
            heartbeat: None,
            stage: false,
            mounts: Vec::new(),
            writable: Vec::new(),
            kill: Vec::new(),
            ..self.clone()
        }
    }
}

/// The signs of life that a command gives: output, or a change of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatSpec {
    /// The file whose change is a beat; it need not be there.
    pub path: PathBuf,
    /// Milliseconds of silence after which [`SILENT_FILE`] is made.
    pub silence_ms: u64,
    /// Further milliseconds after which the step is stopped; none for never.
    pub kill_ms: Option<u64>,
}

/// The log of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSpec {
    /// The file, appended to; made if it is not there.
    pub path: PathBuf,
    /// The most bytes that are kept. Output beyond is read, counted and dropped.
    pub bytes_max: u64,
}

/// A file or folder that must exist before the command starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// What it is to the user, such as `inputs.data`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What it must be.
    pub kind: RequirementKind,
}

/// A mount with what it is to the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputMount {
    /// Such as `inputs.data`.
    pub name: String,
    /// What is seen where.
    #[serde(flatten)]
    pub mount: Mount,
    /// Whether the command runs without it where it cannot be made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// What a requirement must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequirementKind {
    /// Anything that exists.
    Any,
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// The identity that a command runs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user id.
    pub uid: u32,
    /// The primary group id.
    pub gid: u32,
    /// The supplementary group ids.
    pub groups: Vec<u32>,
}

/// One process, provably: a pid alone may be another process by now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The process id.
    pub pid: i32,
    /// Field 22 of `/proc/PID/stat`: start time in clock ticks since boot (proc(5)).
    pub start_ticks: u64,
}

/// The command may have run from here on. Written by the shim before it lets the command go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The version of this record.
    pub format: Format,
    /// The shim itself: signals for the step go to it.
    pub shim: ProcessId,
    /// The command's main process, leader of its own session and process group.
    pub main: ProcessId,
    /// `/proc/sys/kernel/random/boot_id`: another value means the machine was restarted.
    pub boot_id: String,
    /// The step's cgroup leaf, where there is one.
    pub cgroup: Option<PathBuf>,
    /// When, in microseconds since the Unix epoch.
    pub at: i64,
}

/// How the main process ended: only what the shim saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ended {
    /// `WIFEXITED` of waitpid(2).
    Exited {
        /// The exit code.
        code: i32,
    },
    /// `WIFSIGNALED` of waitpid(2).
    Signaled {
        /// The signal's number.
        signal: i32,
    },
    /// The machine had no room for it: processes, memory, descriptors or disk. Nothing ran, and
    /// it may be tried again.
    Refused {
        /// What was tried and why it failed, as a lowercase fragment.
        reason: String,
        /// The kernel's error number.
        errno: i32,
    },
    /// The command never ran.
    StartFailed {
        /// What was tried and why it failed, as a lowercase fragment.
        reason: String,
        /// The kernel's error number, where there was one.
        errno: Option<i32>,
    },
}

impl Exit {
    /// An end with nothing to tell but how and when: of a step of which nothing ran.
    #[must_use]
    pub fn of_nothing(ended: Ended, at: i64) -> Exit {
        Exit {
            format: Format::CURRENT,
            ended,
            stop: None,
            oom_killed: false,
            at,
            duration_ms: 0,
            log_bytes: 0,
            log_bytes_dropped: 0,
            log_errno: None,
            leftovers_killed: 0,
            cpu_ms: 0,
            max_rss_kib: 0,
        }
    }
}

/// A command is silent. Written by the shim, and removed when it beats again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silent {
    /// The version of this record.
    pub format: Format,
    /// Milliseconds without a sign of life when this was written.
    pub silence_ms: u64,
}

/// Why the shim stopped the step. A main process that was reaped before the first signal was
/// sent ended by itself, and there is no stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The time limit was reached.
    Limit,
    /// It gave no sign of life for too long.
    Silence,
    /// The shim was told to (SIGTERM: with grace, SIGINT: at once).
    Request,
}

/// A stop that the shim carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Why.
    pub reason: StopReason,
    /// Whether the main process had to be killed because the grace period was over.
    pub killed: bool,
}

/// The end of a step: no process of it is left. Written by the shim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The version of this record.
    pub format: Format,
    /// How the main process ended.
    pub ended: Ended,
    /// The stop that came before, if there was one.
    pub stop: Option<Stop>,
    /// Whether the kernel's out-of-memory killer struck in the step's cgroup.
    #[serde(default)]
    pub oom_killed: bool,
    /// When the last process was gone, in microseconds since the Unix epoch.
    pub at: i64,
    /// Milliseconds of `CLOCK_MONOTONIC` from the start to the end.
    pub duration_ms: u64,
    /// Bytes in the log.
    pub log_bytes: u64,
    /// Bytes of output that were dropped: past the cap, or because the disk was full.
    #[serde(default)]
    pub log_bytes_dropped: u64,
    /// The error number of the first write to the log that failed.
    #[serde(default)]
    pub log_errno: Option<i32>,
    /// Processes that outlived the main process and were killed, as far as they were counted.
    #[serde(default)]
    pub leftovers_killed: u32,
    /// User and system CPU time of the whole tree, in milliseconds.
    #[serde(default)]
    pub cpu_ms: u64,
    /// The largest resident set of any process of the tree, in KiB.
    #[serde(default)]
    pub max_rss_kib: u64,
}
