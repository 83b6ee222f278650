//! Files of the spool that change under the reader, and files that only root can put there.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use jobd_tests::harness::{DEADLINE, Home, JobFile, Witness, wait_until};
use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::geteuid;

/// Rounds of a race.
const ROUNDS: usize = 300;
/// A user who is not the daemon's.
const OTHER_UID: u32 = 65_534;
/// The numbers of `/dev/null`.
const NULL: (u64, u64) = (1, 3);

fn marking(witness: &Witness, mark: &str) -> JobFile {
    JobFile::new(&witness.echo(mark))
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

fn wait_until_empty(home: &Home) {
    wait_until("an empty spool", DEADLINE, || entries(&home.spool()) == 1);
}

/// The reason beside a refused file, which must itself be there.
fn reason(home: &Home, file: &str) -> String {
    let rejected = home.spool().join("rejected");
    let path = rejected.join(format!("{file}.error"));
    wait_until(&format!("the refusal of {file}"), DEADLINE, || {
        path.exists() && rejected.join(file).symlink_metadata().is_ok()
    });
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_file_of_another_user_is_refused_unread() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    let file = marking(&witness, "never").write(home.path(), "outside");
    match chown(&file, Some(OTHER_UID), None) {
        Err(error) if !geteuid().is_root() => {
            println!("SKIP: files cannot be given to others: {error}");
            return;
        }
        result => result.unwrap(),
    }
    fs::rename(file, home.spool().join("foreign.yml")).unwrap();
    let said = reason(&home, "foreign.yml");
    assert!(said.contains("belongs to another user"), "{said}");
    wait_until_empty(&home);
    assert_eq!(witness.marks(), Vec::<String>::new());
}

#[test]
fn a_device_is_refused_unread() {
    let home = Home::running(&[]);
    let (major, minor) = NULL;
    let device = home.spool().join("device.yml");
    let kind = SFlag::S_IFCHR;
    match mknod(&device, kind, Mode::S_IRUSR, makedev(major, minor)) {
        Err(Errno::EPERM) => {
            println!("SKIP: devices cannot be made");
            return;
        }
        result => result.unwrap(),
    }
    let said = reason(&home, "device.yml");
    // Where file systems are mounted without devices it cannot even be opened.
    assert!(
        said.contains("not a regular file") || said.contains("Permission denied"),
        "{said}"
    );
    wait_until_empty(&home);
}

/// Files that are replaced under the daemon's hands: whoever replaces one takes it back, but the
/// last that lies there is a job, once.
#[test]
fn of_files_that_are_renamed_over_the_last_runs_and_none_twice() {
    let home = Home::running(&["--slots", "4"]);
    let witness = Witness::in_folder(home.path());
    let path = home.spool().join("same.yml");
    for round in 0..ROUNDS {
        for mark in [format!("first{round}"), format!("last{round}")] {
            let outside = marking(&witness, &mark).write(home.path(), "outside");
            fs::rename(outside, &path).unwrap();
        }
        wait_until("the file to be taken", DEADLINE, || !path.exists());
    }
    wait_until_empty(&home);
    let last = |round| format!("last{round}");
    wait_until("the last of each round", DEADLINE, || {
        let counts = witness.counts();
        (0..ROUNDS).all(|round| counts.contains_key(&last(round)))
    });
    drop(home.run(&["wait", "--all"]).ok());
    let counts = witness.counts();
    println!(
        "{} of {ROUNDS} were taken before they were replaced",
        counts.len() - ROUNDS
    );
    assert!(counts.values().all(|times| *times == 1), "{counts:?}");
    assert_eq!(entries(&home.spool().join("rejected")), 0);
}

/// Files that are gone at once, maybe in the midst of being read.
#[test]
fn files_that_are_deleted_while_they_are_read_hold_nobody_up() {
    let home = Home::running(&["--slots", "4"]);
    let witness = Witness::in_folder(home.path());
    for round in 0..ROUNDS {
        let outside = marking(&witness, &format!("m{round}")).write(home.path(), "outside");
        let path = home.spool().join(format!("f{round}.yml"));
        fs::rename(outside, &path).unwrap();
        // Taken or not: both are right, an error is not.
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
    }
    drop(marking(&witness, "whole").write(&home.spool(), "whole.yml"));
    wait_until("a whole file", DEADLINE, || {
        witness.counts().contains_key("whole")
    });
    wait_until_empty(&home);
    drop(home.run(&["wait", "--all"]).ok());
    let counts = witness.counts();
    assert!(counts.values().all(|times| *times == 1), "{counts:?}");
    assert_eq!(entries(&home.spool().join("rejected")), 0);
}
