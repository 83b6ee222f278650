//! A user who may have no more processes: jobs wait, with the reason, and run once when there is
//! room. Nothing of that is an end of a job, and the daemon answers meanwhile.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use jobd_tests::harness::process::is_alive;
use jobd_tests::harness::{DEADLINE, Home, JobFile, Witness, wait_until};
use proto::api::{Pause, Resume, Show, Status};
use serde_json::Value;

/// No user has fewer processes than this one, so every fork is refused.
const NO_PROCESSES: &str = "1";
/// More than the tests need, less than any user may have.
const ENOUGH: &str = "1000";
/// Jobs that wait for room.
const JOBS: usize = 6;
/// Processes that take the room.
const HOGS: usize = 20;
/// How often starting may be tried in vain while the tests look on: with pauses from 0.2 s
/// that double, a daemon that does not rest would do so in a second.
const TRIES_MAX: usize = 200;
/// Longer than the ten seconds that idle threads of a runtime usually stay.
const THREADS_REST: Duration = Duration::from_secs(12);

/// The processes of a user.
fn processes_of(uid: u32) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let own = entries.filter(|entry| entry.metadata().is_ok_and(|found| found.uid() == uid));
    own.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The threads of a user: what the kernel counts.
fn threads_of(uid: u32) -> u64 {
    let tasks = |pid| fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    processes_of(uid)
        .into_iter()
        .map(|pid| tasks(pid) as u64)
        .sum()
}

/// Runs a program as a user.
fn as_user(uid: u32, line: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args([format!("--reuid={uid}"), format!("--regid={uid}")])
        .arg("--clear-groups")
        .args(line);
    command
}

/// Lets the processes of a user have so many. Without rights over others' limits only the user
/// may do that.
fn limit_processes(uid: u32, soft: &str) {
    for pid in processes_of(uid) {
        let (pid_text, limit) = (pid.to_string(), format!("--nproc={soft}:"));
        let ran = as_user(uid, &["prlimit", "--pid", &pid_text, &limit]).output();
        let ran = ran.unwrap();
        assert!(ran.status.success() || !is_alive(pid), "{ran:?}");
    }
}

/// How often a step could not be started, as the daemon's log tells.
fn tries(home: &Home) -> usize {
    let logs = fs::read_dir(home.path().join("state/log")).unwrap();
    let texts = logs.map(|log| fs::read_to_string(log.unwrap().path()).unwrap());
    texts
        .map(|text| text.matches("a step could not be started").count())
        .sum()
}

/// Submits jobs while the queue is paused.
fn submit_paused(home: &Home, witness: &Witness) -> Vec<String> {
    home.connect().call(&Pause {}).unwrap();
    (0..JOBS)
        .map(|number| home.submit(&JobFile::new(&witness.echo(&format!("n{number}")))))
        .collect()
}

fn marks() -> impl Iterator<Item = String> {
    (0..JOBS).map(|number| format!("n{number}"))
}

/// Lets the queue go, and waits until starting was tried several times and every job waits.
fn resume_in_vain(home: &Home, names: &[String]) {
    home.connect().call(&Resume {}).unwrap();
    let mut reason = Value::Null;
    wait_until("starts in vain", DEADLINE, || {
        for name in names {
            let job = home.show(name);
            // Running for a moment: it is let go before its process is refused.
            let status = job["status"].as_str().unwrap();
            assert!(
                ["Queued", "Running", "NotResponding"].contains(&status),
                "{job}"
            );
            assert!(job["outcome"].is_null(), "{job}");
            if status == "Queued" && !job["waiting_reason"].is_null() {
                reason = job["waiting_reason"].clone();
            }
        }
        tries(home) >= 3 && !reason.is_null()
    });
    let reason = reason.as_str().unwrap();
    assert!(reason.contains("temporarily unavailable"), "{reason}");
    assert!(tries(home) < TRIES_MAX, "{} tries: no rest", tries(home));
}

/// All have run once and ended well, by the first attempt that got a process.
fn assert_all_ran(home: &Home, names: &[String], witness: &Witness) {
    for name in names {
        let job = home.wait(name);
        assert_eq!(job["outcome"]["code"], 0, "{job}");
        assert!(job["waiting_reason"].is_null(), "{job}");
        assert_eq!(home.step_folders(name).len(), 1);
    }
    witness.assert_once_each(marks());
}

#[test]
fn jobs_that_get_no_process_wait_and_run_once_when_the_limit_is_raised() {
    let Some((home, uid)) = Home::running_as_other_user(&["--slots", "4"]) else {
        return;
    };
    let witness = Witness::in_folder(home.path());
    let names = submit_paused(&home, &witness);
    limit_processes(uid, NO_PROCESSES);
    resume_in_vain(&home, &names);
    limit_processes(uid, ENOUGH);
    assert_all_ran(&home, &names, &witness);
}

/// Processes that do nothing but count.
struct Hogs(Vec<Child>);

impl Hogs {
    fn of(uid: u32) -> Hogs {
        let hog = |_| as_user(uid, &["sleep", "600"]).spawn().unwrap();
        let hogs = Hogs((0..HOGS).map(hog).collect());
        wait_until("processes of the user", DEADLINE, || {
            processes_of(uid).len() >= HOGS
        });
        hogs
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            let _ended = hog.kill();
            let _reaped = hog.wait();
        }
    }
}

#[test]
fn jobs_that_get_no_process_wait_and_run_once_when_others_have_ended() {
    let Some((home, uid)) = Home::running_as_other_user(&["--slots", "2"]) else {
        return;
    };
    let witness = Witness::in_folder(home.path());
    let names = submit_paused(&home, &witness);
    let hogs = Hogs::of(uid);
    limit_processes(uid, &threads_of(uid).to_string());
    resume_in_vain(&home, &names);
    drop(hogs);
    assert_all_ran(&home, &names, &witness);
}

#[test]
fn a_daemon_that_gets_no_thread_answers() {
    let Some((home, uid)) = Home::running_as_other_user(&[]) else {
        return;
    };
    let name = home.submit(&JobFile::new("true"));
    drop(home.wait(&name));
    limit_processes(uid, NO_PROCESSES);
    // Threads that have nothing to do may end; what they did must go on without new ones.
    let begun = Instant::now();
    wait_until("idle threads to end", THREADS_REST * 2, || {
        begun.elapsed() > THREADS_REST
    });
    let mut socket = home.connect();
    drop(socket.call(&Status {}).unwrap());
    let shown = socket.call(&Show { name: name.clone() }).unwrap();
    assert_eq!(shown.job.name, name);
    // Its job waits; that it was taken is what counts.
    let again = home.submit(&JobFile::new("true"));
    limit_processes(uid, ENOUGH);
    assert_eq!(home.wait(&again)["status"], "Completed");
}
