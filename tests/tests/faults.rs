//! Faults of the machine and of its users, with real programs: a full disk, no descriptors,
//! folders that go missing, a store that cannot be used.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use jobd_tests::harness::process::{is_alive, signal};
use jobd_tests::harness::{DEADLINE, Home, JobFile, Socket, Witness, probe_command, wait_until};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;
use proto::api::{ApiError, Cancel, Resume, Submission, Submit};
use proto::record::{STEP_FILE, StopReason};

/// Large enough for the daemon, small enough to be filled at once.
const DISK_BYTES: u32 = 24 << 20;
/// Submissions until a full disk must have refused one.
const SUBMISSIONS_MAX: usize = 100;
/// Open descriptors that are left to a daemon beyond those that it has.
const SPARE_DESCRIPTORS: u64 = 1;

/// A home whose state folder, or all of it, is a small disk of its own.
struct SmallDisk {
    home: Home,
    state: PathBuf,
}

impl SmallDisk {
    /// None where this process may not mount.
    fn new() -> Option<SmallDisk> {
        let home = Home::new();
        let state = home.path().join("state");
        fs::create_dir(&state).unwrap();
        SmallDisk::mount(home, state)
    }

    /// The same with all of the home on it, and so what the daemon says on its standard error.
    fn of_all() -> Option<SmallDisk> {
        let home = Home::new();
        let all = home.path().to_owned();
        SmallDisk::mount(home, all)
    }

    fn mount(home: Home, state: PathBuf) -> Option<SmallDisk> {
        let options = format!("size={DISK_BYTES},mode=0700");
        let mounted = mount(
            Some("tmpfs"),
            &state,
            Some("tmpfs"),
            MsFlags::empty(),
            Some(options.as_str()),
        );
        if let Err(error) = mounted {
            println!("SKIP: 1 test of a small disk, mounting is not possible: {error}");
            return None;
        }
        Some(SmallDisk { home, state })
    }

    fn filler(&self) -> PathBuf {
        self.state.join("filler")
    }

    /// Fills the disk but for so many bytes.
    fn fill(&self, but: u64) {
        let mut file = File::create(self.filler()).unwrap();
        for chunk in [64 << 10, 4 << 10] {
            let bytes = vec![b'x'; chunk];
            while file.write_all(&bytes).is_ok() {}
        }
        let length = file.metadata().unwrap().len();
        file.set_len(length.saturating_sub(but)).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let deadline = std::time::Instant::now() + DEADLINE;
        while std::time::Instant::now() < deadline {
            let left = self.home.processes();
            if left.is_empty() {
                break;
            }
            for pid in left {
                signal(pid, Signal::SIGKILL);
            }
            std::thread::yield_now();
        }
        let _busy = umount2(&self.state, MntFlags::MNT_DETACH);
    }
}

fn submit(home: &Home, name: &str, job: &JobFile) -> Result<(), ApiError> {
    let submission = Submission {
        yaml: job.clone().name(name).text().into(),
        file: None,
        base_path: home.path().into(),
        experiment_name: None,
        overrides: None,
    };
    let method = Submit {
        jobs: vec![submission],
    };
    home.connect().call(&method).map(drop)
}

fn hold(home: &Home, rest: &str) -> JobFile {
    let gate = home.path().join("gate");
    let hold = probe_command(&["hold", gate.to_str().unwrap()]).replace("exec ", "");
    JobFile::new(&format!("{hold}; {rest}"))
}

fn open_gate(home: &Home) {
    fs::write(home.path().join("gate"), "").unwrap();
}

