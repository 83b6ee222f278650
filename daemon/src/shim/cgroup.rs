//! The fence around the step, where the daemon may have one: a leaf of cgroup v2, which the
//! command is born into and which the kernel kills as a whole (cgroup-v2, "Core Interface Files").
//!
//! Everything here may fail, and then the step goes on without.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use proto::record::Spec;

/// How often, and how many milliseconds apart, the removal of an empty leaf is tried: the last
/// process counts as a member until the kernel has switched away from it.
const REMOVALS: u32 = 50;
const REMOVAL_PAUSE: Duration = Duration::from_millis(2);

/// The step's own cgroup.
#[derive(Debug)]
pub(super) struct Leaf {
    path: PathBuf,
    directory: File,
}

impl Leaf {
    /// Makes the leaf; none where the spec wants none or the kernel does not give one that it
    /// can kill (`cgroup.kill` is of Linux 5.14).
    pub(super) fn make(spec: &Spec) -> Option<Leaf> {
        let path = spec.cgroup_parent.as_ref()?.join(name(spec));
        // An empty one of an attempt that never ran is in the way. One with processes stays.
        let _absent = fs::remove_dir(&path);
        fs::create_dir(&path).ok()?;
        match File::open(&path) {
            Ok(directory) if path.join("cgroup.kill").exists() => Some(Leaf { path, directory }),
            _ => {
                let _left_over = fs::remove_dir(&path);
                None
            }
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The open directory.
    pub(super) fn directory(&self) -> &File {
        &self.directory
    }

    /// Kills every member, also one that is being forked.
    pub(super) fn kill(&self) -> io::Result<()> {
        fs::write(self.path.join("cgroup.kill"), "1")
    }

    /// Whether the out-of-memory killer struck here; false without the memory controller.
    pub(super) fn was_out_of_memory(&self) -> bool {
        fs::read_to_string(self.path.join("memory.events")).is_ok_and(|text| has_oom_kill(&text))
    }

    /// Removes it, with the cgroups that the command may have made in it.
    pub(super) fn remove(self) {
        for _ in 0..REMOVALS {
            match remove_tree(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    thread::sleep(REMOVAL_PAUSE);
                }
                // What is left is empty; the daemon removes its parent some day.
                _ => return,
            }
        }
    }
}

/// Unique among the steps of a daemon. The name of a job must not lead elsewhere.
fn name(spec: &Spec) -> String {
    format!("{}.{}.{}", spec.job, spec.step, spec.attempt).replace('/', "_")
}

/// A cgroup's files vanish with it; its folders are cgroups.
fn remove_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}

fn has_oom_kill(events: &str) -> bool {
    let counts = events
        .lines()
        .filter_map(|line| line.strip_prefix("oom_kill "));
    counts
        .filter_map(|count| count.trim().parse::<u64>().ok())
        .any(|count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kills_count_as_out_of_memory() {
        let quiet = "low 0\nhigh 3\nmax 9\noom 2\noom_kill 0\noom_group_kill 0\n";
        assert!(!has_oom_kill(quiet));
        assert!(has_oom_kill(&quiet.replace("oom_kill 0", "oom_kill 1")));
        assert!(!has_oom_kill(""));
    }
}
