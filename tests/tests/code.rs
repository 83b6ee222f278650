//! Code: a job runs what its folder held while the job was prepared.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jobd_tests::harness::{DEADLINE, Home, JobFile, probe_command, wait_until};
use serde_json::{Value, json};

/// The code of a test, in a home's folder.
fn file(home: &Home, path: &str, content: &str) -> PathBuf {
    let path = home.path().join("code").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

fn job(name: &str, command: &str) -> JobFile {
    JobFile::new(command).name(name).with("code: code")
}

/// Runs it to its end, which must be a good one; what it printed.
fn run(home: &Home, job: &JobFile) -> (Value, String) {
    let name = home.submit(job);
    let job = home.wait(&name);
    assert_eq!(job["status"], "Completed", "{job:#}");
    (job, String::from_utf8(home.log(&name)).unwrap())
}

fn digest(job: &Value) -> &str {
    let digest = &job["provenance"]["prepared"]["code"]["digest"];
    digest.as_str().unwrap()
}

fn snapshots(home: &Home) -> usize {
    let folder = home.path().join("state/cache/snapshots");
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn the_command_starts_in_a_copy_of_the_code() {
    let home = Home::running(&[]);
    file(
        &home,
        "train.sh",
        "cat data/x; echo new > data/x; cat data/x",
    );
    file(&home, "data/x", "old\n");
    file(&home, "data/big", "unwanted");
    file(&home, ".amlignore", "big\n");
    file(&home, "outputs/before", "b");
    let command = "sh train.sh; ls data; ls outputs; echo o > outputs/after";
    let (_, log) = run(&home, &job("one", command));
    assert_eq!(log, "old\nnew\nx\nbefore\n");
    let code = home.path().join("code");
    assert_eq!(fs::read_to_string(code.join("data/x")).unwrap(), "old\n");
    assert!(!code.join("outputs/after").exists());
}

#[test]
fn jobs_of_the_same_code_share_one_snapshot() {
    let home = Home::running(&["--slots", "2"]);
    file(&home, "a", "first");
    let names: Vec<String> = (0..4)
        .map(|number| home.submit(&job(&format!("same-{number}"), "cat a; rm a")))
        .collect();
    let jobs: Vec<Value> = names.iter().map(|name| home.wait(name)).collect();
    for (job, name) in jobs.iter().zip(&names) {
        assert_eq!(job["status"], "Completed");
        assert_eq!(home.log(name), b"first");
        assert_eq!(digest(job), digest(&jobs[0]));
        let code = &job["provenance"]["prepared"]["code"];
        assert_eq!((&code["files"], &code["bytes"]), (&json!(1), &json!(5)));
    }
    assert_eq!(snapshots(&home), 1);
    file(&home, "a", "second");
    let (other, log) = run(&home, &job("other", "cat a"));
    assert_eq!(log, "second");
    assert_ne!(digest(&other), digest(&jobs[0]));
    assert_eq!(snapshots(&home), 2);
}

#[test]
fn what_is_edited_while_the_job_waits_for_its_slot_does_not_reach_it() {
    let home = Home::running(&["--slots", "1"]);
    let gate = home.path().join("gate");
    let hold = probe_command(&["hold", gate.to_str().unwrap()]);
    let first = home.submit(&JobFile::new(&hold).name("first"));
    home.wait_for_status(&first, "Running");
    file(&home, "a", "as submitted");
    let second = home.submit(&job("second", "cat a"));
    wait_until("the second to be prepared", DEADLINE, || {
        let job = home.show(&second);
        job["status"] == "Queued" && job.get("provenance").is_some()
    });
    file(&home, "a", "edited");
    fs::write(&gate, "").unwrap();
    assert_eq!(home.wait(&second)["status"], "Completed");
    assert_eq!(home.log(&second), b"as submitted");
}

#[test]
fn code_that_cannot_be_taken_is_one_readable_cause_and_a_rerun_works_once_it_is_gone() {
    let home = Home::running(&[]);
    let code = home.path().join("code");
    file(&home, "a", "a");
    std::os::unix::fs::symlink("/etc/passwd", code.join("link")).unwrap();
    let name = home.submit(&job("bad", "cat a"));
    let bad = home.wait(&name);
    assert_eq!(bad["status"], "Failed");
    let message = bad["error"]["message"].as_str().unwrap();
    let cause = "code: take the link link to /etc/passwd: it is absolute";
    assert!(message.contains(cause), "{message}");
    fs::remove_file(code.join("link")).unwrap();
    run(&home, &job("good", "cat a"));
}

#[test]
fn a_rerun_needs_no_folder_that_the_code_came_from() {
    let home = Home::running(&[]);
    file(&home, "a", "as it was");
    run(&home, &job("first", "cat a"));
    fs::remove_dir_all(home.path().join("code")).unwrap();
    let again = home.run(&["rerun", "first"]).ok().stdout;
    let ended = home.wait(again.trim());
    assert_eq!(ended["status"], "Completed", "{ended}");
    assert_eq!(home.log(again.trim()), b"as it was");
    assert_eq!(digest(&ended), digest(&home.show("first")));
}

fn git(folder: &Path, arguments: &[&str]) -> bool {
    let me = ["-c", "user.name=me", "-c", "user.email=me@here"];
    let ran = Command::new("git")
        .args(me)
        .args(arguments)
        .current_dir(folder)
        .output();
    ran.is_ok_and(|output| output.status.success())
}

#[test]
fn show_tells_where_in_git_the_code_came_from() {
    let home = Home::running(&[]);
    file(&home, "a", "a");
    let code = home.path().join("code");
    if !git(&code, &["init", "-q", "-b", "work"]) {
        println!("SKIP: no git");
        return;
    }
    assert!(git(&code, &["add", "a"]));
    assert!(git(&code, &["commit", "-q", "-m", "one"]));
    let url = "https://me:secret@host/repo.git";
    assert!(git(&code, &["remote", "add", "origin", url]));
    let mine = "properties: {mine: 'yes', mlflow.source.git.branch: given}";
    let (job, _) = run(&home, &job("known", "cat a").with(mine));
    let properties = &job["properties"];
    assert_eq!(
        properties["mlflow.source.git.repoURL"],
        "https://host/repo.git"
    );
    assert_eq!(properties["mlflow.source.git.branch"], "given");
    assert_eq!(properties["azureml.git.dirty"], "False");
    assert_eq!(properties["mine"], "yes");
    let commit = properties["mlflow.source.git.commit"].as_str().unwrap();
    assert_eq!(commit.len(), 40);

    // A rerun has its snapshot, so it says the same, whatever became of the folder.
    fs::remove_dir_all(&code).unwrap();
    let again = home.run(&["rerun", "known"]).ok().stdout;
    let again = home.run(&["rerun", again.trim()]).ok().stdout;
    let again = home.wait(again.trim());
    assert_eq!(again["status"], "Completed", "{again}");
    assert_eq!(again["properties"], *properties);
}