#[test]
fn on_a_full_disk_submissions_are_refused_and_what_runs_ends_with_its_truth() {
    let Some(mut disk) = SmallDisk::new() else {
        return;
    };
    disk.home.start(&["--slots", "1"]);
    let home = &disk.home;
    let witness = Witness::in_folder(home.path());
    drop(home.submit(&hold(home, "exit 5").name("runs")));
    drop(home.started("runs"));
    disk.fill(0);
    // A long one needs new pages soon, however much room the store has reserved.
    let long =
        JobFile::new(&witness.echo("x")).with(&format!("description: {}", "d".repeat(100_000)));
    let mut admitted = Vec::new();
    let mut refusal = None;
    for number in 0..SUBMISSIONS_MAX {
        let name = format!("more{number}");
        match submit(home, &name, &long) {
            Ok(()) => admitted.push(name),
            Err(error) => {
                refusal = Some((name, error));
                break;
            }
        }
    }
    let (refused, error) = refusal.unwrap();
    assert!(
        matches!(&error, ApiError::Unavailable { reason } if reason.contains("full")),
        "{error}"
    );
    open_gate(home);
    assert_eq!(
        home.exit("runs").ended,
        proto::record::Ended::Exited { code: 5 }
    );
    drop(home.run(&["status"]).ok());

    disk.free();
    submit(home, &refused, &long).unwrap();
    admitted.push(refused);
    assert_eq!(home.wait("runs")["exit_code"], 5);
    for name in &admitted {
        assert_eq!(home.wait(name)["status"], "Completed");
    }
    assert_eq!(witness.marks().len(), admitted.len());
}

#[test]
fn a_daemon_that_can_say_nothing_anywhere_goes_on() {
    let Some(mut disk) = SmallDisk::of_all() else {
        return;
    };
    disk.home.start(&[]);
    let home = &disk.home;
    disk.fill(0);
    // Each refusal is an error that the daemon wants to log.
    let long = JobFile::new("true").with(&format!("description: {}", "d".repeat(100_000)));
    let refused = (0..SUBMISSIONS_MAX).filter(|number| {
        let name = format!("n{number}");
        submit(home, &name, &long).is_err()
    });
    assert!(refused.count() > 1);
    disk.free();
    submit(home, "after", &JobFile::new("exit 3")).unwrap();
    assert_eq!(home.wait("after")["exit_code"], 3);
    assert!(disk.home.ended().is_none());
}

#[test]
fn on_a_full_disk_a_job_can_be_stopped() {
    let Some(mut disk) = SmallDisk::new() else {
        return;
    };
    disk.home.start(&["--slots", "1"]);
    let home = &disk.home;
    drop(home.submit(&hold(home, "exit 0").name("fills")));
    drop(home.started("fills"));
    disk.fill(0);
    let cancel = Cancel {
        name: "fills".into(),
        force: None,
    };
    // Whether the disk has room for this little depends on what the store has reserved.
    match home.connect().call(&cancel) {
        Ok(canceling) => assert_eq!(canceling.name, "fills"),
        Err(ApiError::Unavailable { reason }) => assert!(reason.contains("kept"), "{reason}"),
        Err(other) => panic!("{other}"),
    }
    let stop = home.exit("fills").stop.unwrap();
    assert_eq!(stop.reason, StopReason::Request);
    disk.free();
    assert_eq!(home.wait("fills")["status"], "Canceled");
}

#[test]
fn a_job_that_fills_the_disk_with_its_log_ends_with_its_truth() {
    let Some(mut disk) = SmallDisk::new() else {
        return;
    };
    disk.home.start(&[]);
    let home = &disk.home;
    let spew = probe_command(&["spew", "4000000"]).replace("exec ", "");
    drop(home.submit(&hold(home, &format!("{spew}; exit 6")).name("loud")));
    drop(home.started("loud"));
    disk.fill(256 << 10);
    open_gate(home);
    let exit = home.exit("loud");
    assert_eq!(exit.ended, proto::record::Ended::Exited { code: 6 });
    assert_eq!(exit.log_errno, Some(28));
    assert_eq!(exit.log_bytes + exit.log_bytes_dropped, 4_000_000);
    let log = home.log("loud");
    assert_eq!(log.len() as u64, exit.log_bytes);
    let is_prefix = (0_usize..).zip(&log).all(|(at, byte)| {
        let phase = u8::try_from(at % 251 % 26).unwrap();
        *byte == b'a' + phase
    });
    assert!(is_prefix, "the log is no prefix of the output");
    disk.free();
    assert_eq!(home.wait("loud")["exit_code"], 6);
}

