//! A machine that has no room for a process, as a user sees it.

use std::path::PathBuf;

use jobd_tests::harness::{DEADLINE, Home, JobFile, Witness, wait_until};

use super::programs::armed;

/// The shim's first I/O is the fork of the command, which is tried once more at its start; EAGAIN
/// is what a limit of processes says.
const NO_FORK: &str = "1-2:11";

#[test]
fn a_job_waits_visibly_while_no_process_can_be_made() {
    let mut home = Home::new();
    home.set_program(armed());
    home.set_env(vec![("JOBD_SHIM_FAILIO".into(), NO_FORK.into())]);
    home.start(&["--slots", "1"]);
    let witness = Witness::in_folder(home.path());
    let name = home.submit(&JobFile::new(&witness.echo("ran")));
    wait_until("a second attempt", DEADLINE, || {
        let job = home.show(&name);
        let reason = job["waiting_reason"].as_str().unwrap_or_default();
        assert!(job["outcome"].is_null(), "{job}");
        let folders = home.step_folders(&name);
        let is_second = |folder: &PathBuf| folder.ends_with(format!("{name}.command.2"));
        assert!(
            folders.len() <= 2,
            "records of attempts pile up: {folders:?}"
        );
        reason.contains("new process") && folders.iter().any(is_second)
    });
    home.kill();
    home.set_env(Vec::new());
    home.start(&["--slots", "1"]);
    let job = home.wait(&name);
    assert_eq!(job["status"], "Completed", "{job}");
    assert!(job["waiting_reason"].is_null(), "{job}");
    assert_eq!(witness.marks(), ["ran"]);
}
