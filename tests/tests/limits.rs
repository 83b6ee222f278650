//! The bounds that a daemon is given, and that it uses no more than it needs.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;

use jobd_tests::harness::process::status_number;
use jobd_tests::harness::{DEADLINE, Home, JobFile, Witness, probe_command, wait_until};
use nix::sys::signal::Signal;
use serde_json::Value;

fn probe(arguments: &[&str]) -> String {
    probe_command(arguments).replace("exec ", "")
}

#[test]
fn no_more_jobs_run_than_there_are_slots() {
    let home = Home::running(&["--slots", "3"]);
    let witness = Witness::in_folder(home.path());
    let gate = home.path().join("gate");
    let running = home.path().join("running");
    fs::create_dir(&running).unwrap();
    let (hold, pause) = (
        probe(&["hold", gate.to_str().unwrap()]),
        probe(&["sleep-ms", "20"]),
    );
    let jobs = home.path().join("jobs");
    fs::create_dir(&jobs).unwrap();
    // Each writes down how many it sees running, itself among them.
    let files: Vec<_> = (0..50)
        .map(|n| {
            let own = running.join(n.to_string());
            let (own, all) = (own.display(), running.display());
            let count = witness.echo(&format!("$(ls {all} | wc -l)"));
            let command = format!("mkdir {own}; {hold}; {count}; {pause}; rmdir {own}");
            JobFile::new(&command).write(&jobs, &format!("{n:02}.yml"))
        })
        .collect();
    drop(home.jobctl(&["submit"]).args(&files).run().ok());
    let count = || fs::read_dir(&running).unwrap().count();
    wait_until("full slots", DEADLINE, || count() == 3);
    let status = home.run(&["status", "-o", "json"]).ok().json();
    assert_eq!(
        (&status["slots_used"], &status["queued"]),
        (&3.into(), &47.into()),
        "{status}"
    );

    fs::write(&gate, "").unwrap();
    drop(home.run(&["wait", "--all"]).ok());
    let seen: Vec<usize> = witness
        .marks()
        .iter()
        .map(|mark| mark.trim().parse().unwrap())
        .collect();
    assert_eq!(seen.len(), 50);
    assert!(seen.iter().all(|count| (1..=3).contains(count)), "{seen:?}");
}

#[test]
fn fewer_slots_after_a_restart_hold_for_what_is_started_then() {
    let mut home = Home::running(&["--slots", "4"]);
    let gate = home.path().join("gate");
    let hold = JobFile::probe(&["hold", gate.to_str().unwrap()]);
    let first: Vec<_> = (0..4).map(|_| home.submit(&hold)).collect();
    let waiting = home.submit(&JobFile::probe(&["exit", "0"]));
    for name in &first {
        home.wait_for_status(name, "Running");
    }
    home.kill();
    home.start(&["--slots", "1"]);
    for name in &first {
        home.wait_for_status(name, "Running");
    }
    assert_eq!(home.status(&waiting), "Queued");
    fs::write(&gate, "").unwrap();
    drop(home.run(&["wait", "--all"]).ok());
    assert_eq!(home.status(&waiting), "Completed");
}

#[test]
fn a_full_log_is_marked_and_the_job_goes_on() {
    let max = 20_000_usize;
    let home = Home::running(&["--log-bytes-max", &max.to_string()]);
    let done = home.path().join("done");
    let command = format!(
        "{}; echo yes > {}; exit 3",
        probe(&["spew", "3000000"]),
        done.display()
    );
    let job = JobFile::new(&command).name("loud");
    let ran = home.jobctl(&["run", "-"]).stdin(job.text()).run().code(3);
    assert_eq!(fs::read_to_string(&done).unwrap(), "yes\n");

    let log = home.log("loud");
    assert_eq!(ran.stdout.as_bytes(), log);
    let (kept, marker) = log.split_at(max);
    assert!(
        kept.iter()
            .enumerate()
            .all(|(at, byte)| usize::from(*byte) == usize::from(b'a') + at % 251 % 26)
    );
    let marker = String::from_utf8_lossy(marker);
    assert!(
        marker.contains("output beyond 20000 bytes was dropped"),
        "{marker}"
    );
    let job: Value = home.show("loud");
    assert_eq!(job["log_bytes_dropped"], 3_000_000 - max);
    assert!(
        home.run(&["show", "loud"]).ok().stdout.contains("2980000"),
        "people see it"
    );
}

