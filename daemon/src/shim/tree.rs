//! The processes of the step, found as what they are: descendants of the shim.
//!
//! An orphan below a subreaper falls to it, so whatever a command forks, detaches or gives a
//! session of its own stays a descendant. A listing of `/proc` is not a snapshot: processes that
//! fork during it are missed. So a kill is repeated until wait(2) says that no child is left.

use std::collections::HashMap;
use std::fs;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpid};

use crate::sys::pidfd::{self, Stat};

/// Asks every process to end, each once; a stopped one is continued so that it can.
/// `main` is the main process, not yet waited for.
pub(super) fn terminate(main: i32) {
    let others = descendants();
    for signal in [Signal::SIGTERM, Signal::SIGCONT] {
        // The group at once, so that a member that forks right now does not slip through. It may
        // be gone, or not be there yet: then its leader is among the others.
        let has_group = killpg(Pid::from_raw(main), signal).is_ok();
        for process in others
            .iter()
            .filter(|process| !(has_group && process.group == main))
        {
            send(process, signal);
        }
    }
}

/// Kills every process that is seen.
pub(super) fn kill_seen() {
    for process in descendants() {
        send(&process, Signal::SIGKILL);
    }
}

/// The living descendants of this process.
fn descendants() -> Vec<Stat> {
    let mut children: HashMap<i32, Vec<Stat>> = HashMap::new();
    for stat in all() {
        children.entry(stat.parent).or_default().push(stat);
    }
    let mut found = children.remove(&getpid().as_raw()).unwrap_or_default();
    let mut next = 0;
    while let Some(process) = found.get(next) {
        found.extend(children.remove(&process.id.pid).unwrap_or_default());
        next += 1;
    }
    found.retain(|process| process.state != 'Z');
    found
}

/// Every process of the machine that can be read.
fn all() -> impl Iterator<Item = Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| pidfd::stat(pid).ok().flatten())
}

/// What cannot be signalled is gone, or belongs to a user that it became by a set-user-id
/// program: there is nothing more to do than to wait for it.
fn send(process: &Stat, signal: Signal) {
    if process.parent == getpid().as_raw() {
        // Only we can wait for a child of ours, so its pid is its own until we do.
        let _gone = kill(Pid::from_raw(process.id.pid), signal);
    } else if let Ok(Some(fd)) = pidfd::open_verified(&process.id) {
        let _gone = pidfd::signal(&fd, signal);
    }
}
