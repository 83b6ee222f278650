//! Folders of jobs that still wait are deleted: each job runs once all the same, or says why not.

use std::fs;

use jobd_tests::harness::{DEADLINE, Home, JobFile, Witness, probe_command, wait_until};
use serde_json::Value;

/// A home whose only slot is taken until its gate opens.
fn with_taken_slot() -> Home {
    let home = Home::running(&["--slots", "1"]);
    let gate = home.path().join("gate");
    let hold = JobFile::probe(&["hold", gate.to_str().unwrap()]);
    drop(home.submit(&hold.name("holds")));
    drop(home.started("holds"));
    home
}

fn open_gate(home: &Home) {
    fs::write(home.path().join("gate"), "").unwrap();
}

/// Removes what there is of a job: its own folder, and those of its steps.
fn remove(home: &Home, name: &str, steps: bool) {
    let _absent = fs::remove_dir_all(home.job_folder(name));
    if steps {
        for folder in home.step_folders(name) {
            fs::remove_dir_all(folder).unwrap();
        }
    }
}

/// An end that is the job's own, or one that names its reason.
fn assert_explained(job: &Value) {
    let outcome = &job["outcome"];
    let reason = outcome["reason"].as_str().unwrap_or_default();
    let is_own = outcome["kind"] == "exited" && outcome["code"] == 0;
    assert!(is_own || !reason.is_empty(), "{job}");
}

#[test]
fn queued_jobs_whose_folders_are_removed_run_once() {
    for steps in [true, false] {
        let home = with_taken_slot();
        let witness = Witness::in_folder(home.path());
        // More than are made ready ahead.
        let names: Vec<_> = (0..10).map(|number| format!("n{number}")).collect();
        for name in &names {
            drop(home.submit(&JobFile::new(&witness.echo(name)).name(name)));
        }
        wait_until("a step that is ready ahead", DEADLINE, || {
            !home.step_folders("n0").is_empty()
        });
        for name in &names {
            remove(&home, name, steps);
        }
        open_gate(&home);
        for name in &names {
            let job = home.wait(name);
            assert_eq!(job["outcome"]["code"], 0, "steps removed: {steps}: {job}");
        }
        witness.assert_once_each(names);
    }
}

#[test]
fn a_queued_job_whose_code_is_removed_does_not_end_well() {
    let home = with_taken_slot();
    let code = home.path().join("code");
    fs::create_dir(&code).unwrap();
    fs::write(code.join("train.sh"), "exit 0\n").unwrap();
    let job = JobFile::new("sh train.sh")
        .name("coded")
        .with("code: ./code");
    drop(home.submit(&job));
    home.wait_for_status("coded", "Queued");
    remove(&home, "coded", true);
    open_gate(&home);
    let job = home.wait("coded");
    assert_eq!(job["status"], "Failed", "{job}");
}

#[test]
fn all_folders_of_all_jobs_removed_under_a_dead_daemon_leave_jobs_that_run_once() {
    let mut home = with_taken_slot();
    let witness = Witness::in_folder(home.path());
    let names: Vec<_> = (0..5).map(|number| format!("n{number}")).collect();
    for name in &names {
        drop(home.submit(&JobFile::new(&witness.echo(name)).name(name)));
    }
    home.kill();
    for folder in ["jobs", "steps"] {
        let path = home.path().join("state").join(folder);
        fs::remove_dir_all(path).unwrap();
    }
    open_gate(&home);
    home.start(&["--slots", "1"]);
    for name in &names {
        assert_explained(&home.wait(name));
    }
    let counts = witness.counts();
    assert!(counts.values().all(|times| *times == 1), "{counts:?}");
    assert_eq!(home.wait("holds")["outcome"]["kind"], "lost");
    let later = home.submit(&JobFile::new("true"));
    assert_eq!(home.wait(&later)["status"], "Completed");
}

#[test]
fn a_log_that_is_cut_off_or_replaced_while_its_job_runs_changes_nothing_else() {
    let home = Home::running(&["--slots", "2"]);
    let gate = home.path().join("gate");
    let hold = probe_command(&["hold", gate.to_str().unwrap()]).replace("exec ", "");
    let names = ["cut", "replaced"];
    for name in names {
        let job = JobFile::new(&format!("echo before; {hold}; echo after; exit 4"));
        drop(home.submit(&job.name(name)));
        let begun = || home.log(name) == b"before\n";
        wait_until("the first line", DEADLINE, begun);
    }
    let path = |name| home.job_folder(name).join("user_logs/std_log.txt");
    fs::write(path("cut"), "").unwrap();
    fs::remove_file(path("replaced")).unwrap();
    fs::write(path("replaced"), "mine\n").unwrap();
    open_gate(&home);
    for name in names {
        assert_eq!(home.wait(name)["exit_code"], 4);
    }
    // The supervisor keeps the file that it opened, and writes at its end.
    assert_eq!(home.log("cut"), b"after\n");
    assert_eq!(home.log("replaced"), b"mine\n");
}

#[test]
fn the_log_of_the_daemon_itself_may_be_deleted() {
    let home = Home::running(&[]);
    fs::remove_dir_all(home.path().join("state/log")).unwrap();
    let job = home.submit(&JobFile::new("exit 4"));
    assert_eq!(home.wait(&job)["exit_code"], 4);
    drop(home.run(&["status"]).ok());
}

/// What is left of a step that was made ready stands in nobody's way.
#[test]
fn a_job_whose_folder_is_removed_when_it_was_ready_begins_anew() {
    let home = with_taken_slot();
    let witness = Witness::in_folder(home.path());
    drop(home.submit(&JobFile::new(&witness.echo("next")).name("next")));
    wait_until("a step that is ready ahead", DEADLINE, || {
        !home.step_folders("next").is_empty()
    });
    fs::remove_dir_all(home.job_folder("next")).unwrap();
    drop(home.run(&["cancel", "holds", "--force"]).ok());
    let job = home.wait("next");
    assert_eq!(job["status"], "Completed", "{job:#}");
    witness.assert_once_each(["next".to_owned()]);
}
