//! Files of the spool that change under the daemon's hands: each version runs at most once, and
//! one that was there to stay is never lost.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jobd_tests::harness::{DEADLINE, Home, JobFile, Witness, wait_until};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

/// How many versions the daemon has to take in a test.
const TAKEN: usize = 50;
/// More versions are not tried: the daemon takes one in some milliseconds.
const VERSIONS_MAX: usize = 100_000;
/// How long a version is left alone, at most.
const LEFT_US_MAX: u64 = 30_000;

fn name(version: usize) -> String {
    format!("v{version:06}")
}

/// Writes a version beside the spool.
fn outside(home: &Home, witness: &Witness, version: usize) -> PathBuf {
    JobFile::new(&witness.echo(&name(version))).write(home.path(), &format!("out{version}"))
}

/// Waits until every file has been settled and every job has ended.
fn settle(home: &Home) {
    wait_until("an empty spool", DEADLINE, || {
        fs::read_dir(home.spool()).unwrap().count() == 1
    });
    drop(home.run(&["wait", "--all"]).ok());
}

/// Fails unless each mark was left once at most, and those once that had to be.
fn assert_at_most_once(witness: &Witness, must: &BTreeSet<String>) {
    let counts = witness.counts();
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "ran twice: {twice:?}");
    let lost: Vec<_> = must
        .iter()
        .filter(|mark| !counts.contains_key(*mark))
        .collect();
    assert!(lost.is_empty(), "never ran: {lost:?}");
}

fn assert_nothing_refused(home: &Home) {
    let rejected = fs::read_dir(home.spool().join("rejected")).unwrap();
    let names: Vec<_> = rejected.map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.is_empty(), "{names:?}");
}

/// Lets so many microseconds pass, without the coarse pause of [`wait_until`].
fn leave_alone(us: u64) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_micros(us) {
        std::thread::yield_now();
    }
}

fn swap(one: &Path, other: &Path) -> nix::Result<()> {
    renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE)
}

#[test]
fn a_file_that_is_replaced_all_the_time_runs_in_every_version_that_was_not_taken_back() {
    let home = Home::running(&["--slots", "8"]);
    let witness = Witness::in_folder(home.path());
    let file = home.spool().join("a.yml");
    let mut must = BTreeSet::new();
    let mut previous = None;
    for version in 0..VERSIONS_MAX {
        if must.len() == TAKEN {
            break;
        }
        let new = outside(&home, &witness, version);
        leave_alone(u64::try_from(version).unwrap() * 7_919 % LEFT_US_MAX);
        match swap(&new, &file) {
            // The one before came back, admitted or not.
            Ok(()) => fs::remove_file(new).unwrap(),
            // It was taken.
            Err(Errno::ENOENT) => {
                must.extend(previous);
                fs::rename(&new, &file).unwrap();
            }
            Err(errno) => panic!("{errno}"),
        }
        previous = Some(name(version));
    }
    must.extend(previous);
    settle(&home);
    assert!(must.len() >= TAKEN, "only {} were taken", must.len());
    assert_at_most_once(&witness, &must);
    assert_nothing_refused(&home);
}

#[test]
fn a_file_that_is_deleted_while_it_is_read_ran_or_was_never_there() {
    let home = Home::running(&["--slots", "8"]);
    let witness = Witness::in_folder(home.path());
    let mut must = BTreeSet::new();
    for version in 0..VERSIONS_MAX {
        if must.len() == TAKEN {
            break;
        }
        let file = home.spool().join(format!("{}.yml", name(version)));
        fs::rename(outside(&home, &witness, version), &file).unwrap();
        // At another moment each time; 7,919 is a prime.
        leave_alone(u64::try_from(version).unwrap() * 7_919 % LEFT_US_MAX);
        match fs::remove_file(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                must.insert(name(version));
            }
            Err(error) => panic!("{error}"),
        }
    }
    settle(&home);
    assert!(must.len() >= TAKEN, "only {} were taken", must.len());
    assert_at_most_once(&witness, &must);
    assert_nothing_refused(&home);
}

#[test]
fn a_file_of_another_user_and_a_device_are_refused() {
    let home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    let foreign = outside(&home, &witness, 0);
    if let Err(error) = chown(&foreign, Some(1), None) {
        println!("SKIP: a file of another user cannot be made: {error}");
        return;
    }
    fs::rename(foreign, home.spool().join("foreign.yml")).unwrap();
    let reason = |file: &str| {
        let path = home.spool().join("rejected").join(format!("{file}.error"));
        wait_until(&format!("the refusal of {file}"), DEADLINE, || {
            fs::metadata(&path).is_ok_and(|file| file.len() > 0)
        });
        fs::read_to_string(path).unwrap()
    };
    assert!(reason("foreign.yml").contains("another user"));
    let null = home.spool().join("null.yml");
    match mknod(&null, SFlag::S_IFCHR, Mode::S_IRUSR, makedev(1, 3)) {
        Ok(()) => assert!(reason("null.yml").contains("not a regular file")),
        Err(errno) => println!("SKIP: a device in the spool cannot be made: {errno}"),
    }
    settle(&home);
    assert_eq!(witness.marks(), Vec::<String>::new());
}
