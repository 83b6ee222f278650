//! A daemon that is killed and started again: nothing is lost, nothing runs twice, and what runs
//! does not notice.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use jobd_tests::harness::process::{is_alive, signal};
use jobd_tests::harness::{
    DEADLINE, Home, JobFile, Witness, change_records, probe_command, wait_for, wait_until,
};
use nix::sys::signal::Signal;
use proto::record::file::Entry;
use proto::record::{STEP_FILE, StopReason};
use serde_json::{Value, json};

/// The probe as one command among several.
fn probe(arguments: &[&str]) -> String {
    probe_command(arguments).replace("exec ", "")
}

/// A job that leaves its mark and then holds until a file is there.
fn holding(witness: &Witness, name: &str, gate: &Path, code: usize) -> JobFile {
    let hold = probe(&["hold", gate.to_str().unwrap()]);
    let mark = witness.command(name).replace("exec ", "");
    JobFile::new(&format!("{mark}; {hold}; exit {code}")).name(name)
}

/// A job that leaves its mark and is deaf to TERM, so that only the kill after the grace period of
/// its time limit ends it.
fn deaf(witness: &Witness, name: &str) -> JobFile {
    let mark = witness.command(name).replace("exec ", "");
    let deaf = probe_command(&["ignore-term"]);
    JobFile::new(&format!("{mark}; {deaf}"))
        .name(name)
        .timeout(3)
}

/// Names of one kind of job.
fn names(kind: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{kind}{number:02}"))
        .collect()
}

fn outcome(home: &Home, name: &str) -> Value {
    home.show(name)["outcome"].clone()
}

#[test]
fn twenty_running_and_a_hundred_queued_jobs_survive_the_kill_of_the_daemon() {
    let mut home = Home::running(&["--slots", "20", "--grace-seconds", "1"]);
    let witness = Witness::in_folder(home.path());
    let (gate, early) = (home.path().join("gate"), home.path().join("early"));
    let (long, soon) = (names("long", 12), names("soon", 4));
    let (limited, queued) = (names("limited", 4), names("queued", 100));

    let gated = |gate, code: usize| {
        let witness = &witness;
        move |(number, name): (usize, &String)| holding(witness, name, gate, code + number)
    };
    let mut jobs: Vec<JobFile> = Vec::new();
    jobs.extend(long.iter().enumerate().map(gated(&gate, 0)));
    jobs.extend(soon.iter().enumerate().map(gated(&early, 40)));
    jobs.extend(limited.iter().map(|name| deaf(&witness, name)));
    jobs.extend(
        queued
            .iter()
            .map(|name| JobFile::new(&witness.command(name)).name(name)),
    );
    drop(home.submit_all(&jobs));
    wait_until("twenty running jobs", DEADLINE, || {
        witness.marks().len() == 20
    });
    let started: Vec<_> = long.iter().map(|name| home.started(name)).collect();

    home.kill();
    fs::write(&early, "").unwrap();
    // The shims alone end these: by themselves and by their limit.
    for name in &soon {
        assert!(home.exit(name).stop.is_none());
    }
    for name in &limited {
        let exit = home.exit(name);
        assert_eq!(
            exit.stop.map(|stop| (stop.reason, stop.killed)),
            Some((StopReason::Limit, true))
        );
        assert!((4_000..30_000).contains(&exit.duration_ms), "{exit:?}");
    }
    assert_eq!(witness.marks().len(), 20, "something ran without a daemon");

    home.start(&["--slots", "20"]);
    for (name, started) in long.iter().zip(&started) {
        home.wait_for_status(name, "Running");
        assert_eq!(&home.started(name), started);
        assert!(is_alive(started.main.pid), "{name} noticed");
    }
    fs::write(&gate, "").unwrap();
    // Some fail on purpose, before the wait begins or while it lasts.
    let waited = home.run(&["wait", "--all"]);
    assert!(matches!(waited.code, 0 | 1), "{waited:?}");

    for (code, name) in (0..).zip(&long).chain((40..).zip(&soon)) {
        assert_eq!(
            outcome(&home, name),
            json!({"kind": "exited", "code": code}),
            "{name}"
        );
    }
    for name in &limited {
        let expected = json!({"kind": "timed_out", "limit_secs": 3, "killed": true});
        assert_eq!(outcome(&home, name), expected, "{name}");
        assert_eq!(home.status(name), "Canceled");
    }
    let completed = home
        .run(&["list", "--all", "--status", "Completed", "-o", "json"])
        .ok()
        .json();
    // The hundred, and the one of the long ones whose code is 0.
    assert_eq!(completed.as_array().unwrap().len(), 101);
    witness.assert_once_each([long, soon, limited, queued].concat());
}

