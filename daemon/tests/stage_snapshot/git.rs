//! Where the code came from.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{Bench, set_mode, wait_until};

const URL: &str = "mlflow.source.git.repoURL";
const BRANCH: &str = "mlflow.source.git.branch";
const COMMIT: &str = "mlflow.source.git.commit";
const DIRTY: &str = "azureml.git.dirty";

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let me = [
        "-c",
        "user.name=me",
        "-c",
        "user.email=me@here",
        "-c",
        "commit.gpgsign=false",
    ];
    let ran = Command::new("git")
        .args(me)
        .args(arguments)
        .current_dir(folder)
        .output();
    let output = ran.ok()?;
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[test]
fn the_properties_are_those_of_azure() {
    let bench = Bench::new();
    bench.file("sub/a", "a");
    if git(&bench.path, &["init", "-q", "-b", "work"]).is_none() {
        println!("SKIP: no git");
        return;
    }
    fs::write(bench.path.join(".gitignore"), "/jobs\n/cache\n").unwrap();
    assert_eq!(bench.take("unborn").properties.get(COMMIT), None);
    git(&bench.path, &["add", "code", ".gitignore"]);
    git(&bench.path, &["commit", "-q", "-m", "one"]);
    let url = "https://me:secret@host/repo.git";
    git(&bench.path, &["remote", "add", "origin", url]);
    let ran = bench.stage("clean").run();
    assert!(!ran.log.contains("secret"));
    let report = ran.code();
    let get = |name: &str| report.properties.get(name).map(String::as_str);
    assert_eq!(get(URL), Some("https://host/repo.git"));
    assert_eq!(get(BRANCH), Some("work"));
    assert_eq!(
        get(COMMIT),
        git(&bench.path, &["rev-parse", "HEAD"]).as_deref()
    );
    assert_eq!(get(DIRTY), Some("False"));
    bench.file("new", "n");
    git(&bench.path, &["checkout", "-q", "--detach"]);
    let report = bench.take("dirty");
    assert_eq!(
        report.properties.get(DIRTY).map(String::as_str),
        Some("True")
    );
    assert_eq!(report.properties.get(BRANCH), None);
}

#[test]
fn without_a_repository_or_without_git_there_are_none() {
    let bench = Bench::new();
    bench.file("a", "a");
    assert!(bench.take("none").properties.is_empty());
    git(&bench.code(), &["init", "-q", "-b", "work"]);
    let bin = bench.path.join("bin");
    let bin = bin.display();
    let before = format!(
        "mkdir '{bin}' && ln -s \"$(command -v timeout)\" '{bin}' && PATH='{bin}'; export PATH; "
    );
    let ran = bench.stage("no-git").before(&before).run();
    assert!(ran.code().properties.is_empty());
}

/// A git that never answers costs a bounded time, and is gone afterwards with what it started.
#[test]
fn a_git_that_hangs_is_ended() {
    let bench = Bench::new();
    bench.file("a", "a");
    let bin = bench.path.join("bin");
    fs::create_dir(&bin).unwrap();
    let pids = bench.path.join("pids");
    let script = format!(
        "#!/bin/sh\nsleep 1000 &\necho $! >>'{}'\nwait\n",
        pids.display()
    );
    fs::write(bin.join("git"), script).unwrap();
    set_mode(&bin.join("git"), 0o755);
    let before = format!("PATH='{}':$PATH; export PATH; ", bin.display());
    let report = bench.stage("one").before(&before).run().code();
    assert!(report.properties.is_empty());
    let pids = fs::read_to_string(pids).unwrap();
    assert!(!pids.is_empty());
    for pid in pids.lines() {
        let pid = pid.parse().unwrap();
        wait_until(&format!("{pid} is gone"), || {
            let stat = jobd::sys::pidfd::stat(pid).unwrap();
            stat.is_none_or(|stat| stat.state == 'Z')
        });
    }
}

/// Code may have been brought along with settings of its own, by which git would run programs.
#[test]
fn no_program_of_the_code_is_run() {
    let bench = Bench::new();
    bench.file("a", "a");
    let code = bench.code();
    if git(&code, &["init", "-q", "-b", "work"]).is_none() {
        println!("SKIP: no git");
        return;
    }
    git(&code, &["add", "."]);
    git(&code, &["commit", "-q", "-m", "one"]);
    let mark = bench.path.join("mark");
    let filter = format!("touch {}; cat", mark.display());
    git(&code, &["config", "filter.x.clean", &filter]);
    fs::write(code.join(".gitattributes"), "* filter=x\n").unwrap();
    fs::write(code.join("a"), "b").unwrap();
    let properties = bench.take("filtered").properties;
    assert!(!mark.exists());
    assert!(properties.contains_key(COMMIT));
    assert!(!properties.contains_key(DIRTY));
}
