//! Whether a job can have mounts of its own. That cannot be tried in a process with threads, nor
//! in one that still has work to do: a short-lived process of this program tries.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use nix::errno::Errno;
use nix::unistd::geteuid;

use crate::sys::mount;

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

fn try_mount(folder: &Path) -> Result<(), Errno> {
    let folder = CString::new(folder.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    match mount::enter() {
        // Root may lack the right; what a user namespace is for is who is not root.
        Err(_) if !geteuid().is_root() => mount::enter_as_user()?,
        result => result?,
    }
    mount::keep_to_itself()?;
    mount::bind(&folder, &folder)?;
    mount::set_read_only(&folder)
}