#[test]
fn five_kills_under_load_lose_nothing_and_repeat_nothing() {
    let mut home = Home::running(&["--slots", "4"]);
    let witness = Witness::in_folder(home.path());
    let mut names = Vec::new();
    for round in 0..5 {
        let batch: Vec<_> = (0..40).map(|n| format!("r{round}n{n:02}")).collect();
        let job = |name: &String| {
            let mark = witness.command(name).replace("exec ", "");
            JobFile::new(&format!("{mark}; {}", probe_command(&["sleep-ms", "30"]))).name(name)
        };
        drop(home.submit_all(&batch.iter().map(job).collect::<Vec<_>>()));
        names.extend(batch);
        // In the midst of it, at another moment each time.
        let marks = round * 40 + 3 + round * 4;
        wait_until("some of the jobs", DEADLINE, || {
            witness.marks().len() >= marks
        });
        home.kill();
        home.start(&["--slots", "4"]);
    }
    drop(home.run(&["wait", "--all"]).ok());
    witness.assert_once_each(names);
    let jobs = home.run(&["list", "--all", "-o", "json"]).ok().json();
    let jobs = jobs.as_array().unwrap();
    assert_eq!(jobs.len(), 200);
    assert!(
        jobs.iter().all(|job| job["status"] == "Completed"),
        "{jobs:?}"
    );
}

#[test]
fn a_job_whose_shim_is_killed_is_lost_and_its_processes_die() {
    let home = Home::running(&[]);
    let (job, pid_file) = with_a_fugitive(&home);
    let running = home
        .jobctl(&["run", "-"])
        .stdin(job.name("orphan").text())
        .spawn();
    let fugitive = pid_in(&pid_file);
    let started = home.started("orphan");
    signal(started.shim.pid, Signal::SIGKILL);

    drop(running.wait().code(125).says(&["lost", "supervisor"]));
    let job = home.show("orphan");
    assert_eq!(job["status"], "Failed");
    assert_eq!(job["outcome"]["kind"], "lost");
    assert_eq!(job["error"]["code"], "ServiceError");
    assert!(!is_alive(started.main.pid), "the command goes on");
    assert!(!is_alive(fugitive), "a process of the job goes on");
}

#[test]
fn a_job_whose_shim_and_daemon_are_killed_is_lost_and_never_runs_again() {
    let mut home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    let (job, pid_file) = with_a_fugitive(&home);
    let mark = JobFile::new(&witness.command("once")).name("mark");
    assert_eq!(home.wait(&home.submit(&mark))["status"], "Completed");
    drop(home.submit(&job.name("orphan")));
    let fugitive = pid_in(&pid_file);
    let started = home.started("orphan");
    home.kill();
    signal(started.shim.pid, Signal::SIGKILL);
    wait_until("the end of the shim", DEADLINE, || {
        !is_alive(started.shim.pid)
    });

    home.start(&[]);
    let job = home.wait("orphan");
    assert_eq!(
        job["outcome"],
        json!({"kind": "lost", "reason": "its supervisor died"})
    );
    assert!(!is_alive(started.main.pid) && !is_alive(fugitive));
    assert_eq!(home.step_folders("orphan").len(), 1);
    witness.assert_once_each(["once".to_owned()]);
}

/// A job with a process that has left its session, its parent and its group, and ignores TERM.
fn with_a_fugitive(home: &Home) -> (JobFile, PathBuf) {
    let pid_file = home.path().join("fugitive");
    let detach = probe(&[
        "detach",
        "--pid-file",
        pid_file.to_str().unwrap(),
        "--ignore-term",
    ]);
    let job = JobFile::new(&format!("{detach}; {}", probe_command(&["ignore-term"])));
    (job, pid_file)
}

