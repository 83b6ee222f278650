//! `jobctl logs`: what a job has printed, and what it prints from now on.

use std::fs;

use jobd_tests::harness::{DEADLINE, Home, JobFile, probe_command, wait_until};

#[test]
fn logs_print_what_is_there_and_follow_what_comes() {
    let home = Home::running(&["--slots", "1"]);
    let gate = home.path().join("gate");
    let hold = probe_command(&["hold", gate.to_str().unwrap()]).replace("exec ", "");
    let job = JobFile::new(&format!("echo one; {hold}; printf two; exit 6")).name("teller");
    drop(home.submit(&job));
    wait_until("the first line", DEADLINE, || {
        home.log("teller") == b"one\n"
    });
    assert_eq!(home.run(&["logs", "teller"]).ok().stdout, "one\n");

    let following = home.jobctl(&["logs", "-f", "teller"]).spawn();
    following.wait_for_output("one\n");
    drop(home.submit(&JobFile::new("true").name("later")));
    let none = home
        .run(&["logs", "later"])
        .ok()
        .says(&["later", "no log yet"]);
    assert_eq!(none.stdout, "");
    fs::write(&gate, "").unwrap();
    // Byte for byte, also without a newline at the end.
    assert_eq!(following.wait().code(6).stdout, "one\ntwo");
    assert_eq!(
        home.run(&["logs", "-f", "teller"]).code(6).stdout,
        "one\ntwo"
    );
}

#[test]
fn a_binary_log_comes_back_byte_for_byte() {
    let home = Home::running(&[]);
    let job = JobFile::probe(&["spew", "300000", "--binary"]).name("bytes");
    drop(home.jobctl(&["run", "-"]).stdin(job.text()).run().ok());
    let log = home.log("bytes");
    assert_eq!(log.len(), 300_000);
    assert!(
        log.iter()
            .enumerate()
            .all(|(at, byte)| usize::from(*byte) == at % 251)
    );
}
