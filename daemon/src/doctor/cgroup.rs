//! The fence around steps: a cgroup v2 of the daemon's own, or what replaces it.

use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};
use proto::finding::Finding;

use crate::exec;
use crate::layout::Layout;

/// The first Linux with `cgroup.kill`: major and minor.
const KILL_SINCE: (u32, u32) = (5, 14);
const WITHOUT: &str = "the processes of a job are found through /proc and killed one by one, \
    until none is left; those of a supervisor that was killed, by a variable in their environment";

/// What is there for the daemon's cgroups.
struct Facts {
    /// Where the jobs' cgroups are or would be.
    parent: PathBuf,
    writable: bool,
    has_kill: bool,
    /// Whether the memory controller is offered to the daemon, and on in the jobs' cgroups.
    memory_offered: bool,
    memory_on: bool,
}

pub(super) fn check(process: &str, layout: &Layout) -> Vec<Finding> {
    judge(look(process, layout.state()).as_ref())
}

fn look(process: &str, state: &Path) -> Result<Facts, String> {
    let parent = exec::cgroup_parent_path(process, state)?;
    let own = parent.parent().unwrap_or(&parent);
    let nearest = if parent.is_dir() { &parent } else { own };
    let may_write = |path: &Path| access(path, AccessFlags::W_OK).is_ok();
    let names = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
    Ok(Facts {
        writable: may_write(nearest) && may_write(&nearest.join("cgroup.procs")),
        // The root of the hierarchy has none, its children do.
        has_kill: nearest.join("cgroup.kill").exists() || (nearest == own && is_kernel_new()),
        memory_offered: has_word(&names(own.join("cgroup.controllers")), "memory"),
        memory_on: has_word(&names(parent.join("cgroup.subtree_control")), "memory"),
        parent: parent.clone(),
    })
}

fn is_kernel_new() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    kernel_version(&release).is_some_and(|version| version >= KILL_SINCE)
}

fn kernel_version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.trim().split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split_whitespace().any(|found| found == word)
}

fn judge(looked: Result<&Facts, &String>) -> Vec<Finding> {
    let facts = match looked {
        Ok(facts) => facts,
        Err(reason) => {
            return vec![Finding::weaker(
                "cgroup",
                reason,
                WITHOUT,
                "boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1), or mount it",
            )];
        }
    };
    let place = facts.parent.display();
    if !facts.writable {
        return vec![Finding::weaker(
            "cgroup",
            format!("the cgroup {place} cannot be made or is not ours"),
            WITHOUT,
            "run the daemon by the units in systemd/, which have Delegate=yes",
        )];
    }
    if !facts.has_kill {
        return vec![Finding::weaker(
            "cgroup",
            "the kernel has no cgroup.kill (Linux 5.14)",
            WITHOUT,
            "use a newer kernel",
        )];
    }
    vec![Finding::ok("cgroup", place.to_string()), memory(facts)]
}

/// Without the controller a leaf counts no kills (`memory.events`).
fn memory(facts: &Facts) -> Finding {
    const CHECK: &str = "cgroup-memory";
    const MEANS: &str =
        "a job that the kernel kills for want of memory is shown as ended by signal 9";
    if facts.memory_on {
        return Finding::ok(CHECK, "the memory controller is on for jobs");
    }
    let found = match facts.memory_offered {
        true => "the memory controller is not on for jobs",
        false => "the daemon's cgroup is not given the memory controller",
    };
    let advice = "nothing yet: this release does not turn it on; the kernel's log names its kills";
    Finding::weaker(CHECK, found, MEANS, advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::finding::Level;

    fn levels(writable: bool, has_kill: bool, memory_on: bool) -> Vec<Level> {
        let facts = Facts {
            parent: "/sys/fs/cgroup/jobd-1".into(),
            writable,
            has_kill,
            memory_offered: true,
            memory_on,
        };
        let found = judge(Ok(&facts));
        found.iter().map(|finding| finding.level).collect()
    }

    #[test]
    fn each_lack_is_weaker_and_told_once() {
        assert_eq!(levels(true, true, true), [Level::Ok, Level::Ok]);
        assert_eq!(levels(true, true, false), [Level::Ok, Level::Weaker]);
        assert_eq!(levels(true, false, false), [Level::Weaker]);
        assert_eq!(levels(false, true, false), [Level::Weaker]);
        let none = judge(Err(&"no cgroup v2 file system is mounted".to_owned()));
        assert!(none[0].found.contains("no cgroup v2") && none[0].means.contains("/proc"));
    }

    #[test]
    fn kernels_are_compared_by_number() {
        for (release, is_new) in [
            ("5.14.0-70-generic\n", true),
            ("5.9.1", false),
            ("6.1-rc1", true),
            ("10.0.0", true),
        ] {
            assert_eq!(
                kernel_version(release).unwrap() >= KILL_SINCE,
                is_new,
                "{release}"
            );
        }
        assert_eq!(kernel_version("unknown"), None);
    }
}
