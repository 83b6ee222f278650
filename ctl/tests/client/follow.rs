//! Following a job: the log live, the exit code, Ctrl-C, a daemon that goes away.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Child;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use proto::api::{Canceling, Request, Shown};
use proto::status::Status;

use crate::fake::{Fake, Peer};
use crate::run::{finish, interrupt, start};
use crate::sample::{changed, submitted, view};

const NAME: &str = "calm_river";

/// What the test tells the played daemon to do next.
enum Do {
    /// Tell a status.
    Tell(Status, Option<i32>),
    /// Tell the last status.
    End(Status, i32),
    /// Close the connection.
    Close,
}

/// A daemon with one job whose life the test directs, and whose calls of `Cancel` it hears of.
fn directed() -> (Fake, Sender<Do>, Receiver<()>) {
    let (direct, directions) = channel();
    let (cancel, canceled) = channel();
    let (directions, cancel) = (Mutex::new(directions), Mutex::new(cancel));
    let fake = Fake::start(move |request, peer| match request {
        Request::Submit(_) => peer.reply(&submitted(&[NAME])),
        Request::Watch(_) => play(&directions.lock().unwrap(), peer),
        Request::Cancel(cancel_of) => {
            peer.reply(&Canceling {
                name: cancel_of.name,
                status: Status::CancelRequested,
            });
            cancel.lock().unwrap().send(()).unwrap();
        }
        other => panic!("{other:?}"),
    });
    fake.home.file("job.yml", "command: x\n");
    (fake, direct, canceled)
}

fn play(directions: &Receiver<Do>, peer: &mut Peer) {
    let path = peer.home.join("job");
    for direction in directions.iter() {
        match direction {
            Do::Tell(status, code) => peer.reply_more(&changed(NAME, status, code, &path)),
            Do::End(status, code) => {
                peer.reply(&changed(NAME, status, Some(code), &path));
                return;
            }
            Do::Close => {
                peer.close();
                return;
            }
        }
    }
}

/// The job's log as the shim writes it.
fn log(fake: &Fake) -> File {
    let folder = fake.home.0.join("job/user_logs");
    std::fs::create_dir_all(&folder).unwrap();
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true);
    file.open(folder.join("std_log.txt")).unwrap()
}

/// The next line on standard output: waiting for it is how a test knows that it was shown live.
fn shown(stdout: &mut impl BufRead) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    line
}

fn stdout_of(child: &mut Child) -> BufReader<std::process::ChildStdout> {
    BufReader::new(child.stdout.take().unwrap())
}

fn stderr_of(child: &mut Child) -> String {
    let mut text = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn run_shows_a_growing_log_and_ends_with_the_jobs_exit_code() {
    let (fake, direct, _canceled) = directed();
    let mut child = start(&fake.home.0, &["run", "job.yml"]);
    let mut stdout = stdout_of(&mut child);
    direct.send(Do::Tell(Status::Queued, None)).unwrap();
    direct.send(Do::Tell(Status::Running, None)).unwrap();
    // The folder appears only after the client has begun to follow.
    let mut log = log(&fake);
    log.write_all(b"one\n").unwrap();
    assert_eq!(shown(&mut stdout), "one\n");
    log.write_all(b"two\n").unwrap();
    assert_eq!(shown(&mut stdout), "two\n");
    log.write_all(b"\x1b[31m\xff end").unwrap();
    direct.send(Do::End(Status::Failed, 3)).unwrap();
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"\x1b[31m\xff end");
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert_eq!(
        stderr_of(&mut child),
        format!("jobctl: job {NAME}\njobctl: job {NAME} Failed: exited with code 3\n")
    );
}

#[test]
fn the_first_ctrl_c_cancels_and_goes_on_following() {
    let (fake, direct, canceled) = directed();
    let mut child = start(&fake.home.0, &["run", "job.yml"]);
    let mut stdout = stdout_of(&mut child);
    direct.send(Do::Tell(Status::Running, None)).unwrap();
    let mut log = log(&fake);
    log.write_all(b"working\n").unwrap();
    assert_eq!(shown(&mut stdout), "working\n");
    interrupt(&child);
    canceled.recv().unwrap();
    log.write_all(b"cleaning up\n").unwrap();
    assert_eq!(shown(&mut stdout), "cleaning up\n");
    direct.send(Do::End(Status::Canceled, 143)).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let said = stderr_of(&mut child);
    assert!(
        said.contains("canceling job calm_river; Ctrl-C again"),
        "{said}"
    );
}

#[test]
fn the_second_ctrl_c_leaves_at_once_and_says_so() {
    let (fake, direct, canceled) = directed();
    let mut child = start(&fake.home.0, &["run", "job.yml"]);
    let mut stdout = stdout_of(&mut child);
    direct.send(Do::Tell(Status::Running, None)).unwrap();
    log(&fake).write_all(b"working\n").unwrap();
    assert_eq!(shown(&mut stdout), "working\n");
    interrupt(&child);
    canceled.recv().unwrap();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let said = stderr_of(&mut child);
    assert!(said.contains("goes on to its end"), "{said}");
}

