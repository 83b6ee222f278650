//! What is made for a job while its submission is being stored is gone when that fails, and
//! nothing of it has run.

use jobd_tests::harness::{DEADLINE, Home, JobFile, Witness, wait_until};

use super::ENOSPC;
use super::programs::armed;

/// The first of the faults: the I/O of the commit and of what is made ahead come in any order.
const FIRST_FAULTS: [u32; 3] = [1, 2, 3];
/// How often each is tried.
const TRIES: usize = 4;

#[test]
fn a_refused_submission_leaves_nothing_at_whatever_point_the_disk_is_full() {
    let tries = (0..TRIES).flat_map(|_| FIRST_FAULTS);
    let refused = tries.filter(|first| is_refused(*first)).count();
    assert!(refused >= TRIES, "only {refused} submissions were refused");
}

/// Whether the submission was refused; if so, nothing was left, and the next one is as the first.
fn is_refused(first_fault: u32) -> bool {
    let mut home = Home::new();
    home.set_program(armed());
    let fault = format!("{first_fault}+:{ENOSPC}");
    home.set_env(vec![("JOBD_FAILIO".into(), fault.into())]);
    home.start(&[]);
    let witness = Witness::in_folder(home.path());
    let job = JobFile::new(&witness.echo("ran")).name("refused");
    let job = job.with("outputs:\n  model:\n    type: uri_folder");
    let file = job.write(home.path(), "job.yml");
    let submitted = home.run(&["submit", file.to_str().unwrap()]);
    if submitted.code == 0 {
        return false;
    }
    wait_until("no folder is left", DEADLINE, || {
        !home.job_folder("refused").exists() && home.step_folders("refused").is_empty()
    });
    assert!(witness.marks().is_empty(), "fault {first_fault}");
    home.kill();
    home.set_env(Vec::new());
    home.start(&[]);
    let ended = home.wait(&home.submit(&job));
    assert_eq!(ended["status"], "Completed", "{first_fault}: {ended}");
    assert_eq!(witness.marks(), ["ran"]);
    true
}
