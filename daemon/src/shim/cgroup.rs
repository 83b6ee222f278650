//! The fence around the step, where the daemon may have one: a leaf of cgroup v2, which the
//! command is born into and which the kernel kills as a whole (cgroup-v2, "Core Interface Files").
//! A shim has one, which its steps have in turn: each is gone before the next begins.
//!
//! Everything here may fail, and then the step goes on without.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use proto::record::Spec;

/// How often, and how many milliseconds apart, the removal of an empty leaf is tried: the last
/// process counts as a member until the kernel has switched away from it.
const REMOVALS: u32 = 50;
const REMOVAL_PAUSE: Duration = Duration::from_millis(2);

/// Bytes of an events file: a few short lines.
const EVENTS_BYTES_MAX: usize = 1024;

/// The cgroup of this shim's steps, one after another.
#[derive(Debug)]
pub(super) struct Leaf {
    path: PathBuf,
    directory: File,
    /// Whether it is frozen, among others.
    events: File,
    /// What the out-of-memory killer did, where the memory controller is.
    memory_events: Option<File>,
    /// Kills of the out-of-memory killer in the steps before.
    oom_kills: u64,
    /// Whether `cgroup.kill` may have been used: then kernels kill whatever is born into it later
    /// (seen with Linux 6.18 and `CLONE_INTO_CGROUP`).
    is_killed: Cell<bool>,
}

impl Leaf {
    /// The leaf for the next step: the last one's if it is as new.
    pub(super) fn renew(last: Option<Leaf>, spec: &Spec) -> Option<Leaf> {
        match last {
            Some(mut leaf) if leaf.is_of(spec) && leaf.is_as_new() => {
                leaf.oom_kills = leaf.count_oom_kills();
                Some(leaf)
            }
            Some(used) => {
                used.remove();
                Leaf::make(spec)
            }
            None => Leaf::make(spec),
        }
    }

    /// Makes the leaf; none where the spec wants none or the kernel does not give one that it
    /// can kill (`cgroup.kill` is of Linux 5.14).
    fn make(spec: &Spec) -> Option<Leaf> {
        let path = spec.cgroup_parent.as_ref()?.join(name());
        // An empty one of a process that had this number is in the way.
        let _absent = fs::remove_dir(&path);
        fs::create_dir(&path).ok()?;
        let leaf = Leaf::open(&path);
        if leaf.is_none() {
            let _left_over = fs::remove_dir(&path);
        }
        leaf
    }

    fn open(path: &Path) -> Option<Leaf> {
        let leaf = Leaf {
            path: path.to_owned(),
            directory: File::open(path).ok()?,
            events: File::open(path.join("cgroup.events")).ok()?,
            memory_events: File::open(path.join("memory.events")).ok(),
            oom_kills: 0,
            is_killed: Cell::new(false),
        };
        path.join("cgroup.kill").exists().then_some(leaf)
    }

    fn is_of(&self, spec: &Spec) -> bool {
        self.path.parent() == spec.cgroup_parent.as_deref()
    }

    /// Somebody was killed in it: by the step itself, or by its cgroup.
    pub(super) fn note_kill(&self) {
        self.is_killed.set(true);
    }

    /// Whether a step left nothing that its successor would notice: no cgroups of its own in it
    /// (a directory of cgroupfs has two links and one for each), and it is not frozen.
    fn is_as_new(&self) -> bool {
        let has_cgroups = self.directory.metadata().map_or(true, |it| it.nlink() > 2);
        let events = read_anew(&self.events);
        !self.is_killed.get()
            && !has_cgroups
            && events.is_ok_and(|events| !events.contains("frozen 1"))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The open directory.
    pub(super) fn directory(&self) -> &File {
        &self.directory
    }

    /// Kills every member, also one that is being forked. That there may have been none any more
    /// makes no difference to who is born into it later.
    pub(super) fn kill(&self) -> io::Result<()> {
        self.note_kill();
        fs::write(self.path.join("cgroup.kill"), "1")
    }

    /// Whether the out-of-memory killer struck in this step; false without the memory
    /// controller.
    pub(super) fn was_out_of_memory(&self) -> bool {
        self.count_oom_kills() > self.oom_kills
    }

    fn count_oom_kills(&self) -> u64 {
        let events = self.memory_events.as_ref().map(read_anew);
        events.map_or(0, |text| text.map_or(0, |text| oom_kills(&text)))
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

/// Unique among the shims of a machine.
fn name() -> String {
    format!("shim-{}", std::process::id())
}

/// The content of an open file of cgroupfs, which the kernel writes at each reading from its
/// beginning.
fn read_anew(file: &File) -> io::Result<String> {
    let mut bytes = [0; EVENTS_BYTES_MAX];
    let length = file.read_at(&mut bytes, 0)?;
    Ok(String::from_utf8_lossy(bytes.get(..length).unwrap_or_default()).into_owned())
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

fn oom_kills(events: &str) -> u64 {
    let counts = events
        .lines()
        .filter_map(|line| line.strip_prefix("oom_kill "));
    counts
        .filter_map(|count| count.trim().parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kills_count_as_out_of_memory() {
        let quiet = "low 0\nhigh 3\nmax 9\noom 2\noom_kill 0\noom_group_kill 0\n";
        assert_eq!(oom_kills(quiet), 0);
        assert_eq!(oom_kills(&quiet.replace("oom_kill 0", "oom_kill 2")), 2);
        assert_eq!(oom_kills(""), 0);
    }

    #[test]
    fn a_leaf_that_was_killed_is_never_as_new() {
        let path = std::env::temp_dir().join(format!("jobd-leaf-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        for (file, content) in [
            ("cgroup.events", "populated 0\nfrozen 0\n"),
            ("cgroup.kill", ""),
        ] {
            fs::write(path.join(file), content).unwrap();
        }
        let leaf = Leaf::open(&path).unwrap();
        assert!(leaf.is_as_new());
        leaf.kill().unwrap();
        assert!(
            !leaf.is_as_new(),
            "whether or not somebody was there to die"
        );
        fs::remove_dir_all(path).unwrap();
    }
}
