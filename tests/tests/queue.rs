//! Jobs wait for their turn.

use std::fs;

use jobd_tests::harness::{Home, JobFile, Witness};
use serde_json::json;

#[test]
fn a_paused_queue_starts_nothing_and_stops_nothing() {
    let mut home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    drop(home.submit(&JobFile::endless("running")));
    home.wait_for_status("running", "Running");
    drop(home.run(&["pause"]).ok());
    drop(home.submit(&JobFile::new(&witness.command("waited")).name("waiting")));
    assert_eq!(home.status("waiting"), "Queued");
    // It is remembered over a restart.
    home.kill();
    home.start(&[]);
    home.wait_for_status("running", "Running");
    let status = home.run(&["status", "-o", "json"]).ok().json();
    assert_eq!(
        (&status["paused"], &status["queued"]),
        (&json!(true), &json!(1))
    );
    assert!(home.run(&["status"]).ok().stdout.contains("paused"));
    assert_eq!(home.status("waiting"), "Queued");
    assert_eq!(witness.marks(), Vec::<String>::new());
    drop(home.run(&["resume"]).ok());
    assert_eq!(home.wait("waiting")["status"], "Completed");
    witness.assert_once_each(["waited".into()]);
}

#[test]
fn one_slot_is_given_by_priority_and_then_in_the_order_of_submission() {
    let home = Home::running(&["--slots", "1"]);
    let witness = Witness::in_folder(home.path());
    let gate = home.path().join("gate");
    let first = JobFile::probe(&["hold", gate.to_str().unwrap()]).name("first");
    drop(home.submit(&first));
    home.wait_for_status("first", "Running");
    let marked = |mark: &str, priority: &str| {
        JobFile::new(&witness.command(mark))
            .name(mark)
            .priority(priority)
    };
    drop(home.submit_all(&[
        marked("low0", "low"),
        marked("medium0", "medium"),
        marked("high0", "high"),
        JobFile::new(&witness.command("medium1")).name("medium1"),
        marked("low1", "low"),
        marked("high1", "high"),
    ]));
    fs::write(&gate, "").unwrap();
    drop(home.run(&["wait", "--all"]).ok());
    assert_eq!(
        witness.marks(),
        ["high0", "high1", "medium0", "medium1", "low0", "low1"]
    );
}
