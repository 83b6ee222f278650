//! When a job is reported ended, no process of it is left, whatever it forked, detached or ignored:
//! with cgroups and without.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::path::{Path, PathBuf};

use jobd_tests::harness::process::{is_alive, state};
use jobd_tests::harness::{DEADLINE, Home, JobFile, Ran, probe_command, wait_for, wait_until};
use serde_json::Value;

/// Every kind of home that this machine can have.
fn homes(arguments: &[&str]) -> Vec<Home> {
    let both = [
        Home::running_with_cgroups(arguments),
        Home::running_without_cgroups(arguments),
    ];
    let homes: Vec<_> = both.into_iter().flatten().collect();
    assert!(!homes.is_empty(), "neither kind of home");
    homes
}

/// A command that leaves a process behind: in a session of its own, without a parent, deaf to TERM.
fn detach(pid_file: &Path, more: &[&str]) -> String {
    let arguments = [
        "detach",
        "--pid-file",
        pid_file.to_str().unwrap(),
        "--ignore-term",
    ];
    probe_command(&[&arguments, more].concat()).replace("exec ", "")
}

fn pid_in(file: &Path) -> i32 {
    wait_for("the pid of a process that detached itself", || {
        fs::read_to_string(file).ok()?.parse().ok()
    })
}

/// Runs a job to its reported end; looks for processes before anything else.
fn run(home: &Home, job: &JobFile) -> Ran {
    let ran = home.jobctl(&["run", "-"]).stdin(job.text()).run();
    let left = processes_of_jobs(home);
    assert!(left.is_empty(), "left behind: {left:?}\n{ran:#?}");
    ran
}

/// The command lines of living processes of jobs: all that name the home, but the daemon.
fn processes_of_jobs(home: &Home) -> Vec<String> {
    let daemon = home.daemon_pid();
    let others = home.processes().into_iter().filter(|pid| *pid != daemon);
    others
        .filter(|pid| is_alive(*pid) && !is_shim(*pid))
        .map(|pid| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default())
        .collect()
}

/// A shim has recorded the end before it ends itself.
fn is_shim(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "jobd-shim")
}

fn leftovers(home: &Home) -> u32 {
    let job: Value = home.show("@last");
    home.exit(job["name"].as_str().unwrap()).leftovers_killed
}

fn file(home: &Home) -> PathBuf {
    home.path().join("fugitive")
}

#[test]
fn a_process_that_detached_itself_ends_with_its_job() {
    for home in homes(&["--grace-seconds", "1"]) {
        let job = JobFile::new(&format!("{}; exit 4", detach(&file(&home), &[])));
        drop(run(&home, &job).code(4));
        assert!(!is_alive(pid_in(&file(&home))));
        assert!(leftovers(&home) >= 1);
    }
}

#[test]
fn a_process_that_holds_the_output_does_not_hold_up_the_end() {
    for home in homes(&["--grace-seconds", "1"]) {
        let detach = detach(&file(&home), &["--hold-output"]);
        let ran = run(&home, &JobFile::new(&format!("{detach}; echo end"))).ok();
        assert_eq!(ran.stdout, "end\n");
        assert!(!is_alive(pid_in(&file(&home))));
    }
}

#[test]
fn a_process_without_the_environment_of_its_job_ends_with_it() {
    for home in homes(&["--grace-seconds", "1"]) {
        let command = format!("env -i {}; exit 0", detach(&file(&home), &[]));
        drop(run(&home, &JobFile::new(&command)).ok());
        assert!(!is_alive(pid_in(&file(&home))));
    }
}

#[test]
fn the_time_limit_ends_all_of_a_job() {
    for home in homes(&["--grace-seconds", "1"]) {
        let command = format!(
            "{}; {}",
            detach(&file(&home), &[]),
            probe_command(&["ignore-term"])
        );
        drop(run(&home, &JobFile::new(&command).timeout(2)).code(124));
        assert!(!is_alive(pid_in(&file(&home))));
    }
}

