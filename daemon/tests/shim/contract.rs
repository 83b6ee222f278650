//! The contract between daemon and shim: lock, go, records.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::Stdio;

use jobd::sys::{clock, lock, pidfd};
use nix::sys::signal::Signal;
use proto::record::{Ended, STEP_FILE};

use crate::harness::{Shim, Step, is_alive, wait_until};

fn witness() -> Step {
    Step::shell("$PROBE append $DIR/witness ran; $PROBE hold $DIR/end")
}

/// A child that another test forks right now has copies of our descriptors until its exec.
fn wait_until_free(shim: &Shim) {
    let spec = shim.path(STEP_FILE);
    wait_until("the lock to be free", || !lock::is_held(&spec).unwrap());
}

fn end(shim: &Shim) {
    fs::write(shim.path("end"), "").unwrap();
}

#[test]
fn a_daemon_that_dies_before_go_has_started_nothing() {
    let mut shim = witness().spawn();
    shim.wait_until_ready();
    shim.hang_up();
    assert!(shim.wait().success());
    assert!(!shim.has_started() && !shim.has_exit() && !shim.has("witness"));
    wait_until_free(&shim);
}

#[test]
fn a_stop_before_go_starts_nothing() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut shim = witness().spawn();
        shim.wait_until_ready();
        shim.signal(signal);
        assert!(shim.wait().success());
        assert!(!shim.has_started() && !shim.has_exit() && !shim.has("witness"));
    }
}

#[test]
fn the_command_runs_once_and_only_after_go() {
    let mut shim = witness().spawn();
    shim.wait_until_ready();
    assert!(!shim.has_started() && !shim.has("witness"));
    shim.go();
    shim.wait_for("witness");
    assert!(
        shim.has_started(),
        "the record comes before the first instruction"
    );
    end(&shim);
    let ran = shim.finish();
    assert_eq!(
        fs::read_to_string(ran.shim.path("witness")).unwrap(),
        "ran\n"
    );
}

#[test]
fn a_step_that_has_run_does_not_run_again() {
    for record in ["{\"started\":{}}\n", "{\"exit\":{}}\n", "{\"started\":{"] {
        let step = witness();
        let path = step.write_spec();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(record.as_bytes()).unwrap();
        let mut shim = step.spawn_with(lock::exclusive(&path).unwrap().into());
        assert_eq!(shim.wait().code(), Some(1));
        assert!(
            fs::read_to_string(shim.path("stderr"))
                .unwrap()
                .contains("has run already")
        );
        assert!(!shim.has("witness"));
    }
}

#[test]
fn the_lock_is_held_for_life_and_free_after() {
    let shim = witness().start();
    let spec = shim.path(STEP_FILE);
    shim.wait_for("witness");
    assert!(lock::is_held(&spec).unwrap());
    // Only by the shim: the command does not keep it alive.
    let main = shim.started().main.pid;
    assert!(
        !fs::read_dir(format!("/proc/{main}/fd"))
            .unwrap()
            .any(|entry| {
                entry
                    .unwrap()
                    .path()
                    .read_link()
                    .is_ok_and(|target| target == spec)
            })
    );
    end(&shim);
    let ran = shim.finish();
    wait_until_free(&ran.shim);
}

#[test]
fn by_hand_the_shim_locks_the_spec_by_itself() {
    let step = witness();
    step.write_spec();
    let mut shim = step.spawn_with(Stdio::null());
    shim.go();
    shim.wait_for("witness");
    assert!(lock::is_held(&shim.path(STEP_FILE)).unwrap());
    end(&shim);
    shim.finish();
}

#[test]
fn a_spec_that_somebody_else_holds_is_refused() {
    let step = witness();
    let _held = lock::exclusive(&step.write_spec()).unwrap();
    let mut shim = step.spawn_with(Stdio::null());
    assert_eq!(shim.wait().code(), Some(1));
    assert!(
        fs::read_to_string(shim.path("stderr"))
            .unwrap()
            .contains("locked by another")
    );
}

#[test]
fn a_spec_of_another_major_format_is_refused() {
    let mut shim = witness().with(|spec| spec.format.major += 1).spawn();
    assert_eq!(shim.wait().code(), Some(1));
    assert!(
        fs::read_to_string(shim.path("stderr"))
            .unwrap()
            .contains("no spec that this release can read")
    );
}

#[test]
fn the_identities_in_the_start_record_are_true() {
    let shim = witness().start();
    let started = shim.started();
    shim.wait_for("witness");
    assert_eq!(started.shim, pidfd::identity(shim.pid()).unwrap().unwrap());
    let main = pidfd::stat(started.main.pid).unwrap().unwrap();
    assert_eq!(started.main, main.id);
    assert_eq!((main.parent, main.group), (shim.pid(), main.id.pid));
    assert_eq!(started.boot_id, clock::boot_id().unwrap());
    assert!(started.at <= clock::wall_micros());
    assert!(pidfd::open_verified(&started.main).unwrap().is_some());
    end(&shim);
    let ran = shim.finish();
    assert!(pidfd::open_verified(&started.main).unwrap().is_none());
    assert!(ran.exit.at >= started.at);
}

#[test]
fn a_killed_shim_takes_the_command_with_it_and_leaves_no_exit() {
    let mut shim = Step::probe(&["ignore-term"])
        .with_path("--ready", "ready")
        .start();
    let main = shim.pid_in("ready");
    shim.signal(Signal::SIGKILL);
    shim.wait();
    wait_until("the end of the command", || !is_alive(main));
    assert!(!shim.has_exit());
    wait_until_free(&shim);
}

#[test]
fn removed_records_do_not_lose_the_exit() {
    let shim = witness().start();
    shim.wait_for("witness");
    fs::remove_file(shim.path(STEP_FILE)).unwrap();
    end(&shim);
    assert_eq!(shim.finish().exit.ended, Ended::Exited { code: 0 });
}

#[test]
fn signals_that_are_no_order_do_not_end_the_shim() {
    let shim = witness().start();
    shim.wait_for("witness");
    for signal in [
        Signal::SIGHUP,
        Signal::SIGPIPE,
        Signal::SIGUSR1,
        Signal::SIGQUIT,
    ] {
        shim.signal(signal);
    }
    end(&shim);
    assert_eq!(shim.finish().exit.ended, Ended::Exited { code: 0 });
}

#[test]
fn the_shim_has_no_part_of_the_daemon_in_it() {
    let loaded = loaded_bytes(&fs::read(env!("CARGO_BIN_EXE_jobd-shim")).unwrap());
    assert!(has(&loaded, "jobd-shim"), "this looks at the wrong bytes");
    for part in ["sqlite3_", "SQLite", "tokio", "serde_yaml", "granit"] {
        assert!(!has(&loaded, part), "{part} is in the shim");
    }
}

fn has(bytes: &[u8], part: &str) -> bool {
    bytes
        .windows(part.len())
        .any(|bytes| bytes == part.as_bytes())
}

/// What of a program is loaded to run: the `PT_LOAD` segments of a 64-bit file (elf(5)). Debug
/// information names whatever was compiled together, linked or not.
fn loaded_bytes(file: &[u8]) -> Vec<u8> {
    let number = |at: usize, size: usize| {
        let bytes = &file[at..at + size];
        bytes
            .iter()
            .rev()
            .fold(0usize, |number, byte| number << 8 | usize::from(*byte))
    };
    let (headers, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    (0..count)
        .map(|index| headers + index * size)
        .filter(|header| number(*header, 4) == 1)
        .flat_map(|header| &file[number(header + 8, 8)..][..number(header + 32, 8)])
        .copied()
        .collect()
}
