//! How many files and processes the daemon and its jobs may have, against what the slots need.

use std::fs;
use std::path::Path;

use nix::unistd::geteuid;
use proto::finding::Finding;

use crate::core::Capacity;
use crate::core::machine::{GRANTED_MAX, GRANTED_PER_SLOT_MAX};
use crate::exec;
use crate::ipc::CLIENTS_MAX;
use crate::layout::Layout;

/// Descriptors of the daemon for each step: a pidfd, and those of its start.
const FILES_PER_STEP: u64 = 8;
/// Descriptors of the daemon besides: store, logs, runtime.
const FILES_BASE: u64 = 64;
/// Processes that a step is expected to have: the shim, a shell, a program and its threads.
const PROCESSES_PER_STEP: u64 = 16;

/// Limits; none where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    open_files: Option<u64>,
    processes: Option<u64>,
}

/// `process` is the daemon as `/proc` knows it, or `self`: a daemon started here inherits ours.
pub(super) fn check(process: &str, layout: &Layout, capacity: Capacity) -> Vec<Finding> {
    let steps = (capacity.slots + capacity.preparing) as u64;
    let ahead = capacity.slots.saturating_mul(GRANTED_PER_SLOT_MAX);
    // A supervisor that is made ready ahead is watched as one that runs, and is one process.
    let watched = steps + ahead.min(GRANTED_MAX) as u64;
    let read = |process| fs::read_to_string(format!("/proc/{process}/limits"));
    let text = read(process).or_else(|_| read("self")).unwrap_or_default();
    let Some(limits) = parse(&text) else {
        return vec![Finding::weaker(
            "open-files",
            "/proc/self/limits cannot be read",
            "whether the limits fit the slots is not known",
            "mount /proc",
        )];
    };
    let pids = exec::cgroup_parent_path(process, layout.state());
    let room = pids.ok().and_then(|parent| pids_left(&parent));
    let is_root = geteuid().is_root();
    vec![
        open_files(limits.open_files, watched),
        processes(limits.processes.filter(|_| !is_root), steps),
        pids_max(room, steps),
    ]
}

/// The hard limit of open files, which the daemon raises its own to, and the soft one of processes.
fn parse(text: &str) -> Option<Limits> {
    let value = |name: &str, column: usize| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let word = line.split_whitespace().nth(column)?;
        match word {
            "unlimited" => Some(None),
            number => Some(Some(number.parse().ok()?)),
        }
    };
    Some(Limits {
        open_files: value("Max open files", 1)?,
        processes: value("Max processes", 0)?,
    })
}

/// How many processes the tightest of the cgroups from here to the root still takes.
fn pids_left(cgroup: &Path) -> Option<u64> {
    let number = |path: &Path, file: &str| -> Option<u64> {
        fs::read_to_string(path.join(file))
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    let left = cgroup.ancestors().filter_map(|path| {
        let (max, now) = (number(path, "pids.max")?, number(path, "pids.current")?);
        Some(max.saturating_sub(now))
    });
    left.min()
}

fn open_files(limit: Option<u64>, steps: u64) -> Finding {
    const CHECK: &str = "open-files";
    let needed = FILES_BASE + CLIENTS_MAX as u64 + steps * FILES_PER_STEP;
    let Some(limit) = limit else {
        return Finding::ok(CHECK, "RLIMIT_NOFILE: no limit");
    };
    let found = format!("RLIMIT_NOFILE {limit}; {steps} steps and all clients need {needed}");
    if limit >= needed {
        return Finding::ok(CHECK, found);
    }
    Finding::weaker(
        CHECK,
        found,
        "when many clients or steps come together, some are turned away or start later",
        format!(
            "raise the hard limit (ulimit -Hn {needed}, LimitNOFILE= in the unit), or set fewer slots"
        ),
    )
}

fn processes(limit: Option<u64>, steps: u64) -> Finding {
    const CHECK: &str = "processes";
    let needed = steps * PROCESSES_PER_STEP;
    let Some(limit) = limit else {
        return Finding::ok(CHECK, "RLIMIT_NPROC: no limit for this user");
    };
    let found = format!("RLIMIT_NPROC {limit}; {steps} steps need about {needed}");
    if limit >= needed {
        return Finding::ok(CHECK, found);
    }
    Finding::weaker(
        CHECK,
        found,
        "a step may fail to start, or a job to fork; all processes of the user count",
        "raise the limit (ulimit -u, LimitNPROC= in the unit), or set fewer slots",
    )
}

fn pids_max(room: Option<u64>, steps: u64) -> Finding {
    const CHECK: &str = "pids-max";
    let needed = steps * PROCESSES_PER_STEP;
    let Some(room) = room else {
        return Finding::ok(CHECK, "no cgroup v2 limits the number of processes");
    };
    let found =
        format!("the cgroup takes {room} more processes; {steps} steps need about {needed}");
    if room >= needed {
        return Finding::ok(CHECK, found);
    }
    Finding::weaker(
        CHECK,
        found,
        "a step may fail to start, or a job to fork",
        "raise pids.max (TasksMax= in the unit), or set fewer slots",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::finding::Level::{Ok, Weaker};

    #[test]
    fn the_limits_are_read_from_their_columns() {
        let text = "Limit          Soft Limit  Hard Limit  Units\n\
                    Max processes  100         unlimited   processes\n\
                    Max open files 1024        4096        files\n";
        let limits = Limits {
            open_files: Some(4096),
            processes: Some(100),
        };
        assert_eq!(parse(text), Some(limits));
        let endless = text
            .replace("4096", "unlimited")
            .replace("100  ", "unlimited");
        let limits = Limits {
            open_files: None,
            processes: None,
        };
        assert_eq!(parse(&endless), Some(limits));
        assert_eq!(parse(""), None);
    }

    #[test]
    fn more_slots_need_more() {
        let enough = FILES_BASE + CLIENTS_MAX as u64 + 4 * FILES_PER_STEP;
        assert_eq!(open_files(Some(enough), 4).level, Ok);
        assert_eq!(open_files(Some(enough), 5).level, Weaker);
        assert_eq!(open_files(None, 5).level, Ok);
        for judge in [processes, pids_max] {
            assert_eq!(judge(Some(4 * PROCESSES_PER_STEP), 4).level, Ok);
            assert_eq!(judge(Some(4 * PROCESSES_PER_STEP), 5).level, Weaker);
            assert_eq!(judge(None, 10_000).level, Ok);
        }
    }
}