#[test]
fn a_restarted_daemon_is_waited_for() {
    let (fake, direct, _canceled) = directed();
    let mut child = start(&fake.home.0, &["run", "job.yml"]);
    let mut stdout = stdout_of(&mut child);
    direct.send(Do::Tell(Status::Running, None)).unwrap();
    let mut log = log(&fake);
    log.write_all(b"one\n").unwrap();
    assert_eq!(shown(&mut stdout), "one\n");
    direct.send(Do::Close).unwrap();
    log.write_all(b"two\n").unwrap();
    assert_eq!(shown(&mut stdout), "two\n");
    direct.send(Do::Tell(Status::Running, None)).unwrap();
    direct.send(Do::End(Status::Completed, 0)).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let said = stderr_of(&mut child);
    assert!(said.contains("the daemon has gone away"), "{said}");
}

#[test]
fn stream_ends_quietly_when_its_reader_leaves() {
    let (fake, direct, _canceled) = directed();
    let mut child = start(&fake.home.0, &["stream", NAME]);
    let mut stdout = stdout_of(&mut child);
    direct.send(Do::Tell(Status::Running, None)).unwrap();
    log(&fake).write_all(b"one\n").unwrap();
    assert_eq!(shown(&mut stdout), "one\n");
    // The job is silent from here on: only the closed pipe can end the client.
    drop(stdout);
    assert_eq!(child.wait().unwrap().code(), Some(128 + 13));
    assert_eq!(stderr_of(&mut child), "");
}

#[test]
fn a_job_that_ended_without_a_log_has_its_exit_code_all_the_same() {
    let (fake, direct, _canceled) = directed();
    direct.send(Do::End(Status::Failed, 127)).unwrap();
    let run = finish(&fake.home.0, &["logs", "-f", NAME]);
    assert_eq!((run.code, run.stdout.as_str()), (127, ""));
}

fn shows(status: Status, path: &Path) -> Fake {
    let path = path.to_owned();
    Fake::start(move |_, peer| {
        peer.reply(&Shown {
            job: view(NAME, status, &path),
        });
    })
}

#[test]
fn logs_are_exact_in_a_pipe() {
    let folder = crate::fake::Folder::new();
    let content: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    folder.file("user_logs/std_log.txt", &content);
    let fake = shows(Status::Completed, &folder.0);
    let mut child = start(&fake.home.0, &["logs", NAME]);
    let mut printed = Vec::new();
    stdout_of(&mut child).read_to_end(&mut printed).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(printed == content, "{} bytes", printed.len());
}

#[test]
fn a_queued_job_has_no_log_yet() {
    let fake = shows(Status::Queued, "/nonexistent".as_ref());
    let run = finish(&fake.home.0, &["logs", NAME]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    assert_eq!(
        run.stderr,
        format!("jobctl: job {NAME} is Queued: no log yet\n")
    );
}

/// What a stage tells, as it replaces the file.
fn tell_progress(fake: &Fake, json: &str) {
    let path = fake.home.file("job/system_logs/progress.new", json);
    std::fs::rename(&path, path.with_extension("json")).unwrap();
}

#[test]
fn a_pipe_gets_a_line_for_each_part_of_a_preparation_and_nothing_else() {
    let (fake, direct, _canceled) = directed();
    let mut child = start(&fake.home.0, &["stream", NAME]);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    // Half-written: it is looked at again.
    tell_progress(&fake, r#"{"what":"down"#);
    direct.send(Do::Tell(Status::Preparing, None)).unwrap();
    tell_progress(
        &fake,
        r#"{"what":"downloading inputs.a","bytes":1,"files":0,"rate":0}"#,
    );
    assert_eq!(shown(&mut stderr), "jobctl: downloading inputs.a\n");
    tell_progress(
        &fake,
        r#"{"what":"downloading inputs.a","bytes":2,"files":1,"rate":9}"#,
    );
    tell_progress(
        &fake,
        r#"{"what":"building\u001b[2J","bytes":0,"files":0,"rate":0}"#,
    );
    assert_eq!(shown(&mut stderr), "jobctl: building\\u001b[2J\n");
    direct.send(Do::Tell(Status::Running, None)).unwrap();
    direct.send(Do::End(Status::Completed, 0)).unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!((child.wait().unwrap().code(), rest.as_str()), (Some(0), ""));
}

#[test]
fn show_tells_how_far_a_stage_has_come() {
    let folder = crate::fake::Folder::new();
    let told = r#"{"what":"downloading inputs.a","bytes":1024,"bytes_total":4096,"files":1,
        "rate":512,"eta_secs":6}"#;
    folder.file("system_logs/progress.json", told);
    let line = |status| {
        let fake = shows(status, &folder.0);
        let sheet = finish(&fake.home.0, &["show", NAME]).stdout;
        let line = sheet.lines().find(|line| line.starts_with("Progress"));
        line.map(str::to_owned)
    };
    let expected =
        "Progress    downloading inputs.a: 1.0 KiB of 4.0 KiB, 1 file, 512 B/s, 6 s left";
    assert_eq!(line(Status::Preparing).as_deref(), Some(expected));
    assert_eq!(line(Status::Running), None);
}
