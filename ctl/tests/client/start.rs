//! Starting the daemon when none answers: a script beside a copy of `jobctl` plays `jobd`.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use proto::api::{Listed, Request, StatusReply};
use serde_json::json;

use crate::fake::{Fake, Folder, Peer};
use crate::run::{Finished, command, finished};

/// The script; what it does is in this variable.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client/jobd.sh");
const SCRIPT_VARIABLE: &str = "PLAYED_JOBD";

/// `jobctl` in a folder of its own, with `jobd` beside it if there is a script for it.
struct Installed {
    _folder: Folder,
    program: PathBuf,
    script: Option<&'static str>,
}

impl Installed {
    /// Links, not copies: a program that was just written may be busy (`ETXTBSY` of execve(2)).
    fn new(script: Option<&'static str>) -> Installed {
        let folder = Folder::below(env!("CARGO_TARGET_TMPDIR").as_ref());
        let program = folder.0.join("jobctl");
        std::fs::hard_link(env!("CARGO_BIN_EXE_jobctl"), &program).unwrap();
        if script.is_some() {
            symlink(SCRIPT, folder.0.join("jobd")).unwrap();
        }
        Installed {
            _folder: folder,
            program,
            script,
        }
    }

    fn jobctl(&self, home: &Folder, verb: &str) -> Command {
        let mut command = command(&self.program, &home.0);
        command.env_remove("JOBD_NO_START").arg(verb);
        command.env(SCRIPT_VARIABLE, self.script.unwrap_or_default());
        command
    }
}

fn run(command: &mut Command) -> Finished {
    finished(command.output().unwrap())
}

fn answer(request: Request, peer: &mut Peer) {
    let status = json!({
        "version": "0.1.0", "pid": 77, "started_at": "2026-07-01T10:00:00Z", "paused": false,
        "slots": 4, "slots_used": 1, "queued": 2, "running": 1, "paths": {"state": "/the/state"},
        "machine": {}, "notes": []
    });
    match request {
        Request::Status(_) => peer.reply(&serde_json::from_value::<StatusReply>(status).unwrap()),
        _ => peer.reply(&Listed {
            jobs: Vec::new(),
            next_before: None,
        }),
    }
}

#[test]
fn a_daemon_is_started_and_said_so_once() {
    // The socket is there under another name: the script puts it in its place.
    let script = r#"[ "$*" = --background ] && mv "$JOBD_HOME/hidden" "$JOBD_HOME/jobd.sock""#;
    let installed = Installed::new(Some(script));
    let home = Folder::new();
    let hidden = home.0.join("hidden");
    let fake = Fake::listen(home, &hidden, answer);
    let first = run(&mut installed.jobctl(&fake.home, "list"));
    assert_eq!(
        first.stderr,
        "jobctl: started jobd (pid 77), state in /the/state\n"
    );
    assert_eq!(first.code, 0);
    let second = run(&mut installed.jobctl(&fake.home, "list"));
    assert_eq!((second.code, second.stderr.as_str()), (0, ""));
}

#[test]
fn the_reason_of_a_daemon_that_does_not_start_is_passed_on() {
    let installed = Installed::new(Some("echo 'jobd: the disk is full' >&2; exit 1"));
    let failed = run(&mut installed.jobctl(&Folder::new(), "list"));
    assert_eq!(failed.code, 125);
    assert!(
        failed.stderr.ends_with("did not start: the disk is full\n"),
        "{}",
        failed.stderr
    );
}

#[test]
fn a_daemon_that_keeps_our_pipe_open_does_not_hold_us_up() {
    let installed = Installed::new(Some("sleep 1000 & echo $! > \"$JOBD_HOME/pid\"; exit 3"));
    let home = Folder::new();
    let failed = run(&mut installed.jobctl(&home, "list"));
    let pid = std::fs::read_to_string(home.0.join("pid")).unwrap();
    Command::new("kill").arg(pid.trim()).status().unwrap();
    assert!(
        failed.stderr.contains("exit status: 3"),
        "{}",
        failed.stderr
    );
}

#[test]
fn without_a_program_there_is_no_daemon() {
    let installed = Installed::new(None);
    let home = Folder::new();
    let mut command = installed.jobctl(&home, "list");
    let failed = run(command.env("PATH", "/nonexistent").current_dir("/"));
    assert_eq!(
        failed.stderr,
        "jobctl: no daemon is running, and jobd is neither beside jobctl nor on PATH to start it\n"
    );
}

#[test]
fn no_daemon_is_started_where_it_is_not_wanted() {
    let installed = Installed::new(Some("touch \"$JOBD_HOME/started\""));
    let home = Folder::new();
    let socket = home.0.join("other.sock");
    let mut forbidden = installed.jobctl(&home, "list");
    forbidden.arg("--no-start");
    let mut elsewhere = installed.jobctl(&home, "list");
    elsewhere.env("JOBD_SOCKET", &socket);
    let mut status = installed.jobctl(&home, "status");
    for command in [&mut forbidden, &mut elsewhere, &mut status] {
        let run = run(command);
        assert_eq!(run.code, 125);
        assert!(
            run.stderr.contains("no daemon is running at"),
            "{}",
            run.stderr
        );
    }
    assert!(!home.0.join("started").exists());
}