#[test]
fn a_state_folder_that_cannot_be_written_is_named() {
    let Some(disk) = SmallDisk::new() else {
        return;
    };
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    mount(None::<&str>, &disk.state, None::<&str>, flags, None::<&str>).unwrap();
    let (status, said) = disk.home.start_in_vain(&[]);
    assert_eq!(status.code(), Some(125), "{said}");
    assert!(said.contains(disk.state.to_str().unwrap()), "{said}");
    assert!(said.contains("ead-only"), "{said}");
}

/// Lets a process have so many open files.
fn limit_open_files(pid: i32, soft: u64) -> u64 {
    let mut old = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both places are valid for the length of the calls.
    unsafe {
        let none = std::ptr::null();
        assert_eq!(
            libc::prlimit(pid, libc::RLIMIT_NOFILE, none, &raw mut old),
            0
        );
        let new = libc::rlimit {
            rlim_cur: soft,
            ..old
        };
        let none = std::ptr::null_mut();
        assert_eq!(
            libc::prlimit(pid, libc::RLIMIT_NOFILE, &raw const new, none),
            0
        );
    }
    old.rlim_cur
}

#[test]
fn without_descriptors_jobs_wait_and_then_run_once() {
    let home = Home::running(&["--slots", "4"]);
    let witness = Witness::in_folder(home.path());
    drop(home.run(&["pause"]).ok());
    let names: Vec<_> = (0..12).map(|n| format!("n{n}")).collect();
    for name in &names {
        submit(&home, name, &JobFile::new(&witness.echo(name))).unwrap();
    }
    let mut socket = Socket::connect(&home.socket()).unwrap();
    drop(socket.call(&proto::api::Status {}).unwrap());
    let pid = home.daemon_pid();
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64;
    let before = limit_open_files(pid, open + SPARE_DESCRIPTORS);
    socket.call(&Resume {}).unwrap();
    let is_refused = || {
        let logs = fs::read_dir(home.path().join("state/log")).unwrap();
        let mut texts = logs.map(|log| fs::read_to_string(log.unwrap().path()).unwrap());
        texts.any(|text| text.contains("a step could not be started"))
    };
    wait_until("a launch without descriptors", DEADLINE, is_refused);
    limit_open_files(pid, before);
    drop(home.run(&["wait", "--all"]).ok());
    witness.assert_once_each(names);
}

#[test]
fn a_store_of_a_newer_release_is_refused_and_left_as_it_is() {
    let mut home = Home::running(&[]);
    drop(home.submit(&JobFile::new("true")));
    home.signal(Signal::SIGTERM);
    assert!(home.wait_for_daemon().success());
    let store = home.path().join("state/jobd.db");
    let script =
        "import sqlite3, sys\nsqlite3.connect(sys.argv[1]).execute('PRAGMA user_version = 99')";
    let python = Command::new("python3")
        .args(["-c", script])
        .arg(&store)
        .status();
    assert!(python.unwrap().success());
    let bytes = fs::read(&store).unwrap();
    let (status, said) = home.start_in_vain(&[]);
    assert_eq!(status.code(), Some(125), "{said}");
    assert!(said.contains("version 99"), "{said}");
    assert_eq!(fs::read(&store).unwrap(), bytes);
}

#[test]
fn a_job_whose_records_are_removed_while_it_runs_is_lost_and_does_not_run_again() {
    assert_lost_without_records(|folder| fs::remove_dir_all(folder).unwrap());
    assert_lost_without_records(|folder| fs::remove_file(folder.join(STEP_FILE)).unwrap());
}

fn assert_lost_without_records(remove: impl Fn(&Path)) {
    let mut home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    let gate = home.path().join("gate");
    let hold = probe_command(&["hold", gate.to_str().unwrap()]);
    let job = JobFile::new(&format!("{}; {hold}", witness.echo("once")));
    drop(home.submit(&job.name("job")));
    home.wait_for_status("job", "Running");
    wait_until("the mark", DEADLINE, || !witness.marks().is_empty());
    remove(&home.step_folders("job")[0]);
    home.kill();
    home.start(&[]);
    open_gate(&home);
    let shown = home.wait("job");
    assert_eq!(shown["outcome"]["kind"], "lost", "{shown}");
    assert!(
        shown["outcome"]["reason"]
            .as_str()
            .unwrap()
            .contains("removed")
    );
    witness.assert_once_each(["once".to_owned()]);
}

