//! The daemon is told to end, whatever it is about: it ends, and the next one goes on where it
//! stopped.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use jobd_tests::harness::process::is_alive;
use jobd_tests::harness::{DEADLINE, Home, JobFile, Staged, Witness, probe_command, wait_until};
use nix::sys::signal::Signal;

/// The daemon's own error.
const OWN_ERROR: i32 = 125;
/// Jobs that wait while daemons come and go.
const JOBS: usize = 20;

/// An end that was asked for: in order, or, before the daemon listens for signals, by the signal.
fn assert_ended(status: ExitStatus, home: &Home) {
    let is_well = status.success() || status.signal() == Some(Signal::SIGTERM as i32);
    assert!(is_well, "{status}: {}", home.said());
}

/// What the daemon's log says in all.
fn log(home: &Home) -> String {
    let logs = fs::read_dir(home.path().join("state/log")).unwrap();
    logs.map(|log| fs::read_to_string(log.unwrap().path()).unwrap())
        .collect()
}

/// Submits jobs that leave marks, while the queue is paused.
fn submit_many(home: &Home, witness: &Witness) -> Vec<String> {
    let names: Vec<_> = (0..JOBS).map(|number| format!("n{number}")).collect();
    for name in &names {
        drop(home.submit(&JobFile::new(&witness.echo(name)).name(name)));
    }
    names
}

fn assert_all_ran(home: &Home, witness: &Witness, names: Vec<String>) {
    drop(home.run(&["wait", "--all"]).ok());
    for name in &names {
        assert_eq!(home.status(name), "Completed");
    }
    witness.assert_once_each(names);
}

#[test]
fn a_daemon_that_is_told_to_end_while_it_starts_ends() {
    let mut home = Home::running(&["--slots", "2"]);
    let witness = Witness::in_folder(home.path());
    drop(home.run(&["pause"]).ok());
    let names = submit_many(&home, &witness);
    drop(home.run(&["resume"]).ok());
    home.kill();
    // What there is to see of a start, in its order; each is looked for several times, because
    // the end comes somewhat later than the sight.
    let [starting, ready] = [": starting ", ": ready "];
    type Sight = fn(&Home, usize) -> bool;
    let sights: [Sight; 4] = [
        |_, _| true,
        |home, _| {
            let lock = fs::read_to_string(home.path().join("state/lock")).unwrap_or_default();
            lock.trim() == home.daemon_pid().to_string()
        },
        |home, before| log(home).matches(": starting ").count() > before,
        |home, before| log(home).matches(": ready ").count() > before,
    ];
    for _ in 0..3 {
        for (number, sight) in sights.iter().enumerate() {
            let before = log(&home)
                .matches(if number == 3 { ready } else { starting })
                .count();
            home.begin(&["--slots", "2"]);
            let mut ended = None;
            wait_until("a sight of the start", DEADLINE, || sight(&home, before));
            home.signal(Signal::SIGTERM);
            wait_until("the end of the daemon", DEADLINE, || {
                ended = home.ended();
                ended.is_some()
            });
            assert_ended(ended.unwrap(), &home);
        }
    }
    home.start(&["--slots", "2"]);
    assert_all_ran(&home, &witness, names);
}

#[test]
fn a_daemon_that_is_told_twice_to_end_ends_and_loses_nothing() {
    let mut home = Home::running(&["--slots", "4"]);
    let witness = Witness::in_folder(home.path());
    let mut all = Vec::new();
    for round in 0..5 {
        for number in 0..JOBS {
            let name = format!("r{round}n{number}");
            drop(home.submit(&JobFile::new(&witness.echo(&name)).name(&name)));
            all.push(name);
        }
        home.signal(Signal::SIGTERM);
        home.signal(Signal::SIGINT);
        let status = home.wait_for_daemon();
        let is_hurried = status.code() == Some(OWN_ERROR) && home.said().contains("told twice");
        assert!(status.success() || is_hurried, "{status}: {}", home.said());
        home.start(&["--slots", "4"]);
    }
    assert_all_ran(&home, &witness, all);
}

#[test]
fn a_daemon_that_is_told_to_end_leaves_jobs_of_every_status_as_they_are() {
    let mut staged = Staged::new();
    staged.holds("prepare");
    let prepared = staged.file("prepare", "gate");
    let home = &mut staged.home;
    home.start(&["--slots", "2", "--grace-seconds", "600"]);
    let witness = Witness::in_folder(home.path());
    fs::create_dir(home.path().join("code")).unwrap();
    let prepares = JobFile::new(&witness.echo("prepares")).with("code: ./code");
    drop(home.submit(&prepares.name("prepares")));
    home.wait_for_status("prepares", "Preparing");
    let gate = home.path().join("gate");
    let hold = probe_command(&["hold", gate.to_str().unwrap()]).replace("exec ", "");
    let runs = JobFile::new(&format!("{hold}; {}; exit 7", witness.echo("runs")));
    drop(home.submit(&runs.name("runs")));
    home.wait_for_status("runs", "Running");
    let dies = home.submit_deaf("dies");
    drop(home.run(&["cancel", "dies"]).ok());
    drop(home.submit(&JobFile::new(&witness.echo("waits")).name("waits")));
    let statuses = [
        ("prepares", "Preparing"),
        ("runs", "Running"),
        ("dies", "CancelRequested"),
        ("waits", "Queued"),
    ];
    for round in 0..3 {
        for (name, status) in statuses {
            assert_eq!(home.status(name), status, "{name} in round {round}");
        }
        home.signal(Signal::SIGTERM);
        assert!(home.wait_for_daemon().success(), "{}", home.said());
        assert!(is_alive(dies.main.pid), "the daemon ended a job");
        home.start(&["--slots", "2", "--grace-seconds", "600"]);
        for (name, status) in statuses {
            home.wait_for_status(name, status);
        }
    }
    fs::write(prepared, "").unwrap();
    drop(home.run(&["cancel", "dies", "--force"]).ok());
    assert_eq!(home.wait("dies")["status"], "Canceled");
    fs::write(&gate, "").unwrap();
    assert_eq!(home.wait("runs")["exit_code"], 7);
    for name in ["prepares", "waits"] {
        assert_eq!(home.wait(name)["status"], "Completed");
    }
    witness.assert_once_each(["prepares", "runs", "waits"].map(String::from));
}

#[test]
fn a_terminal_that_is_closed_ends_no_daemon() {
    let home = Home::running(&[]);
    let pid = home.daemon_pid();
    home.signal(Signal::SIGHUP);
    wait_until("the signal to be noticed", DEADLINE, || {
        log(&home).contains("SIGHUP")
    });
    drop(home.run(&["status"]).ok());
    assert_eq!(home.daemon_pid(), pid);
}
