//! The line of jobs that begin when another ends: the daemon or a supervisor is killed while one
//! is on its way out of it, and somebody changes his mind.

use std::ffi::OsString;
use std::fs;

use jobd_tests::harness::{DEADLINE, Home, JobFile, Witness, wait_until};

use super::programs::armed;

/// A supervisor has taken the next job out of the line and has not let it go.
pub const TAKEN: &str = "shim.next-taken";

/// A daemon with one slot, which is taken until the gate is opened, and three jobs in line.
fn lined_up(environment: Vec<(String, OsString)>) -> (Home, Witness) {
    let mut home = Home::new();
    home.set_program(armed());
    home.set_env(environment);
    home.start(&["--slots", "1"]);
    let witness = Witness::in_folder(home.path());
    let gate = home.path().join("gate");
    let hold = JobFile::probe(&["hold", gate.to_str().unwrap()]);
    drop(home.submit(&hold.name("holds")));
    drop(home.started("holds"));
    for name in NAMES {
        drop(home.submit(&JobFile::new(&witness.echo(name)).name(name)));
    }
    // They are made ready one by one, and come into the line with that.
    wait_until("the last to be ready", DEADLINE, || {
        home.log_path("c").exists()
    });
    (home, witness)
}

const NAMES: [&str; 3] = ["a", "b", "c"];

#[test]
fn a_supervisor_that_dies_with_the_next_job_in_its_hand_leaves_it_to_the_daemon() {
    let (home, witness) = lined_up(vec![("JOBD_SHIM_FAILPOINT".into(), TAKEN.into())]);
    fs::write(home.path().join("gate"), "").unwrap();
    assert_eq!(home.wait("holds")["outcome"]["kind"], "lost");
    // So may the others, each of which has done its work before its supervisor dies of the next.
    for name in NAMES {
        let job = home.wait(name);
        let outcome = &job["outcome"];
        let is_lost = outcome["kind"] == "lost" && name != "c";
        assert!(is_lost || job["status"] == "Completed", "{job}");
    }
    witness.assert_once_each(NAMES.map(str::to_owned));
    assert_eq!(witness.marks(), NAMES);
}

#[test]
fn a_daemon_that_is_killed_with_jobs_in_line_leaves_them_to_the_next() {
    let (mut home, witness) = lined_up(Vec::new());
    home.kill();
    fs::write(home.path().join("gate"), "").unwrap();
    home.start(&["--slots", "1"]);
    for name in ["holds", "a", "b", "c"] {
        assert_eq!(home.wait(name)["status"], "Completed");
    }
    witness.assert_once_each(NAMES.map(str::to_owned));
}

#[test]
fn who_stands_in_line_can_be_canceled_and_overtaken_and_told_to_wait() {
    let (home, witness) = lined_up(Vec::new());
    assert_eq!(home.run(&["cancel", "a"]).ok().stdout, "a Canceled\n");
    let first = JobFile::new(&witness.echo("first")).name("first");
    drop(home.submit(&first.priority("high")));
    drop(home.run(&["pause"]).ok());
    fs::write(home.path().join("gate"), "").unwrap();
    assert_eq!(home.wait("holds")["status"], "Completed");
    // Whoever begins now overtakes.
    let last = home.submit(&JobFile::new(&witness.echo("last")));
    assert!(witness.marks().is_empty());
    drop(home.run(&["resume"]).ok());
    assert_eq!(home.wait(&last)["status"], "Completed");
    assert_eq!(witness.marks(), ["first", "b", "c", "last"]);
    assert_eq!(home.status("a"), "Canceled");
}
