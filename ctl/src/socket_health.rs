//! What a client sees of the socket and of who answers there, as findings of `doctor`.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use nix::unistd::geteuid;
use proto::api::{Status, StatusReply};
use proto::finding::Finding;

use crate::client::ClientError;
use crate::endpoint::Endpoint;

const DAEMON: &str = "daemon";
const SOCKET: &str = "socket";
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Permissions of everybody else: a call needs to write.
const OPEN_TO_OTHERS: u32 = 0o007;
const ROOT: u32 = 0;

/// A socket in the file system.
#[derive(Debug, Clone, Copy)]
struct SocketFile {
    uid: u32,
    mode: u32,
}

/// What the daemon says of itself, if one answers, and what is to be said of it.
pub fn check(endpoint: &Endpoint) -> (Option<StatusReply>, Vec<Finding>) {
    let path = endpoint.socket();
    let asked = endpoint
        .connect()
        .and_then(|mut client| client.call(&Status {}));
    let file = look(path);
    let mut findings = vec![match &asked {
        Ok(status) => judge_version(&status.version, status.pid),
        Err(ClientError::NoDaemon { .. }) => judge_absence(path, file.is_some()),
        Err(error) => judge_silence(error),
    }];
    findings.extend(file.map(|file| judge_file(path, file, geteuid().as_raw())));
    (asked.ok(), findings)
}

fn look(path: &Path) -> Option<SocketFile> {
    let found = fs::symlink_metadata(path).ok()?;
    found.file_type().is_socket().then(|| SocketFile {
        uid: found.uid(),
        mode: found.mode() & 0o777,
    })
}

fn judge_version(version: &str, pid: u32) -> Finding {
    let found = format!("jobd {version} answers, pid {pid}");
    if version == VERSION {
        return Finding::ok(DAEMON, found);
    }
    Finding::weaker(
        DAEMON,
        format!("{found}; jobctl is {VERSION}"),
        "what only the newer of the two knows is refused or not shown",
        "jobctl shutdown: running jobs go on, and the next jobctl starts the daemon beside it",
    )
}

fn judge_absence(path: &Path, has_socket: bool) -> Finding {
    if !has_socket {
        let found = "nobody answers, and there is no socket; jobctl starts a daemon when needed";
        return Finding::ok(DAEMON, found);
    }
    Finding::weaker(
        DAEMON,
        format!("nobody answers at {}: the socket is stale", path.display()),
        "the last daemon was killed or has crashed; jobs that run are not watched until the next",
        "call jobctl (for example: jobctl list), which starts a daemon that replaces it; \
         STATE/log says what the last one saw",
    )
}

fn judge_silence(error: &ClientError) -> Finding {
    Finding::broken(
        DAEMON,
        error.to_string(),
        "jobs that run go on; nothing can be submitted, shown or canceled",
        "see what holds the socket, and STATE/log; a daemon that hangs may be killed: the next \
         one takes its jobs over",
    )
}

/// `us` is the user who asks.
fn judge_file(path: &Path, file: SocketFile, us: u32) -> Finding {
    let SocketFile { uid, mode } = file;
    let place = path.display();
    if uid != us && uid != ROOT {
        return Finding::weaker(
            SOCKET,
            format!("{place} belongs to user {uid}, not to you ({us}) or root"),
            "what you submit is read by that user's daemon",
            "name your own by --socket or JOBD_HOME, unless you mean theirs",
        );
    }
    if mode & OPEN_TO_OTHERS != 0 {
        return Finding::weaker(
            SOCKET,
            format!("{place} has mode {mode:04o}: every user may connect"),
            "others take up connections; what they may do is decided by who they are",
            format!("chmod o-rwx {place}, or SocketMode= in the unit"),
        );
    }
    Finding::ok(SOCKET, format!("{place}, mode {mode:04o}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::finding::Level::{Broken, Ok, Weaker};

    #[test]
    fn the_daemon() {
        let path = Path::new("/s");
        assert_eq!(judge_version(VERSION, 7).level, Ok);
        assert_eq!(judge_version("0.0.0", 7).level, Weaker);
        assert_eq!(judge_absence(path, false).level, Ok);
        assert_eq!(judge_absence(path, true).level, Weaker);
        let closed = ClientError::Closed {
            socket: path.into(),
        };
        assert_eq!(judge_silence(&closed).level, Broken);
    }

    #[test]
    fn the_socket_is_ours_or_roots_and_closed_to_others() {
        for (uid, mode, level) in [
            (7, 0o600, Ok),
            (0, 0o660, Ok),
            (7, 0o666, Weaker),
            (8, 0o600, Weaker),
        ] {
            let file = SocketFile { uid, mode };
            assert_eq!(judge_file(Path::new("/s"), file, 7).level, level);
        }
    }
}