#[test]
fn more_jobs_than_the_queue_takes_are_refused_and_none_is_lost() {
    let home = Home::running(&["--queue-max", "3", "--slots", "1"]);
    let long = JobFile::probe(&["sleep-ms", "600000"]);
    let names: Vec<_> = (0..3).map(|_| home.submit(&long)).collect();
    let refused = home
        .jobctl(&["submit", "-"])
        .stdin(long.text())
        .run()
        .code(125);
    drop(refused.says(&["limit", "queue_max", "3"]));
    // A file of the spool waits instead.
    let witness = Witness::in_folder(home.path());
    let file = JobFile::new(&witness.command("later")).write(&home.spool(), "later.yml");
    drop(home.run(&["list"]).ok());
    drop(home.run(&["cancel", &names[1]]).ok());
    drop(home.run(&["cancel", &names[2], "--force"]).ok());
    drop(home.run(&["cancel", &names[0], "--force"]).ok());
    wait_until("the job of the spool", DEADLINE, || {
        witness.marks().len() == 1
    });
    wait_until("the removal of its file", DEADLINE, || !file.exists());
}

#[test]
fn a_daemon_that_has_nothing_to_do_does_nothing() {
    let home = Home::running(&[]);
    drop(
        home.run(&["wait", &home.submit(&JobFile::new("true"))])
            .ok(),
    );
    drop(JobFile::new("true").write(&home.spool(), "a.yml"));
    wait_until("an empty spool", DEADLINE, || {
        !home.spool().join("a.yml").exists()
    });
    let switches = switches_while_a_job_sleeps(&home);
    assert!(
        switches < 1_000,
        "{switches} context switches while one job slept"
    );
}

/// How often the daemon switches while one job sleeps: its only news in these seconds are the
/// start and the end of that job.
fn switches_while_a_job_sleeps(home: &Home) -> u64 {
    let before = switches(home);
    drop(
        home.jobctl(&["run", "-"])
            .stdin(JobFile::probe(&["sleep-ms", "3000"]).text())
            .run()
            .ok(),
    );
    switches(home) - before
}

/// Context switches of all threads of the daemon: each wake-up is one.
fn switches(home: &Home) -> u64 {
    let pid = home.daemon_pid();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let threads = tasks.filter_map(|task| task.unwrap().file_name().to_str()?.parse().ok());
    threads
        .map(|thread: i32| {
            status_number(thread, "voluntary_ctxt_switches")
                + status_number(thread, "nonvoluntary_ctxt_switches")
        })
        .sum()
}

#[test]
fn a_daemon_that_waits_for_unfinished_files_sleeps_in_between() {
    let home = Home::running(&[]);
    let _open = fs::File::create(home.spool().join("a.yml")).unwrap();
    let switches = switches_while_a_job_sleeps(&home);
    assert!(
        switches < 2_000,
        "{switches} context switches while a file was open"
    );
}

#[test]
fn the_daemon_ends_at_once_with_jobs_and_clients_at_it() {
    let mut home = Home::running(&[]);
    drop(home.submit(&JobFile::probe(&["ignore-term"]).name("deaf")));
    let following = home.jobctl(&["logs", "-f", "deaf"]).spawn();
    home.wait_for_status("deaf", "Running");
    let _idle = home.connect();
    home.signal(Signal::SIGTERM);
    assert!(home.wait_for_daemon().success());
    drop(following);
}
