//! What a person sees on a terminal.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use nix::pty::{Winsize, openpty};
use proto::api::{ApiError, Listed, Request, Shown};
use proto::diagnostic::{Diagnostic, Severity, Span};
use proto::status::Status;

use crate::fake::Fake;
use crate::run::jobctl;
use crate::sample::{changed, summary, view};

const COLUMNS: u16 = 60;

/// Everything that a command writes on its terminal.
fn seen(command: &mut Command) -> String {
    seen_by(command, |_| {})
}

/// The same for somebody who looks at it as it grows.
fn seen_by(command: &mut Command, look: impl Fn(&str)) -> String {
    let size = Winsize {
        ws_row: 24,
        ws_col: COLUMNS,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let pty = openpty(&size, None).unwrap();
    let side = || Stdio::from(pty.slave.try_clone().unwrap());
    let mut child = command.stdout(side()).stderr(side()).spawn().unwrap();
    // The command's own copies go too: then the end of the child is the end of the terminal.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    drop(pty.slave);
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    let mut master = File::from(pty.master);
    while let Ok(length @ 1..) = master.read(&mut piece) {
        text.extend_from_slice(&piece[..length]);
        look(&String::from_utf8_lossy(&text));
    }
    child.wait().unwrap();
    String::from_utf8(text).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_table_fits_and_obeys_nothing() {
    let fake = Fake::start(|_, peer| {
        let mut job = summary("calm_river", Status::Completed);
        job.display_name = "\x1b[2Ja long name for people, longer than there is room".into();
        peer.reply(&Listed {
            jobs: vec![job],
            next_before: None,
        });
    });
    let table = seen(jobctl(&fake.home.0).arg("list"));
    assert!(table.contains("\\u001b[2Ja"), "{table}");
    assert!(!table.contains('\x1b'), "{table}");
    let widest = table.lines().map(|line| line.chars().count()).max();
    assert!(widest.unwrap() <= COLUMNS.into(), "{table}");
}

#[test]
fn json_obeys_nothing() {
    let fake = Fake::start(|_, peer| {
        let mut job = view("a", Status::Running, "/x".as_ref());
        job.display_name = "\u{9b}2J\u{202e}".into();
        peer.reply(&Shown { job });
    });
    let json = seen(jobctl(&fake.home.0).args(["show", "a", "-o", "json"]));
    assert!(!json.contains('\u{9b}') && !json.contains('\u{202e}'));
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["display_name"], "\u{9b}2J\u{202e}");
}

#[test]
fn a_log_is_escaped_unless_raw_is_asked_for() {
    let fake = Fake::start(|request, peer| {
        let Request::Show(show) = request else {
            panic!("{request:?}");
        };
        peer.reply(&Shown {
            job: view("a", Status::Completed, show.name.as_ref()),
        });
    });
    fake.home
        .file("job/user_logs/std_log.txt", "gr\u{fc}n\t\x1b[31m\x1b[2J\n");
    let path = fake.home.0.join("job");
    let shown = seen(jobctl(&fake.home.0).arg("logs").arg(&path));
    assert_eq!(shown, "gr\u{fc}n\t\x1b[31m\\x1b[2J\n\x1b[0m");
    let raw = seen(jobctl(&fake.home.0).args(["logs", "--raw"]).arg(&path));
    assert_eq!(raw, "gr\u{fc}n\t\x1b[31m\x1b[2J\n");
}

#[test]
fn findings_are_drawn() {
    let fake = Fake::start(|_, peer| {
        peer.refuse(&ApiError::InvalidJob {
            diagnostics: vec![Diagnostic {
                severity: Severity::Error,
                code: "unknown-key".into(),
                message: "is not a key of a command job".into(),
                help: Some("did you mean command?".into()),
                path: "comand".into(),
                file: Some("a.yml".into()),
                span: Span {
                    line: 1,
                    column: 1,
                    offset: 0,
                    length: 6,
                },
            }],
        });
    });
    fake.home.file("a.yml", "comand: a\n");
    let mut command = jobctl(&fake.home.0);
    let drawn = seen(command.args(["submit", "a.yml"]).env("NO_COLOR", "1"));
    insta::assert_snapshot!(drawn);
}

#[test]
fn progress_is_a_line_that_is_gone_before_the_log_comes() {
    let fake = Fake::start(|request, peer| {
        let Request::Watch(_) = request else {
            panic!("{request:?}");
        };
        let path = peer.home.join("job");
        peer.reply_more(&changed("a", Status::Preparing, None, &path));
        let ended = changed("a", Status::Completed, Some(0), &path);
        // A terminal shows it before the end comes, however slow the machine is.
        while !path.join("seen").exists() {
            std::thread::yield_now();
        }
        peer.reply(&ended);
    });
    fake.home.file("job/user_logs/std_log.txt", "");
    let told = r#"{"what":"downloading","bytes":1048576,"bytes_total":4194304,"files":0,"rate":0}"#;
    fake.home.file("job/system_logs/progress.json", told);
    let folder = fake.home.0.join("job");
    let seen = seen_by(jobctl(&fake.home.0).args(["stream", "a"]), |text| {
        if text.contains("4.0 MiB") && !folder.join("seen").exists() {
            std::fs::write(folder.join("user_logs/std_log.txt"), "hello\n").unwrap();
            std::fs::write(folder.join("seen"), "").unwrap();
        }
    });
    let line = "\r\x1b[Kdownloading  [######------------------]  1.0 MiB of 4.0 MiB";
    assert!(seen.starts_with(line), "{seen:?}");
    assert!(seen.contains("\r\x1b[Khello\n"), "{seen:?}");
    // How often it is drawn is a matter of time; at the end nothing is left of it.
    let rest = seen.replace(line, "").replace("\r\x1b[K", "");
    assert_eq!(rest, "hello\n");
}
