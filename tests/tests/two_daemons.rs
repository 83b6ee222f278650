//! One daemon has the state folder, whatever becomes of the files that say so.

use std::fs;

use jobd_tests::harness::process::is_alive;
use jobd_tests::harness::{DEADLINE, Home, JobFile, wait_until};
use nix::sys::signal::Signal;

/// The second daemon gives up; the first one serves on.
fn assert_second_gives_up(home: &Home, parts: &[&str]) {
    let pid = home.daemon_pid();
    let (status, said) = home.start_in_vain(&[]);
    assert_eq!(status.code(), Some(125), "{said}");
    for part in parts {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    assert!(is_alive(pid));
    let job = home.submit(&JobFile::new("true"));
    assert_eq!(home.wait(&job)["status"], "Completed");
}

#[test]
fn a_second_daemon_names_the_first_and_gives_up() {
    let home = Home::running(&[]);
    let pid = home.daemon_pid().to_string();
    assert_second_gives_up(&home, &["another jobd", &pid]);
}

#[test]
fn a_second_daemon_gives_up_although_the_lock_file_was_deleted() {
    let home = Home::running(&[]);
    fs::remove_file(home.path().join("state/lock")).unwrap();
    assert_second_gives_up(&home, &["another jobd"]);
    fs::write(home.path().join("state/lock"), "").unwrap();
    assert_second_gives_up(&home, &["another jobd"]);
}

#[test]
fn a_second_daemon_gives_up_while_the_first_hangs() {
    let home = Home::running(&[]);
    let pid = home.daemon_pid();
    home.signal(Signal::SIGSTOP);
    let (status, said) = home.start_in_vain(&[]);
    assert_eq!(status.code(), Some(125), "{said}");
    assert!(said.contains(&pid.to_string()), "{said}");
    home.signal(Signal::SIGCONT);
    let job = home.submit(&JobFile::new("true"));
    assert_eq!(home.wait(&job)["status"], "Completed");
}

#[test]
fn a_daemon_whose_socket_was_deleted_goes_on_with_its_jobs() {
    let mut home = Home::running(&[]);
    drop(home.submit(&JobFile::probe(&["sleep-ms", "100"]).name("goes-on")));
    fs::remove_file(home.socket()).unwrap();
    wait_until("the end of the job", DEADLINE, || home.has_exit("goes-on"));
    home.signal(Signal::SIGTERM);
    assert!(home.wait_for_daemon().success(), "{}", home.said());
    home.start(&[]);
    assert_eq!(home.wait("goes-on")["status"], "Completed");
}
