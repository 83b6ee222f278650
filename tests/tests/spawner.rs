//! The process that makes supervisors: whatever becomes of it, steps go on and others follow.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;

use jobd_tests::harness::process::signal;
use jobd_tests::harness::{DEADLINE, Home, JobFile, probe_command, wait_for, wait_until};
use nix::sys::signal::Signal;

/// The spawner of the home's daemon: its child that is a shim.
fn spawner(home: &Home) -> i32 {
    let daemon = home.daemon_pid();
    wait_for("a spawner", || {
        fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
            .find(|pid| {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                let is_child = stat
                    .rsplit_once(") ")
                    .is_some_and(|(_, rest)| rest.split(' ').nth(1) == Some(&daemon.to_string()));
                is_child && !stat.contains(") Z") && stat.contains("(jobd-shim)")
            })
    })
}

fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

#[test]
fn a_killed_spawner_harms_no_step_and_is_replaced() {
    let home = Home::running(&["--slots", "2"]);
    let gate = home.path().join("gate");
    let running = home.submit(&JobFile::new(&probe_command(&[
        "hold",
        gate.to_str().unwrap(),
    ])));
    home.wait_for_status(&running, "Running");
    let first = spawner(&home);
    signal(first, Signal::SIGKILL);
    wait_until("its end", DEADLINE, || !is_alive(first));
    let next = home.submit(&JobFile::new("echo next"));
    assert_eq!(home.wait(&next)["status"], "Completed");
    assert_ne!(spawner(&home), first);
    assert_eq!(home.status(&running), "Running");
    fs::write(&gate, "").unwrap();
    assert_eq!(home.wait(&running)["status"], "Completed");
}

#[test]
fn a_spawner_ends_with_its_daemon_and_its_shims_do_not() {
    let mut home = Home::running(&["--slots", "1"]);
    let gate = home.path().join("gate");
    let name = home.submit(&JobFile::new(&probe_command(&[
        "hold",
        gate.to_str().unwrap(),
    ])));
    let shim = home.started(&name).shim.pid;
    let spawner = spawner(&home);
    home.kill();
    wait_until("the spawner's end", DEADLINE, || !is_alive(spawner));
    assert!(is_alive(shim));
    home.start(&["--slots", "1"]);
    fs::write(&gate, "").unwrap();
    assert_eq!(home.wait(&name)["status"], "Completed");
}

#[test]
fn a_shim_is_seen_under_the_name_of_its_step() {
    let home = Home::running(&["--slots", "1"]);
    let gate = home.path().join("gate");
    let name = home.submit(&JobFile::new(&probe_command(&[
        "hold",
        gate.to_str().unwrap(),
    ])));
    let shim = home.started(&name).shim.pid;
    let line = fs::read(format!("/proc/{shim}/cmdline")).unwrap();
    let line = String::from_utf8(line).unwrap();
    let words: Vec<_> = line.split('\0').collect();
    assert!(words[0].ends_with("/jobd-shim"), "{words:?}");
    assert_eq!(words[1], home.step_folders(&name)[0].to_str().unwrap());
    assert!(words[2..].iter().all(|word| word.is_empty()), "{words:?}");
    fs::write(&gate, "").unwrap();
    assert_eq!(home.wait(&name)["status"], "Completed");
}

#[test]
fn a_shim_supervises_one_step_after_another() {
    let home = Home::running(&["--slots", "1"]);
    let shims: std::collections::HashSet<_> = (0..3)
        .map(|_| {
            let name = home.submit(&JobFile::new("true"));
            assert_eq!(home.wait(&name)["status"], "Completed");
            home.started(&name).shim.pid
        })
        .collect();
    assert_eq!(shims.len(), 1, "{shims:?}");
}

#[test]
fn a_shim_that_was_told_to_stop_is_no_zombie_for_long() {
    let home = Home::running(&["--slots", "1"]);
    let name = home.submit(&JobFile::new("sleep 600"));
    home.wait_for_status(&name, "Running");
    let shim = home.started(&name).shim.pid;
    drop(home.run(&["cancel", &name]).ok());
    assert_eq!(home.wait(&name)["status"], "Canceled");
    wait_until("the shim to be reaped", DEADLINE, || {
        !fs::exists(format!("/proc/{shim}")).unwrap()
    });
}

#[test]
fn a_killed_idle_shim_harms_no_step() {
    let home = Home::running(&["--slots", "1"]);
    let first = home.submit(&JobFile::new("true"));
    assert_eq!(home.wait(&first)["status"], "Completed");
    let shim = home.started(&first).shim.pid;
    signal(shim, Signal::SIGKILL);
    wait_until("its end", DEADLINE, || !is_alive(shim));
    let next = home.submit(&JobFile::new("true"));
    assert_eq!(home.wait(&next)["status"], "Completed");
    assert_ne!(home.started(&next).shim.pid, shim);
}

#[test]
fn a_job_after_one_that_was_killed_in_the_same_shim_runs() {
    let home = Home::running(&["--slots", "1"]);
    let killed = home.submit(&JobFile::new("kill -9 $$"));
    assert_eq!(home.wait(&killed)["exit_code"], 137);
    // With its own cgroup, should it have one: whoever is in a cgroup may kill all of it.
    let own = "echo 1 > /sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/cgroup.kill; exit 3";
    drop(home.wait(&home.submit(&JobFile::new(own))));
    let next = home.submit(&JobFile::new("true"));
    assert_eq!(home.wait(&next)["status"], "Completed");
}
