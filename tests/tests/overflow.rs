//! More happens in the spool folder than the kernel can tell: what it did not tell is found all
//! the same, and the folder goes on being watched.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use jobd_tests::harness::{DEADLINE, Home, JobFile, Witness, process, wait_until};
use nix::sys::signal::Signal;

/// Sooner than the slow timer (30 s), so that it was the watch that saw it.
const SOON: Duration = Duration::from_secs(20);
/// What the kernel keeps for a watcher that does not read; read here, and left as it is.
const QUEUED_EVENTS_MAX: &str = "/proc/sys/fs/inotify/max_queued_events";
/// No machine keeps more than this test is ready to make.
const EVENTS_MAX: usize = 200_000;

fn marking(witness: &Witness, mark: &str) -> JobFile {
    JobFile::new(&witness.echo(mark))
}

fn wait_for_mark(witness: &Witness, mark: &str) {
    wait_until(mark, SOON, || witness.counts().contains_key(mark));
}

/// Stops the daemon and makes events in its spool until the kernel drops all that come; false,
/// after a line that says why, where it keeps too many.
fn stop_and_overflow(home: &Home) -> bool {
    let limit = fs::read_to_string(QUEUED_EVENTS_MAX).unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    if limit > EVENTS_MAX {
        println!("SKIP: the kernel keeps {limit} events of a watcher");
        return false;
    }
    home.signal(Signal::SIGSTOP);
    let pid = home.daemon_pid();
    wait_until("a stopped daemon", DEADLINE, || {
        process::state(pid) == Some('T')
    });
    // Equal events in a row are one, so two files take turns. What was queued before the stop
    // does not matter: each turn makes one event at least.
    let files = ["a.txt", "b.txt"].map(|name| File::create(home.spool().join(name)).unwrap());
    for turn in 0..=limit {
        let file = &files[turn % 2];
        file.set_permissions(Permissions::from_mode(0o600)).unwrap();
    }
    true
}

#[test]
fn files_whose_events_were_dropped_are_found() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    if !stop_and_overflow(&home) {
        return;
    }
    let marks: Vec<_> = (0..50).map(|number| format!("m{number}")).collect();
    for mark in &marks {
        drop(marking(&witness, mark).write(&home.spool(), &format!("{mark}.yml")));
    }
    home.signal(Signal::SIGCONT);
    for mark in &marks {
        wait_for_mark(&witness, mark);
    }
    drop(marking(&witness, "later").write(&home.spool(), "later.yml"));
    wait_for_mark(&witness, "later");
    drop(home.run(&["wait", "--all"]).ok());
    witness.assert_once_each(marks.into_iter().chain(["later".to_owned()]));
}

#[test]
fn a_folder_whose_deletion_was_not_told_is_watched_again() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    if !stop_and_overflow(&home) {
        return;
    }
    fs::rename(home.spool(), home.path().join("elsewhere")).unwrap();
    fs::create_dir(home.spool()).unwrap();
    drop(marking(&witness, "first").write(&home.spool(), "first.yml"));
    home.signal(Signal::SIGCONT);
    wait_for_mark(&witness, "first");
    let is_empty = || fs::read_dir(home.spool()).unwrap().count() == 1;
    wait_until("a quiet spool", DEADLINE, is_empty);
    // Only a watch on the new folder tells of this one.
    drop(marking(&witness, "second").write(&home.spool(), "second.yml"));
    wait_for_mark(&witness, "second");
    witness.assert_once_each(["first", "second"].map(String::from));
}
