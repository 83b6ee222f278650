//! Finding every process that belongs to a folder: its name stands in their environment or in
//! their arguments, whatever they forked or detached.

use std::fs;
use std::path::Path;

/// The pids of all living processes that name the folder, except this one.
pub(super) fn processes_of(folder: &Path) -> Vec<i32> {
    let needle = folder.as_os_str().as_encoded_bytes();
    let own = i32::try_from(std::process::id()).unwrap();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| *pid != own && names(*pid, needle))
        .collect()
}

/// Whether a process names the folder now. Numbers of processes come again: whoever kills by a
/// list that took its time looks once more.
pub(super) fn is_of(folder: &Path, pid: i32) -> bool {
    names(pid, folder.as_os_str().as_encoded_bytes())
}

fn names(pid: i32, needle: &[u8]) -> bool {
    ["environ", "cmdline"].into_iter().any(|file| {
        fs::read(format!("/proc/{pid}/{file}"))
            .is_ok_and(|text| text.windows(needle.len()).any(|part| part == needle))
    })
}

/// The cgroup that a daemon made for its jobs, as its log tells.
pub(super) fn remove_cgroups(state: &Path) {
    for parent in cgroups(state) {
        for leaf in fs::read_dir(&parent).into_iter().flatten().flatten() {
            // Files of the cgroup itself cannot be removed, and need not be.
            let _busy = fs::remove_dir(leaf.path());
        }
        let _busy = fs::remove_dir(&parent);
    }
}

fn cgroups(state: &Path) -> Vec<std::path::PathBuf> {
    let logs = fs::read_dir(state.join("log"))
        .into_iter()
        .flatten()
        .flatten();
    let texts = logs.filter_map(|log| fs::read_to_string(log.path()).ok());
    let mut found: Vec<_> = texts
        .flat_map(|text| {
            let parts = text.split("cgroup=Some(\"").skip(1);
            let paths = parts.filter_map(|part| Some(part.split_once('"')?.0.into()));
            paths.collect::<Vec<_>>()
        })
        .collect();
    found.dedup();
    found
}