#[test]
fn records_that_are_removed_under_both_daemon_and_job_leave_no_process() {
    let mut home = Home::running(&[]);
    drop(home.submit(&JobFile::probe(&["ignore-term"]).name("job")));
    let started = home.started("job");
    home.wait_for_status("job", "Running");
    home.kill();
    fs::remove_dir_all(&home.step_folders("job")[0]).unwrap();
    home.start(&[]);
    assert_eq!(home.wait("job")["outcome"]["kind"], "lost");
    wait_until("the end of the command", DEADLINE, || {
        !is_alive(started.main.pid)
    });
}

#[test]
fn a_job_whose_folder_and_log_are_removed_ends_with_its_truth() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    let gate = home.path().join("gate");
    let hold = probe_command(&["hold", gate.to_str().unwrap()]).replace("exec ", "");
    let command = format!("{}; {hold}; echo more; exit 4", witness.echo("begun"));
    drop(home.submit(&JobFile::new(&command).name("job")));
    wait_until("the mark", DEADLINE, || !witness.marks().is_empty());
    fs::remove_dir_all(home.job_folder("job")).unwrap();
    open_gate(&home);
    assert_eq!(home.wait("job")["exit_code"], 4);
}

#[test]
fn a_job_that_stops_itself_ends_at_its_limit() {
    let home = Home::running(&["--grace-seconds", "1"]);
    drop(home.submit(&JobFile::probe(&["stop-self"]).name("job").timeout(1)));
    assert_eq!(home.wait("job")["outcome"]["kind"], "timed_out");
}

#[test]
fn much_output_and_binary_output_keep_nobody_waiting() {
    let home = Home::running(&["--log-bytes-max", "8192"]);
    drop(home.submit(&JobFile::probe(&["spew", "200000000"]).name("loud")));
    drop(home.submit(&JobFile::probe(&["spew", "5000", "--binary"]).name("binary")));
    let loud = home.wait("loud");
    assert_eq!(loud["exit_code"], 0);
    assert_eq!(loud["log_bytes_dropped"], 200_000_000_u64 - 8_192);
    assert_eq!(home.wait("binary")["exit_code"], 0);
    let expected: Vec<u8> = (0..5_000_u32)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect();
    assert_eq!(home.log("binary"), expected);
}

#[test]
fn a_daemon_that_is_told_to_end_in_the_midst_of_work_ends_well_and_loses_nothing() {
    let mut home = Home::running(&["--slots", "4"]);
    let witness = Witness::in_folder(home.path());
    let mut names = Vec::new();
    for round in 0..5 {
        for number in 0..20 {
            let name = format!("r{round}n{number}");
            submit(&home, &name, &JobFile::new(&witness.echo(&name))).unwrap();
            names.push(name);
        }
        // At another moment each time: at once, or after some of them.
        wait_until("some jobs", DEADLINE, || {
            witness.marks().len() >= round * 23
        });
        home.signal(Signal::SIGTERM);
        assert!(home.wait_for_daemon().success(), "{}", home.said());
        home.start(&["--slots", "4"]);
    }
    drop(home.run(&["wait", "--all"]).ok());
    witness.assert_once_each(names);
}

#[test]
fn a_job_that_closes_its_output_still_runs() {
    let home = Home::running(&[]);
    let ready = home.path().join("ready");
    let command = probe_command(&["close-output", "--ready", ready.to_str().unwrap()]);
    drop(home.submit(&JobFile::new(&command).name("job")));
    wait_until("the closed output", DEADLINE, || ready.exists());
    home.wait_for_status("job", "Running");
    drop(home.run(&["cancel", "job"]).ok());
    assert_eq!(home.wait("job")["outcome"]["kind"], "canceled");
}
