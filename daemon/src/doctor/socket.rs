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
    let in_the_way = found.is_some_and(|found| !found.file_type().is_socket());
    vec![judge(socket, in_the_way), judge_holder(holder)]
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

fn judge_holder(holder: Result<&Option<Holder>, &StateError>) -> Finding {
    const CHECK: &str = "state-lock";
    match holder {
        Err(error) => Finding::broken(
            CHECK,
            error.to_string(),
            "no daemon starts, and whether one works there is not known",
            "run it as the user who runs jobd",
        ),
        Ok(None) => Finding::ok(CHECK, "free: no daemon works there"),
        Ok(Some(Holder { pid: Some(pid) })) => Finding::ok(CHECK, format!("held by process {pid}")),
        Ok(Some(Holder { pid: None })) => Finding::ok(CHECK, "held by a process"),
    }
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
}
