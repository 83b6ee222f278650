//! The disk of the state folder: room, and whether its file system keeps what is written.

use std::io;
use std::path::{Path, PathBuf};

use nix::sys::statfs::statfs;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::geteuid;
use proto::finding::Finding;

const MIB: u64 = 1 << 20;
/// Free bytes under which the logs of jobs may soon not fit, and under which nothing runs.
const LOW_BYTES: u64 = 1 << 30;
const LEAST_BYTES: u64 = 16 * MIB;
/// Free inodes under which jobs (each needs some twenty) may soon not fit, and under which
/// nothing runs.
const LOW_INODES: u64 = 10_000;
const LEAST_INODES: u64 = 100;

/// Kinds of file systems that are worth a word, by their magic numbers (statfs(2)).
const KINDS: [(u32, &str, Kind); 9] = [
    (0x0102_1994, "tmpfs", Kind::Volatile),
    (0x8584_58f6, "ramfs", Kind::Volatile),
    (0x6969, "NFS", Kind::Remote),
    (0xff53_4d42, "CIFS", Kind::Remote),
    (0xfe53_4d42, "SMB", Kind::Remote),
    (0x0102_1997, "9P", Kind::Remote),
    (0x00c3_6400, "Ceph", Kind::Remote),
    (0x6573_5546, "FUSE", Kind::Fuse),
    (0x794c_7630, "overlay", Kind::Overlay),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Volatile,
    Remote,
    Fuse,
    Overlay,
}

/// A file system, seen from a folder in it.
#[derive(Debug, Clone, Copy)]
struct Facts {
    free_bytes: u64,
    /// None where the file system does not count them.
    free_inodes: Option<u64>,
    read_only: bool,
    magic: u32,
}

pub(super) fn check(state: &Path) -> Vec<Finding> {
    let folder = nearest(state);
    match look(&folder) {
        Ok(facts) => judge(&folder, facts),
        Err(error) => vec![Finding::broken(
            "disk-space",
            format!("{}: {error}", folder.display()),
            "no daemon starts",
            "make the folder readable",
        )],
    }
}

/// The folder, or the nearest above it that is there.
pub(super) fn nearest(path: &Path) -> PathBuf {
    let there = path.ancestors().find(|path| path.exists());
    there.unwrap_or(Path::new("/")).into()
}

fn look(folder: &Path) -> io::Result<Facts> {
    let (counts, kind) = (statvfs(folder)?, statfs(folder)?);
    // What is set aside for root is room for root only.
    let blocks = match geteuid().is_root() {
        true => counts.blocks_free(),
        false => counts.blocks_available(),
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "magic numbers have 32 bits; the field is wider and signed on some machines"
    )]
    let magic = kind.filesystem_type().0 as u32;
    Ok(Facts {
        free_bytes: blocks.saturating_mul(counts.fragment_size()),
        free_inodes: (counts.files() > 0).then(|| counts.files_available()),
        read_only: counts.flags().contains(FsFlags::ST_RDONLY),
        magic,
    })
}

fn judge(folder: &Path, facts: Facts) -> Vec<Finding> {
    vec![
        space(folder, facts.free_bytes),
        inodes(folder, facts.free_inodes),
        file_system(folder, facts),
    ]
}

fn space(folder: &Path, bytes: u64) -> Finding {
    const CHECK: &str = "disk-space";
    let found = format!("{} MiB free in {}", bytes / MIB, folder.display());
    let advice = "make room; `jobctl status` names the folders";
    if bytes < LEAST_BYTES {
        let means = "nothing can be submitted and no job starts";
        return Finding::broken(CHECK, found, means, advice);
    }
    if bytes < LOW_BYTES {
        let means = "when it is full, submissions are refused and output of jobs is dropped";
        return Finding::weaker(CHECK, found, means, advice);
    }
    Finding::ok(CHECK, found)
}

fn inodes(folder: &Path, inodes: Option<u64>) -> Finding {
    const CHECK: &str = "inodes";
    let Some(inodes) = inodes else {
        return Finding::ok(CHECK, "this file system does not count them");
    };
    let found = format!("{inodes} free in {}", folder.display());
    let advice = "remove files that nobody needs";
    if inodes < LEAST_INODES {
        return Finding::broken(CHECK, found, "no job starts", advice);
    }
    if inodes < LOW_INODES {
        let means = "each job needs some twenty; when there are none, no job starts";
        return Finding::weaker(CHECK, found, means, advice);
    }
    Finding::ok(CHECK, found)
}

fn file_system(folder: &Path, facts: Facts) -> Finding {
    const CHECK: &str = "file-system";
    let place = folder.display();
    if facts.read_only {
        return Finding::broken(
            CHECK,
            format!("{place} is on a file system that is mounted read-only"),
            "no daemon starts",
            "mount it to be written, or set JOBD_HOME to another folder",
        );
    }
    let known = KINDS.iter().find(|(magic, _, _)| *magic == facts.magic);
    let Some((_, name, kind)) = known else {
        return Finding::ok(CHECK, format!("{place} is on a local file system"));
    };
    let means = match kind {
        Kind::Volatile => "jobs, logs and history are lost at a reboot, and take up memory",
        Kind::Remote => {
            "locks and the store's log may not hold across machines: a second daemon could run \
             the same jobs, and the store may be damaged"
        }
        Kind::Fuse => "whether locks hold and a fsync is durable is up to the program behind it",
        Kind::Overlay => "jobs, logs and history are lost with the container",
    };
    let advice = "set JOBD_HOME (or XDG_STATE_HOME) to a folder on a local disk";
    Finding::weaker(CHECK, format!("{place} is on {name}"), means, advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::finding::Level::{Broken, Ok, Weaker};

    const GOOD: Facts = Facts {
        free_bytes: LOW_BYTES,
        free_inodes: Some(LOW_INODES),
        read_only: false,
        magic: 0xef53,
    };

    #[test]
    fn each_shortage_has_its_level() {
        let (none, few) = (LEAST_BYTES - 1, LEAST_BYTES);
        for (facts, levels) in [
            (GOOD, [Ok, Ok, Ok]),
            (
                Facts {
                    free_bytes: few,
                    ..GOOD
                },
                [Weaker, Ok, Ok],
            ),
            (
                Facts {
                    free_bytes: none,
                    ..GOOD
                },
                [Broken, Ok, Ok],
            ),
            (
                Facts {
                    free_inodes: None,
                    ..GOOD
                },
                [Ok, Ok, Ok],
            ),
            (
                Facts {
                    free_inodes: Some(LEAST_INODES),
                    ..GOOD
                },
                [Ok, Weaker, Ok],
            ),
            (
                Facts {
                    free_inodes: Some(0),
                    ..GOOD
                },
                [Ok, Broken, Ok],
            ),
            (
                Facts {
                    read_only: true,
                    ..GOOD
                },
                [Ok, Ok, Broken],
            ),
        ] {
            let found = judge(Path::new("/s"), facts);
            assert_eq!(found.iter().map(|f| f.level).collect::<Vec<_>>(), levels);
        }
    }

    #[test]
    fn odd_file_systems_are_named() {
        for (magic, name, _) in KINDS {
            let found = file_system(Path::new("/s"), Facts { magic, ..GOOD });
            assert_eq!(
                (found.level, found.found),
                (Weaker, format!("/s is on {name}"))
            );
        }
    }

    #[test]
    fn a_folder_that_is_not_made_yet_is_judged_by_the_one_above() {
        assert_eq!(nearest(Path::new("/proc/none/such")), Path::new("/proc"));
    }
}
