//! What goes wrong, and what the user reads then.

use std::os::unix::net::UnixListener;

use proto::api::ApiError;
use proto::diagnostic::{Diagnostic, Severity, Span};
use proto::frame::FRAME_BYTES_MAX;

use crate::fake::{Fake, Folder};
use crate::run::{finish, jobctl};

fn refusing(error: ApiError) -> Fake {
    Fake::start(move |_, peer| peer.refuse(&error))
}

fn message(fake: &Fake) -> String {
    let run = finish(&fake.home.0, &["show", "calm"]);
    assert_eq!((run.code, run.stdout.as_str()), (125, ""), "{}", run.stderr);
    run.stderr
}

#[test]
fn refusals_are_one_line() {
    let ambiguous = ApiError::AmbiguousName {
        name: "calm".into(),
        candidates: vec!["calm_a".into(), "calm_\x1b[2J".into()],
    };
    assert_eq!(
        message(&refusing(ambiguous)),
        "jobctl: \"calm\" is the beginning of several names: calm_a, calm_\\u001b[2J\n"
    );
    let missing = ApiError::NoSuchJob {
        name: "calm".into(),
    };
    assert_eq!(
        message(&refusing(missing)),
        "jobctl: no job is named \"calm\"\n"
    );
}

#[test]
fn one_refused_name_does_not_keep_the_others_from_it() {
    let missing = ApiError::NoSuchJob { name: "x".into() };
    let fake = refusing(missing);
    let run = finish(&fake.home.0, &["cancel", "x", "y"]);
    assert_eq!(run.code, 125);
    assert_eq!(fake.seen().len(), 2);
}

#[test]
fn findings_are_shown_with_their_source_line() {
    let fake = refusing(ApiError::InvalidJob {
        diagnostics: vec![Diagnostic {
            severity: Severity::Error,
            code: "bad-value".into(),
            message: "must be a number of seconds".into(),
            help: Some("write for instance 60".into()),
            path: "limits.timeout".into(),
            file: Some("a.yml".into()),
            span: Span {
                line: 2,
                column: 19,
                offset: 28,
                length: 4,
            },
        }],
    });
    fake.home
        .file("a.yml", "command: a\nlimits: {timeout: soon}\n");
    for verb in ["submit", "run"] {
        let run = finish(&fake.home.0, &[verb, "a.yml"]);
        assert_eq!((run.code, run.stdout.as_str()), (125, ""));
        assert_eq!(
            run.stderr,
            "a.yml:2:19: error: limits.timeout: must be a number of seconds\n  \
             2 | limits: {timeout: soon}\n    |                   ^^^^\n  \
             help: write for instance 60\n"
        );
    }
    let run = finish(&fake.home.0, &["submit", "a.yml", "-o", "json"]);
    let found: Vec<Diagnostic> = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(found[0].code, "bad-value");
    assert_eq!((run.code, run.stderr.as_str()), (125, ""));
}

#[test]
fn without_a_daemon_status_and_shutdown_say_so() {
    let home = Folder::new();
    let socket = home.socket();
    let expected = format!("jobctl: no daemon is running at {}\n", socket.display());
    for stale in [false, true] {
        if stale {
            // Dropped at once: the file stays and nobody listens.
            drop(UnixListener::bind(&socket).unwrap());
        }
        for verb in ["status", "shutdown", "list"] {
            let run = finish(&home.0, &[verb]);
            assert_eq!((run.code, run.stderr.as_str()), (125, expected.as_str()));
        }
    }
}

#[test]
fn who_does_not_speak_the_protocol_is_told_apart() {
    let cases: [(&[u8], &str); 4] = [
        (
            b"HTTP/1.1 400 Bad Request\r\n\0",
            "does not speak jobd's protocol",
        ),
        (
            b"{\"parameters\":{\"job\":1}}\0",
            "does not speak jobd's protocol",
        ),
        (b"{\"error\":\"com.example.No\"}\0", "com.example.No"),
        (&[b'x'; FRAME_BYTES_MAX + 1], "larger than 1048576 bytes"),
    ];
    for (bytes, expected) in cases {
        let bytes = bytes.to_vec();
        let fake = Fake::start(move |_, peer| peer.raw(&bytes));
        let said = message(&fake);
        assert!(said.contains(expected), "{said}");
        assert!(said.contains("jobd.sock"), "{said}");
    }
}

#[test]
fn a_closed_connection_is_told() {
    let fake = Fake::start(|_, peer| peer.close());
    let said = message(&fake);
    assert!(said.contains("closed the connection without"), "{said}");
}

#[test]
fn a_socket_path_that_is_too_long_is_refused_with_a_way_out() {
    let home = Folder::new();
    let long = home.0.join("x".repeat(108));
    let output = jobctl(&home.0)
        .env("JOBD_HOME", &long)
        .arg("list")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(said.contains("set JOBD_HOME to a shorter folder"), "{said}");
}

#[test]
fn another_daemon_can_be_named() {
    let fake = refusing(ApiError::Unavailable {
        reason: "the disk is full".into(),
    });
    let elsewhere = Folder::new();
    let socket = fake.home.socket();
    let by_option = ["--socket", socket.to_str().unwrap(), "list"];
    let said = finish(&elsewhere.0, &by_option).stderr;
    assert!(said.contains("the disk is full"), "{said}");
    let output = jobctl(&elsewhere.0)
        .env("JOBD_SOCKET", &socket)
        .arg("list")
        .output()
        .unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("disk"));
}

#[test]
fn a_wrong_command_line_is_an_error_of_our_own_and_help_is_none() {
    let home = Folder::new();
    assert_eq!(finish(&home.0, &["frobnicate"]).code, 125);
    assert_eq!(finish(&home.0, &["show"]).code, 125);
    let help = finish(&home.0, &["--help"]);
    assert_eq!(help.code, 0);
    assert!(help.stdout.contains("Exit codes"), "{}", help.stdout);
}
