//! Whether a job can have mounts of its own. That cannot be tried in a process with threads, nor
//! in one that still has work to do: a short-lived process of this program tries.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// The argument that makes `jobd-stage` try.
pub const PROBE_ARGUMENT: &str = "--probe-mounts";

/// Whether a folder can be mounted read-only for one job alone.
pub(super) fn is_permitted(folder: &Path) -> bool {
    let Ok(program) = std::env::current_exe() else {
        return false;
    };
    Command::new(program)
        .arg(PROBE_ARGUMENT)
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The main of the process that tries.
pub fn probe(folder: &Path) -> ExitCode {
    match try_mount(folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn try_mount(folder: &Path) -> nix::Result<()> {
    let mut flags = CloneFlags::CLONE_NEWNS;
    if !nix::unistd::geteuid().is_root() {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    unshare(flags)?;
    let nothing = None::<&str>;
    mount(
        nothing,
        "/",
        nothing,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        nothing,
    )?;
    mount(Some(folder), folder, nothing, MsFlags::MS_BIND, nothing)?;
    let read_only = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    mount(nothing, folder, nothing, read_only, nothing)
}
