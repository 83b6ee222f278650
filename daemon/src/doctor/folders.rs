//! The folders: whose they are, and who else may write there.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{AccessFlags, access, geteuid};
use proto::finding::Finding;
use proto::paths::Paths;

use super::disk::nearest;

/// Write permission of the group and of others.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Of those, the one that no daemon puts up with.
const WRITABLE_BY_ALL: u32 = 0o002;
/// What one user made there, another cannot remove (chmod(1)).
const STICKY: u32 = 0o1000;
const ROOT: u32 = 0;

/// What a path is.
#[derive(Debug, Clone, Copy)]
enum Found {
    /// Nothing yet, and whether it can be made.
    Nothing {
        can_be_made: bool,
    },
    NotAFolder,
    Folder {
        uid: u32,
        mode: u32,
        writable: bool,
    },
}

pub(super) fn check(paths: &Paths) -> Vec<Finding> {
    let socket = paths.socket.parent().unwrap_or(Path::new("/"));
    let uid = geteuid().as_raw();
    [
        ("state-folder", paths.state.as_path()),
        ("spool-folder", &paths.spool),
        ("socket-folder", socket),
    ]
    .into_iter()
    .map(|(check, path)| match look(path) {
        Ok(found) => judge(check, path, uid, found),
        Err(error) => unusable(check, format!("{}: {error}", path.display())),
    })
    .collect()
}

fn look(path: &Path) -> io::Result<Found> {
    let may_write = |path: &Path| access(path, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(Found::Folder {
            uid: found.uid(),
            mode: found.mode() & 0o7777,
            writable: may_write(path),
        }),
        Ok(_) => Ok(Found::NotAFolder),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing {
            can_be_made: may_write(&nearest(path)),
        }),
        Err(error) => Err(error),
    }
}

fn unusable(check: &str, found: String) -> Finding {
    let advice = "make it a folder that only the user who runs jobd may write to, or set JOBD_HOME to \
        another one";
    Finding::broken(check, found, "no daemon starts", advice)
}

/// `us` is the user who asks. Root's folders are as good as ours: root may do all anyhow.
fn judge(check: &str, path: &Path, us: u32, found: Found) -> Finding {
    let place = path.display();
    match found {
        Found::Nothing { can_be_made: true } => {
            Finding::ok(check, format!("{place} is made when a daemon starts"))
        }
        Found::Nothing { .. } => unusable(check, format!("{place} cannot be made")),
        Found::NotAFolder => unusable(check, format!("{place} is not a folder")),
        Found::Folder {
            writable: false, ..
        } => unusable(check, format!("{place} cannot be written")),
        Found::Folder { uid, .. } if uid != us && uid != ROOT => {
            unusable(check, format!("{place} belongs to user {uid}"))
        }
        Found::Folder { mode, .. } if mode & (WRITABLE_BY_ALL | STICKY) == WRITABLE_BY_ALL => {
            unusable(
                check,
                format!("{place} has mode {mode:04o}: everybody may write there"),
            )
        }
        Found::Folder { mode, .. } if mode & WRITABLE_BY_OTHERS != 0 => Finding::weaker(
            check,
            format!("{place} has mode {mode:04o}: others may write there"),
            "another user may replace what jobd keeps there, or take its place",
            match mode & STICKY {
                0 => format!("chmod go-w {place}"),
                _ => "set JOBD_HOME to a folder of your own".into(),
            },
        ),
        Found::Folder { mode, .. } => Finding::ok(check, format!("{place}, mode {mode:04o}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::finding::Level::{self, Broken, Ok, Weaker};

    fn level(us: u32, found: Found) -> Level {
        judge("state-folder", Path::new("/s"), us, found).level
    }

    fn folder(uid: u32, mode: u32) -> Found {
        Found::Folder {
            uid,
            mode,
            writable: true,
        }
    }

    #[test]
    fn a_folder_is_ours_alone() {
        assert_eq!(level(7, folder(7, 0o700)), Ok);
        assert_eq!(level(7, folder(7, 0o755)), Ok);
        assert_eq!(level(7, folder(7, 0o775)), Weaker);
        assert_eq!(level(7, folder(7, 0o1777)), Weaker);
        assert_eq!(level(7, folder(7, 0o777)), Broken);
        assert_eq!(level(7, folder(8, 0o777)), Broken);
        assert_eq!(level(0, folder(8, 0o700)), Broken);
        assert_eq!(level(7, folder(0, 0o755)), Ok);
        let read_only = Found::Folder {
            uid: 7,
            mode: 0o500,
            writable: false,
        };
        assert_eq!(level(7, read_only), Broken);
    }

    #[test]
    fn nobody_is_told_to_change_what_all_share() {
        let shared = judge("socket-folder", Path::new("/tmp"), 7, folder(0, 0o1777));
        assert!(!shared.advice.contains("chmod"), "{shared:?}");
    }

    #[test]
    fn what_is_not_there_is_well_if_it_can_be_made() {
        assert_eq!(level(7, Found::Nothing { can_be_made: true }), Ok);
        assert_eq!(level(7, Found::Nothing { can_be_made: false }), Broken);
        assert_eq!(level(7, Found::NotAFolder), Broken);
    }
}
