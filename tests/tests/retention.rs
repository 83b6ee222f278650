//! What is given up of ended jobs: folders, by age, number and size; the row stays.
use std::fs;

use jobd_tests::harness::{DEADLINE, Home, JobFile, probe_command, wait_until};

/// A home with ended jobs of these names, in this order, whose daemon was killed.
fn ended(names: &[&str], command: &str) -> Home {
    let mut home = Home::running(&["--slots", "1"]);
    for name in names {
        drop(home.submit(&JobFile::new(command).name(name)));
        assert_eq!(home.wait(name)["status"], "Completed");
    }
    home.kill();
    home
}

fn has_folders(home: &Home, name: &str) -> bool {
    home.job_folder(name).exists() || !home.step_folders(name).is_empty()
}

fn wait_until_pruned(home: &Home, names: &[&str]) {
    wait_until("the pruned folders to be gone", DEADLINE, || {
        names.iter().all(|name| !has_folders(home, name))
    });
}

fn assert_kept(home: &Home, names: &[&str]) {
    for name in names {
        assert!(home.job_folder(name).exists(), "{name} was pruned");
        assert!(home.show(name)["pruned_at"].is_null(), "{name}");
    }
}

#[test]
fn nothing_is_pruned_unless_it_is_asked_for() {
    let mut home = ended(&["one"], "echo hello");
    home.start(&["--slots", "1"]);
    assert_kept(&home, &["one"]);
    assert_eq!(home.run(&["logs", "one"]).ok().stdout, "hello\n");
}

#[test]
fn old_jobs_lose_their_folders_and_keep_their_row() {
    let mut home = ended(&["one", "two"], "echo hello");
    let gate = home.path().join("gate");
    home.start(&["--slots", "1"]);
    let hold = probe_command(&["hold", gate.to_str().unwrap()]);
    drop(home.submit(&JobFile::new(&hold).name("running")));
    home.wait_for_status("running", "Running");
    drop(home.submit(&JobFile::new("true").name("waiting")));
    home.kill();
    home.start(&["--slots", "1", "--retention-days", "0"]);
    wait_until_pruned(&home, &["one", "two"]);

    let job = home.show("one");
    assert_eq!(job["status"], "Completed");
    assert_eq!(job["exit_code"], 0);
    assert!(job["pruned_at"].is_string(), "{job}");
    let logs = home.run(&["logs", "one"]).ok().says(&["one", "pruned"]);
    assert_eq!(logs.stdout, "");
    assert!(home.run(&["show", "two"]).ok().stdout.contains("Pruned"));
    assert_eq!(home.run(&["list", "-o", "tsv"]).ok().lines().len(), 4);
    // The name stays taken: nothing of the history is overwritten.
    let again = JobFile::new("true")
        .name("one")
        .write(home.path(), "again.yml");
    drop(home.jobctl(&["submit"]).args([again]).run().code(125));
    fs::write(gate, "").unwrap();
    assert_eq!(home.wait("running")["status"], "Completed");
    assert_eq!(home.wait("waiting")["status"], "Completed");
    assert!(
        has_folders(&home, "running"),
        "the next look is in a minute"
    );
}

#[test]
fn the_newest_are_kept_by_number() {
    let mut home = ended(&["a", "b", "c", "d"], "true");
    home.start(&["--slots", "1", "--retention-jobs", "2"]);
    wait_until_pruned(&home, &["a", "b"]);
    assert_kept(&home, &["c", "d"]);
}

#[test]
fn the_newest_are_kept_by_size() {
    let write = "head -c 400000 /dev/zero > outputs/file; ln -s / outputs/link";
    let mut home = ended(&["a", "b", "c"], write);
    fs::write(home.path().join("jobd.yaml"), "retention_bytes: 1000000\n").unwrap();
    home.start(&["--slots", "1"]);
    wait_until_pruned(&home, &["a"]);
    assert_kept(&home, &["b", "c"]);
}

#[test]
fn a_deletion_that_was_cut_off_is_completed_even_without_the_rule() {
    let mut home = ended(&["one", "two"], "true");
    // A folder that cannot be deleted stays, and the rest of the history with it.
    let stubborn = home.job_folder("one").join("outputs");
    let mount = nix::mount::mount(
        Some("tmpfs"),
        &stubborn,
        Some("tmpfs"),
        nix::mount::MsFlags::empty(),
        None::<&str>,
    );
    if let Err(error) = mount {
        println!("SKIP: a folder that cannot be deleted needs a mount: {error}");
        return;
    }
    home.start(&["--slots", "1", "--retention-days", "0"]);
    wait_until("a deletion that fails", DEADLINE, || {
        home.show("one")["pruned_at"].is_string()
    });
    home.kill();
    nix::mount::umount(&stubborn).unwrap();
    home.start(&["--slots", "1"]);
    wait_until_pruned(&home, &["one", "two"]);
    assert!(home.show("two")["pruned_at"].is_string());
}
