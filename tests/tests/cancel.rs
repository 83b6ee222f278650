//! Jobs are ended before their time, and somebody waits for an end.

use std::fs;

use jobd_tests::harness::process::is_alive;
use jobd_tests::harness::{Home, JobFile, Witness};
use nix::sys::signal::Signal;
use serde_json::json;

#[test]
fn cancel_ends_what_waits_and_what_runs() {
    let home = Home::running(&["--slots", "2", "--grace-seconds", "3"]);
    let witness = Witness::in_folder(home.path());
    let waiting = JobFile::new(&witness.command("never")).name("waiting");
    drop(home.submit(&JobFile::endless("polite")));
    let deaf = home.submit_deaf("deaf");
    drop(home.submit(&waiting));
    drop(home.started("polite"));

    assert_eq!(
        home.run(&["cancel", "waiting"]).ok().stdout,
        "waiting Canceled\n"
    );
    let ran = home.run(&["cancel", "polite", "deaf"]).ok();
    assert_eq!(
        ran.lines(),
        ["polite CancelRequested", "deaf CancelRequested"]
    );
    let job = home.wait("polite");
    assert_eq!(job["outcome"], json!({"kind": "canceled", "killed": false}));
    assert_eq!(job["exit_code"], 143);
    let job = home.wait("deaf");
    assert_eq!(job["outcome"], json!({"kind": "canceled", "killed": true}));
    assert_eq!(job["exit_code"], 137);
    assert!(!is_alive(deaf.main.pid));
    let statuses: Vec<_> = job["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].as_str().unwrap())
        .collect();
    assert!(
        statuses.ends_with(&["CancelRequested", "Canceled"]),
        "{statuses:?}"
    );

    // Again changes nothing and is no error; what ended otherwise cannot be canceled.
    assert_eq!(home.run(&["cancel", "deaf"]).ok().stdout, "deaf Canceled\n");
    drop(home.submit(&JobFile::new("true").name("done")));
    drop(home.wait("done"));
    drop(
        home.run(&["cancel", "done"])
            .code(125)
            .says(&["done", "Completed", "has ended already"]),
    );
    assert_eq!(witness.marks(), Vec::<String>::new());
}

#[test]
fn cancel_by_force_waits_for_no_grace() {
    // The grace is longer than any test waits.
    let home = Home::running(&["--slots", "2", "--grace-seconds", "3600"]);
    let (deaf, deafer) = (home.submit_deaf("deaf"), home.submit_deaf("deafer"));
    drop(home.run(&["cancel", "deaf", "--force"]).ok());
    assert_eq!(home.wait("deaf")["status"], "Canceled");
    // Politely first, by force then.
    drop(home.run(&["cancel", "deafer"]).ok());
    home.wait_for_status("deafer", "CancelRequested");
    assert!(is_alive(deafer.main.pid));
    assert_eq!(
        home.run(&["cancel", "deafer", "--force"]).ok().stdout,
        "deafer CancelRequested\n"
    );
    assert_eq!(home.wait("deafer")["status"], "Canceled");
    assert!(!is_alive(deaf.main.pid) && !is_alive(deafer.main.pid));
}

#[test]
fn ctrl_c_cancels_a_job_that_is_run_and_leaves_one_that_is_streamed() {
    let home = Home::running(&["--grace-seconds", "1"]);
    let streamed = home.submit(&JobFile::endless("streamed"));
    home.wait_for_status(&streamed, "Running");
    let stream = home.jobctl(&["stream", "streamed"]).spawn();
    let run = home
        .jobctl(&["run", "-"])
        .stdin(JobFile::endless("mine").text())
        .spawn();
    run.wait_for_message("job mine");
    home.wait_for_status("mine", "Running");
    run.signal(Signal::SIGINT);
    drop(
        run.wait()
            .code(143)
            .says(&["canceling job mine", "Canceled"]),
    );
    stream.signal(Signal::SIGINT);
    let ended = stream.wait();
    assert!(ended.code == -1 || ended.code == 130, "{ended:?}");
    assert_eq!(home.status("streamed"), "Running");
}

#[test]
fn wait_tells_how_each_ended() {
    let home = Home::running(&[]);
    drop(home.submit_all(&[
        JobFile::new("exit 0").name("good"),
        JobFile::new("exit 5").name("bad"),
    ]));
    assert_eq!(home.run(&["wait", "good"]).ok().stdout, "good Completed\n");
    let ran = home.run(&["wait", "good", "bad"]).code(1);
    let mut lines = ran.lines();
    lines.sort_unstable();
    assert_eq!(lines, ["bad Failed", "good Completed"]);
    let ended = home.run(&["wait", "bad", "-o", "json"]).code(1).json();
    assert_eq!(ended[0]["exit_code"], 5);
    // Nothing is left to wait for.
    assert_eq!(home.run(&["wait", "--all"]).ok().stdout, "");

    let gate = home.path().join("gate");
    drop(home.submit(&JobFile::probe(&["hold", gate.to_str().unwrap()]).name("held")));
    let mut waiting = home.jobctl(&["wait", "--all"]).spawn();
    home.wait_for_status("held", "Running");
    assert!(waiting.is_running());
    fs::write(&gate, "").unwrap();
    assert_eq!(waiting.wait().ok().stdout, "held Completed\n");
}