#[test]
fn a_cancel_ends_all_of_a_job() {
    for home in homes(&["--grace-seconds", "1"]) {
        let command = format!(
            "{}; {} & {}",
            detach(&file(&home), &[]),
            probe_command(&["tree", "8"]).replace("exec ", ""),
            probe_command(&["ignore-term"]),
        );
        let running = home
            .jobctl(&["run", "-"])
            .stdin(JobFile::new(&command).name("tree").text())
            .spawn();
        let fugitive = pid_in(&file(&home));
        wait_until("a tree of processes", DEADLINE, || {
            running.stdout().lines().count() == 9
        });
        drop(home.run(&["cancel", "tree"]).ok());
        let ran = running.wait();
        let left = processes_of_jobs(&home);
        assert!(left.is_empty(), "left behind: {left:?}");
        assert!(!is_alive(fugitive));
        assert_eq!(home.status("tree"), "Canceled");
        assert!(matches!(ran.code, 137 | 143), "{ran:?}");
        let members: Vec<i32> = ran
            .lines()
            .iter()
            .map(|line| line.parse().unwrap())
            .collect();
        assert!(members.iter().all(|pid| !is_alive(*pid)), "{members:?}");
    }
}

#[test]
fn processes_that_fork_all_the_time_are_ended_too() {
    for home in homes(&["--grace-seconds", "1"]) {
        let ready = home.path().join("ready");
        let job = JobFile::probe(&["forkers", "--ready", ready.to_str().unwrap()]).name("forkers");
        let running = home.jobctl(&["run", "-"]).stdin(job.text()).spawn();
        wait_until("forking processes", DEADLINE, || ready.exists());
        drop(home.run(&["cancel", "forkers", "--force"]).ok());
        drop(running.wait());
        let left = processes_of_jobs(&home);
        assert!(left.is_empty(), "left behind: {left:?}");
        assert_eq!(home.status("forkers"), "Canceled");
    }
}

#[test]
fn a_stopped_job_is_ended_by_its_limit() {
    for home in homes(&["--grace-seconds", "1"]) {
        let job = JobFile::new(&format!(
            "{}; {}",
            probe_command(&["stop-self"]).replace("exec ", ""),
            probe_command(&["ignore-term"])
        ));
        drop(run(&home, &job.timeout(2)).code(124));
    }
}

#[test]
fn a_job_that_closes_its_output_still_runs() {
    let home = Home::running(&["--grace-seconds", "1"]);
    let ready = home.path().join("ready");
    let job = JobFile::probe(&["close-output", "--ready", ready.to_str().unwrap()]).name("mute");
    drop(home.submit(&job));
    wait_until("closed output", DEADLINE, || ready.exists());
    home.wait_for_status("mute", "Running");
    let main = home.started("mute").main.pid;
    assert!(is_alive(main), "{:?}", state(main));
    drop(home.run(&["cancel", "mute"]).ok());
    assert_eq!(home.wait("mute")["status"], "Canceled");
    assert!(!is_alive(main));
}

#[test]
fn what_is_weaker_without_cgroups_is_said() {
    let Some(home) = Home::running_without_cgroups(&[]) else {
        return;
    };
    let status = home.run(&["status"]).ok();
    assert!(status.stdout.contains("no cgroup for jobs"), "{status:?}");
    let job = home.submit(&JobFile::new("true"));
    assert_eq!(home.wait(&job)["status"], "Completed");
    assert_eq!(home.started(&job).cgroup, None);
}

#[test]
fn a_cgroup_of_a_job_is_empty_after_it_and_gone_with_the_daemon() {
    let Some(mut home) = Home::running_with_cgroups(&[]) else {
        return;
    };
    drop(
        run(
            &home,
            &JobFile::new("cat /proc/self/cgroup").name("grouped"),
        )
        .ok(),
    );
    let cgroup = home.started("grouped").cgroup.unwrap();
    let log = String::from_utf8(home.log("grouped")).unwrap();
    let name = cgroup.file_name().unwrap().to_str().unwrap();
    assert!(log.contains(name), "{log}");
    let members = std::fs::read_to_string(cgroup.join("cgroup.procs")).unwrap();
    assert_eq!(members, "");
    home.kill();
    wait_until("the removal of the cgroup", DEADLINE, || !cgroup.exists());
}