fn pid_in(file: &Path) -> i32 {
    wait_for("the pid of the fugitive", || {
        fs::read_to_string(file).ok()?.parse().ok()
    })
}

#[test]
fn the_leftovers_of_one_daemon_are_not_those_of_another() {
    let homes = [Home::running(&[]), Home::running(&[])];
    let job = JobFile::probe(&["ignore-term"]).name("train");
    let [here, there] = homes.each_ref().map(|home| {
        drop(home.submit(&job));
        home.started("train")
    });
    signal(here.shim.pid, Signal::SIGKILL);
    assert_eq!(homes[0].wait("train")["outcome"]["kind"], "lost");
    assert!(!is_alive(here.main.pid));
    assert!(
        is_alive(there.main.pid),
        "a job of the other daemon was killed"
    );
    homes[1].wait_for_status("train", "Running");
}

#[test]
fn a_cancel_that_was_accepted_holds_over_the_kill_of_the_daemon() {
    let mut home = Home::running(&["--slots", "1", "--grace-seconds", "3"]);
    let witness = Witness::in_folder(home.path());
    let deaf = home.submit_deaf("deaf");
    drop(home.submit(&JobFile::new(&witness.command("never")).name("waiting")));
    let ran = home.run(&["cancel", "deaf", "waiting"]).ok();
    assert_eq!(ran.lines(), ["deaf CancelRequested", "waiting Canceled"]);
    home.kill();
    home.start(&["--slots", "1"]);
    let job = home.wait("deaf");
    assert_eq!(job["outcome"], json!({"kind": "canceled", "killed": true}));
    assert_eq!(job["status"], "Canceled");
    assert!(!is_alive(deaf.main.pid));
    assert_eq!(home.status("waiting"), "Canceled");
    assert_eq!(witness.marks(), Vec::<String>::new());
}

#[test]
fn a_daemon_that_is_told_to_end_leaves_its_jobs() {
    let mut home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    let gate = home.path().join("gate");
    drop(home.submit(&holding(&witness, "long", &gate, 9)));
    let started = home.started("long");
    for how in [Signal::SIGTERM, Signal::SIGINT] {
        home.signal(how);
        assert!(home.wait_for_daemon().success(), "{}", home.said());
        assert!(!home.socket().exists(), "the socket is left behind");
        assert!(is_alive(started.main.pid), "{how} ended the job");
        home.start(&[]);
        home.wait_for_status("long", "Running");
    }
    fs::write(&gate, "").unwrap();
    assert_eq!(home.wait("long")["exit_code"], 9);
    witness.assert_once_each(["long".to_owned()]);
}

#[test]
fn a_client_that_follows_a_job_follows_it_over_a_restart() {
    let mut home = Home::running(&[]);
    let gate = home.path().join("gate");
    let hold = probe(&["hold", gate.to_str().unwrap()]);
    let job = JobFile::new(&format!("echo before; {hold}; echo after; exit 5"));
    let running = home.jobctl(&["run", "-"]).stdin(job.text()).spawn();
    running.wait_for_output("before\n");
    home.kill();
    fs::write(&gate, "").unwrap();
    home.start(&[]);
    let ran = running.wait().code(5);
    assert_eq!(ran.stdout, "before\nafter\n");
}

/// Kills daemon and shim of a running job and changes what is on disk before the next daemon.
fn restarted_over(change: impl Fn(&mut Value), damage: impl Fn(&Home)) -> (Home, Value) {
    let mut home = Home::running(&[]);
    drop(home.submit(&JobFile::probe(&["ignore-term"]).name("job")));
    let started = home.started("job");
    home.wait_for_status("job", "Running");
    home.kill();
    signal(started.shim.pid, Signal::SIGKILL);
    wait_until("the end of the shim", DEADLINE, || {
        !is_alive(started.shim.pid)
    });
    change_records(&home.step_folders("job")[0], |entry, record| {
        if entry == Entry::Started {
            change(record);
        }
    });
    damage(&home);
    home.start(&[]);
    let job = home.wait("job");
    (home, job)
}

