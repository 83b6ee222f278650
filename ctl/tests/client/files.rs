//! Job files that are refused before anything is sent, and those that are not.

use std::fs::File;
use std::io::Write;
use std::process::Stdio;

use proto::api::{Request, Submit};

use crate::fake::{Fake, Folder};
use crate::run::{finish, finished, jobctl};
use crate::sample::submitted;

#[test]
fn what_is_no_job_file_is_refused_in_one_line() {
    let home = Folder::new();
    home.file("empty.yml", "");
    home.file("binary.yml", b"a: \0\x01");
    home.file("latin1.yml", b"command: gr\xfcn\n");
    // Sparse: nobody could read it in the time of a test.
    let huge = File::create(home.0.join("huge.yml")).unwrap();
    huge.set_len(1 << 30).unwrap();
    for (file, expected) in [
        ("missing.yml", "no such file"),
        (".", "is a folder, not a job file"),
        ("empty.yml", "is empty"),
        (
            "binary.yml",
            "is a binary file, not YAML text (byte 3 is NUL)",
        ),
        ("latin1.yml", "is not UTF-8 text (see byte 11)"),
        (
            "huge.yml",
            "is larger than 1048576 bytes, the most that a job file may have",
        ),
    ] {
        for verb in ["run", "submit", "validate"] {
            let run = finish(&home.0, &[verb, file]);
            assert_eq!(run.stderr, format!("jobctl: {file}: {expected}\n"));
            assert_eq!((run.code, run.stdout.as_str()), (125, ""));
        }
    }
}

#[test]
fn one_refused_file_keeps_all_back_and_every_one_is_told() {
    let fake = Fake::start(|_, peer| peer.reply(&submitted(&["a"])));
    fake.home.file("good.yml", "command: a\n");
    let run = finish(&fake.home.0, &["submit", "no1", "good.yml", "no2"]);
    assert_eq!(
        run.stderr,
        "jobctl: no1: no such file\njobctl: no2: no such file\n"
    );
    assert!(fake.seen().is_empty());
}

#[test]
fn standard_input_is_read_for_a_dash() {
    let fake = Fake::start(|_, peer| peer.reply(&submitted(&["a"])));
    let mut child = jobctl(&fake.home.0)
        .args(["submit", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"command: echo\n").unwrap();
    drop(stdin);
    let run = finished(child.wait_with_output().unwrap());
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "a\n"),
        "{}",
        run.stderr
    );
    let [Request::Submit(Submit { jobs })] = &fake.seen()[..] else {
        panic!("{:?}", fake.seen());
    };
    assert_eq!(jobs[0].file.as_deref(), Some("<stdin>"));
    assert_eq!(jobs[0].base_path, fake.home.0);
}

#[test]
fn validate_needs_no_daemon() {
    let home = Folder::new();
    home.file("good.yml", "command: echo\nenvironment: azureml:x:1\n");
    home.file(
        "bad.yml",
        "command: echo\ncommand: again\nenvironment: azureml:x:1\n",
    );
    let run = finish(&home.0, &["validate", "good.yml"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "good.yml: valid\n"));
    let run = finish(&home.0, &["validate", "good.yml", "bad.yml"]);
    assert_eq!((run.code, run.stdout.as_str()), (125, "good.yml: valid\n"));
    let finding = "bad.yml:2:1: error: ";
    assert!(run.stderr.contains(finding), "{}", run.stderr);
}
