//! The socket's path, and who works in the state folder. Whether anybody answers is for the
//! client to see.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use proto::finding::Finding;
use proto::paths::check_socket;

use crate::state::{Holder, StateError};

pub(super) fn check(socket: &Path, holder: Result<&Option<Holder>, &StateError>) -> Vec<Finding> {
    let found = fs::symlink_metadata(socket).ok();
    let is_there = found.is_some();
    let in_the_way = found.is_some_and(|found| !found.file_type().is_socket());
    vec![
        judge(socket, in_the_way),
        judge_holder(holder, socket, is_there),
    ]
}

fn judge(socket: &Path, in_the_way: bool) -> Finding {
    const CHECK: &str = "socket-path";
    let means = "no daemon starts";
    if let Err(error) = check_socket(socket) {
        let advice = "set JOBD_HOME or XDG_RUNTIME_DIR to a shorter folder";
        return Finding::broken(CHECK, error.to_string(), means, advice);
    }
    let place = socket.display();
    if in_the_way {
        let found = format!("{place} is in the way: it is not a socket");
        return Finding::broken(CHECK, found, means, format!("move {place} away"));
    }
    Finding::ok(CHECK, place.to_string())
}

/// The socket of a daemon may have been removed, by a cleaner of old files for example.
fn judge_holder(
    holder: Result<&Option<Holder>, &StateError>,
    socket: &Path,
    is_there: bool,
) -> Finding {
    const CHECK: &str = "state-lock";
    let who = match holder {
        Err(error) => {
            let means = "no daemon starts, and whether one works there is not known";
            let advice = "run it as the user who runs jobd";
            return Finding::broken(CHECK, error.to_string(), means, advice);
        }
        Ok(None) => return Finding::ok(CHECK, "free: no daemon works there"),
        Ok(Some(Holder { pid: Some(pid) })) => format!("held by process {pid}"),
        Ok(Some(Holder { pid: None })) => "held by a process".into(),
    };
    if is_there {
        return Finding::ok(CHECK, who);
    }
    Finding::broken(
        CHECK,
        format!("{who}, but there is no socket {}", socket.display()),
        "jobs that run go on; nothing can be submitted or shown, and no other daemon starts",
        "ask again in a moment; if it stays so, end that process (kill PID): running jobs go on, \
         and the next daemon takes them over",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::finding::Level;
    use proto::paths::SOCKET_PATH_BYTES_MAX;

    #[test]
    fn a_path_that_cannot_be_bound_is_broken() {
        let long = format!("/{}", "x".repeat(SOCKET_PATH_BYTES_MAX));
        assert_eq!(judge(Path::new("/s"), false).level, Level::Ok);
        assert_eq!(judge(Path::new("/s"), true).level, Level::Broken);
        assert_eq!(judge(Path::new(&long), false).level, Level::Broken);
    }

    #[test]
    fn a_daemon_without_a_socket_is_broken() {
        let level = |holder: &Option<Holder>, is_there| {
            judge_holder(Ok(holder), Path::new("/s"), is_there).level
        };
        let held = Some(Holder { pid: None });
        assert_eq!(level(&None, false), Level::Ok);
        assert_eq!(level(&held, true), Level::Ok);
        assert_eq!(level(&held, false), Level::Broken);
    }
}