#[test]
fn a_job_of_an_earlier_boot_is_lost_for_that_reason() {
    let (_home, job) = restarted_over(|started| started["boot_id"] = json!("another boot"), |_| {});
    let reason = "the machine was restarted while it ran";
    assert_eq!(job["outcome"], json!({"kind": "lost", "reason": reason}));
}

/// After a power cut a file may be as it was half a minute before.
#[test]
fn a_job_that_was_seen_to_begin_does_not_begin_again_after_a_power_cut() {
    for is_empty in [true, false] {
        let forget = |home: &Home| {
            let path = home.step_folders("job").remove(0).join(STEP_FILE);
            let kept = match is_empty {
                true => Vec::new(),
                false => {
                    let file = fs::read_to_string(&path).unwrap();
                    let order = file.lines().next().unwrap();
                    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
                    let other = order.replace(boot.trim(), "00000000-0000-0000-0000-000000000000");
                    assert_ne!(other, order);
                    (other + "\n").into_bytes()
                }
            };
            fs::write(path, kept).unwrap();
        };
        let (_home, job) = restarted_over(|_| {}, forget);
        assert_eq!(job["outcome"]["kind"], "lost", "{job:#}");
    }
}

#[test]
fn a_process_that_got_a_recorded_pid_by_chance_is_not_touched() {
    let mut bystander = Command::new("sleep").arg("600").spawn().unwrap();
    let pid = i32::try_from(bystander.id()).unwrap();
    let reused = |started: &mut Value| {
        started["shim"]["pid"] = json!(pid);
        started["main"]["pid"] = json!(pid);
    };
    let (_home, job) = restarted_over(reused, |_| {});
    assert_eq!(job["outcome"]["kind"], "lost");
    let lives = is_alive(pid);
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    assert!(lives, "a foreign process was killed");
}

#[test]
fn a_record_that_cannot_be_read_is_never_a_success() {
    let torn = |home: &Home| {
        let path = home.step_folders("job").remove(0).join(STEP_FILE);
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"{\"exit\":{\"format\":{\"major\":2")
            .unwrap();
    };
    let (_home, job) = restarted_over(|_| {}, torn);
    assert_eq!(job["outcome"]["kind"], "lost");
    assert!(
        job["outcome"]["reason"]
            .as_str()
            .unwrap()
            .contains("cannot be read"),
        "{job}"
    );

    let (_home, job) = restarted_over(|started| started["format"]["major"] = json!(99), |_| {});
    assert_eq!(job["outcome"]["kind"], "lost");
}

#[test]
fn a_store_that_is_damaged_is_refused_and_left_as_it_is() {
    let mut home = Home::running(&[]);
    drop(home.submit(&JobFile::new("true")));
    home.signal(Signal::SIGTERM);
    assert!(home.wait_for_daemon().success());
    let store = home.path().join("state/jobd.db");
    let _log = fs::remove_file(home.path().join("state/jobd.db-wal"));
    fs::write(&store, vec![b'x'; 8192]).unwrap();
    let (status, said) = home.start_in_vain(&[]);
    assert_eq!(status.code(), Some(125), "{said}");
    assert!(said.contains("jobd.db"), "{said}");
    assert_eq!(fs::read(&store).unwrap(), vec![b'x'; 8192]);
}

#[test]
fn a_job_that_ends_while_no_daemon_is_there_has_its_own_time() {
    let mut home = Home::running(&[]);
    let gate = home.path().join("gate");
    let command = format!("until [ -e {} ]; do :; done", gate.display());
    drop(home.submit(&JobFile::new(&command).name("job")));
    home.wait_for_status("job", "Running");
    home.kill();
    fs::write(&gate, "").unwrap();
    let ended = home.exit("job").at;
    home.start(&[]);
    let job = home.wait("job");
    let last = job["history"].as_array().unwrap().last().unwrap();
    assert_eq!(last["at"], ended, "{job:#}");
}
