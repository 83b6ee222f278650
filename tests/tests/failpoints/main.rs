//! Every effect of daemon and shim is a place where the process is killed, and where its I/O
//! fails. Whatever place it is: nothing that was acknowledged is lost, nothing runs twice.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop anywhere"
)]

mod ahead;
mod clock;
mod drive;
mod line;
mod pool;
mod programs;
mod refused;
mod retention;
mod scenario;
mod verdict;

use drive::Case;
use pool::{print, run_all};
use scenario::{Begin, Set};

/// Runs that are tried side by side when the end of an I/O sweep is looked for.
const IO_BATCH: u64 = 8;
/// No scenario has more I/O than that.
const IO_MAX: u64 = 200;
const ENOSPC: i32 = 28;
const EIO: i32 = 5;

/// Fails unless each label was the place of a death.
fn assert_each_was_hit(labels: &[String], rows: &[pool::Row]) {
    let missed: Vec<_> = labels
        .iter()
        .filter(|label| !rows.iter().any(|row| row.hits.contains(label)))
        .collect();
    assert!(missed.is_empty(), "nothing died at {missed:?}");
}

#[test]
fn the_daemon_is_killed_at_each_of_its_labels() {
    let elsewhere = ["shim.", "retention."];
    let labels = programs::labels(|label| !elsewhere.iter().any(|room| label.starts_with(room)));
    let mut cases = Vec::new();
    for label in &labels {
        for (set, begin, nth) in [
            (Set::Full, Begin::Fresh, 1),
            (Set::Full, Begin::Fresh, 3),
            (Set::Full, Begin::Restart, 1),
            (Set::Queue, Begin::Fresh, 2),
            (Set::Queue, Begin::Fresh, 5),
        ] {
            cases.push(Case::kill_daemon(label, nth, set, begin));
        }
    }
    let rows = run_all(cases);
    print("kill -9 of the daemon", &rows);
    assert_each_was_hit(&labels, &rows);
}

#[test]
fn the_shim_is_killed_at_each_of_its_labels() {
    let labels = programs::labels(|label| label.starts_with("shim.") && label != line::TAKEN);
    let cases = labels.iter().map(|label| Case::kill_shims(label)).collect();
    let rows = run_all(cases);
    print("kill -9 of the shims", &rows);
    assert_each_was_hit(&labels, &rows);
}

/// Fails the first, the second, the third … I/O, until a run in which none was left to fail.
fn sweep_io(title: &str, case: impl Fn(u64) -> Case) {
    let mut rows = Vec::new();
    for first in (1..IO_MAX).step_by(IO_BATCH.try_into().unwrap()) {
        let batch = run_all((first..first + IO_BATCH).map(&case).collect());
        let is_last = batch.iter().any(|row| row.hits.is_empty());
        rows.extend(batch);
        if is_last {
            print(title, &rows);
            let hit = rows.iter().filter(|row| !row.hits.is_empty()).count();
            assert!(hit > 0, "nothing failed");
            return;
        }
    }
    panic!("{title}: still I/O left after {IO_MAX}");
}

#[test]
fn one_io_of_the_daemon_fails_for_want_of_space() {
    sweep_io("ENOSPC once in the daemon", |n| {
        Case::fail_daemon(n, ENOSPC, false)
    });
}

#[test]
fn one_io_of_the_daemon_fails_for_a_broken_disk() {
    sweep_io("EIO once in the daemon", |n| {
        Case::fail_daemon(n, EIO, false)
    });
}

#[test]
fn all_io_of_the_daemon_fails_from_one_point_on() {
    sweep_io("ENOSPC for good in the daemon", |n| {
        Case::fail_daemon(n, ENOSPC, true)
    });
}

#[test]
fn one_io_of_each_shim_fails() {
    for errno in [ENOSPC, EIO] {
        sweep_io(&format!("errno {errno} once in the shims"), |n| {
            Case::fail_shims(n, errno, false)
        });
    }
}

#[test]
fn all_io_of_each_shim_fails_from_one_point_on() {
    sweep_io("ENOSPC for good in the shims", |n| {
        Case::fail_shims(n, ENOSPC, true)
    });
}
