//! Kills what a dead shim left behind: by its cgroup, and by the cookie that every process of a
//! step carries in its environment, whatever it forked or detached.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;

use crate::core::plan::COOKIE;
use crate::sys::pidfd;

/// How often the processes are looked through: what forks meanwhile is found by the next look.
const SWEEPS_MAX: usize = 50;

/// Kills every process of the step with that folder; answers how many were found.
pub fn kill(folder: &Path, cgroup: Option<&Path>) -> usize {
    if let Some(cgroup) = cgroup {
        kill_cgroup(cgroup);
    }
    let cookie = format!("{COOKIE}={}", folder.to_string_lossy());
    let mut killed = 0;
    for _ in 0..SWEEPS_MAX {
        let found = sweep(cookie.as_bytes());
        if found == 0 {
            break;
        }
        killed += found;
    }
    killed
}

fn kill_cgroup(cgroup: &Path) {
    match fs::write(cgroup.join("cgroup.kill"), "1") {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        Err(error) => tracing::warn!(%error, cgroup = %cgroup.display(), "kill a cgroup"),
    }
    if let Err(error) = fs::remove_dir(cgroup) {
        tracing::debug!(%error, cgroup = %cgroup.display(), "a cgroup is not empty yet");
    }
}

fn sweep(cookie: &[u8]) -> usize {
    let Ok(processes) = fs::read_dir("/proc") else {
        return 0;
    };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| kill_if_marked(*pid, cookie))
        .count()
}

/// The identity is taken before the environment is read, so the process that is signalled is the
/// one whose cookie was seen.
fn kill_if_marked(pid: i32, cookie: &[u8]) -> bool {
    let Ok(Some(identity)) = pidfd::identity(pid) else {
        return false;
    };
    let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else {
        return false;
    };
    if !environment
        .split(|byte| *byte == 0)
        .any(|variable| variable == cookie)
    {
        return false;
    }
    match pidfd::open_verified(&identity) {
        Ok(Some(process)) => pidfd::signal(&process, Signal::SIGKILL).unwrap_or(false),
        _ => false,
    }
}
