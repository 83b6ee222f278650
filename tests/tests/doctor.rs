//! `jobctl doctor`: each fault is told with its level and a way out, and looking changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use jobd_tests::harness::{Folder, Home, JobFile, Jobctl, Ran, program};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;
use proto::finding::{Finding, Level};

/// The findings of a run that ends with that code, by check.
fn findings(ran: Ran, code: i32) -> BTreeMap<String, Finding> {
    let found: Vec<Finding> = serde_json::from_value(ran.code(code).json()).unwrap();
    let count = found.len();
    let by_check: BTreeMap<_, _> = found.into_iter().map(|f| (f.check.clone(), f)).collect();
    assert_eq!(by_check.len(), count, "a check is named twice");
    for finding in by_check.values().filter(|f| f.level != Level::Ok) {
        let told = !finding.means.is_empty() && !finding.advice.is_empty();
        assert!(told, "{finding:?}");
    }
    by_check
}

fn doctor(home: &Home, code: i32) -> BTreeMap<String, Finding> {
    findings(home.run(&["doctor", "-o", "json"]), code)
}

#[track_caller]
fn assert_level(found: &BTreeMap<String, Finding>, check: &str, level: Level) {
    assert_eq!(found[check].level, level, "{:?}", found[check]);
}

fn store(home: &Home) -> PathBuf {
    home.path().join("state/jobd.db")
}

/// A home whose daemon has run a job and has ended as it should.
fn used() -> Home {
    let mut home = Home::running(&[]);
    drop(home.submit(&JobFile::new("true").name("done")));
    drop(home.wait("done"));
    home.signal(Signal::SIGTERM);
    assert!(home.wait_for_daemon().success());
    home
}

/// Everything below a folder: inode, size, mode and time of change.
fn listing(folder: &Path) -> BTreeMap<PathBuf, (u64, u64, u32, i64, i64)> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(path) = open.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        if found.is_dir() {
            open.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        let times = (found.mtime(), found.mtime_nsec());
        let facts = (found.ino(), found.size(), found.mode(), times.0, times.1);
        all.insert(path, facts);
    }
    all
}

/// The doctor's findings; fails when it has changed anything in the home.
fn unchanged(home: &Home, code: i32) -> BTreeMap<String, Finding> {
    let before = listing(home.path());
    let found = doctor(home, code);
    assert_eq!(listing(home.path()), before);
    found
}

#[test]
fn an_empty_home_is_well_and_stays_empty() {
    let home = Home::new();
    let found = unchanged(&home, 0);
    for check in [
        "daemon",
        "configuration",
        "store",
        "state-folder",
        "socket-path",
        "shim",
        "stage",
        "tools",
    ] {
        assert_level(&found, check, Level::Ok);
    }
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    let no_start = home.jobctl(&["doctor", "-o", "none"]).may_start().run();
    drop(no_start.ok());
    assert!(home.processes().is_empty(), "a daemon was started");
}

#[test]
fn a_home_that_is_at_rest_is_well_and_not_touched() {
    let home = used();
    let found = unchanged(&home, 0);
    assert_level(&found, "store", Level::Ok);
    assert_level(&found, "clock", Level::Ok);
    assert!(
        found["store"].found.contains("is whole"),
        "{:?}",
        found["store"]
    );
    assert_eq!(found["state-lock"].found, "free: no daemon works there");
}

#[test]
fn a_daemon_that_runs_is_named_and_goes_on() {
    let home = Home::running(&[]);
    drop(home.submit(&JobFile::new("true").name("first")));
    drop(home.wait("first"));
    let before = fs::read(store(&home)).unwrap();
    let found = doctor(&home, 0);
    let pid = home.daemon_pid();
    assert!(
        found["daemon"]
            .found
            .ends_with(&format!("answers, pid {pid}")),
        "{:?}",
        found["daemon"]
    );
    assert_eq!(found["state-lock"].found, format!("held by process {pid}"));
    assert_level(&found, "store", Level::Ok);
    assert_level(&found, "socket", Level::Ok);
    assert_eq!(fs::read(store(&home)).unwrap(), before);
    drop(home.submit(&JobFile::new("true").name("second")));
    assert_eq!(home.wait("second")["status"], "Completed");
}

/// The log beside the store holds everything that it needs, and its index is of nobody.
#[test]
fn a_daemon_that_was_killed_leaves_a_stale_socket_and_a_whole_store() {
    let mut home = Home::running(&[]);
    drop(home.submit(&JobFile::new("true").name("done")));
    drop(home.wait("done"));
    home.kill();
    let log = home.path().join("state/jobd.db-wal");
    assert!(
        fs::metadata(&log).unwrap().len() > 0,
        "there is no log to read"
    );
    let found = unchanged(&home, 0);
    assert_level(&found, "daemon", Level::Weaker);
    assert!(
        found["daemon"].found.contains("stale"),
        "{:?}",
        found["daemon"]
    );
    assert_level(&found, "store", Level::Ok);
    fs::remove_file(home.path().join("state/jobd.db-shm")).unwrap();
    assert_level(&unchanged(&home, 0), "store", Level::Weaker);
    home.start(&[]);
    assert_level(&doctor(&home, 0), "daemon", Level::Ok);
    assert_eq!(home.show("done")["status"], "Completed");
}

/// By a cleaner of old files, for example: neither a client nor another daemon comes to it.
#[test]
fn a_daemon_whose_socket_was_removed_is_found_by_its_lock() {
    let mut home = Home::running(&[]);
    fs::remove_file(home.socket()).unwrap();
    let found = doctor(&home, 1);
    assert_level(&found, "state-lock", Level::Broken);
    let pid = home.daemon_pid().to_string();
    assert!(found["state-lock"].found.contains(&pid), "{found:?}");
    // As the advice has it.
    home.signal(Signal::SIGTERM);
    assert!(home.wait_for_daemon().success());
    home.start(&[]);
    assert_level(&doctor(&home, 0), "state-lock", Level::Ok);
}

#[test]
fn a_daemon_whose_lock_file_was_removed_is_found_all_the_same() {
    let home = Home::running(&[]);
    drop(home.submit(&JobFile::new("true").name("done")));
    drop(home.wait("done"));
    fs::remove_file(home.path().join("state/lock")).unwrap();
    let found = doctor(&home, 0);
    assert_eq!(found["state-lock"].found, "held by a process");
    assert_level(&found, "store", Level::Ok);
}

#[test]
fn flipped_bytes_are_found_and_the_way_out_is_named() {
    let home = used();
    let file = fs::OpenOptions::new()
        .write(true)
        .read(true)
        .open(store(&home))
        .unwrap();
    let length = file.metadata().unwrap().len();
    assert!(length > 3 * 4096, "the store has {length} bytes");
    // Each page of the tables in turn; the first holds the header and the schema.
    for page in 1..length / 4096 {
        let mut bytes = [0; 4096];
        file.read_exact_at(&mut bytes, page * 4096).unwrap();
        let flipped = bytes.map(|byte| byte ^ 0xff);
        file.write_all_at(&flipped, page * 4096).unwrap();
        let found = unchanged(&home, 1);
        assert_level(&found, "store", Level::Broken);
        assert!(
            found["store"].advice.contains("jobd recover"),
            "{:?}",
            found["store"]
        );
        file.write_all_at(&bytes, page * 4096).unwrap();
    }
    assert_level(&doctor(&home, 0), "store", Level::Ok);
    file.write_all_at(&[0xA5; 100], 0).unwrap();
    assert_level(&unchanged(&home, 1), "store", Level::Broken);
    let table = home.run(&["doctor"]).code(1);
    assert!(table.stdout.starts_with("LEVEL   CHECK "), "{table:#?}");
    let lines = table.lines();
    let at = lines
        .iter()
        .position(|line| line.starts_with("broken  store "));
    let beneath = &lines[at.unwrap() + 1..];
    assert!(beneath[0].starts_with("        means: "), "{table:#?}");
    assert!(beneath[1].starts_with("        do: ") && beneath[1].contains("jobd recover"));
    assert!(lines.last().unwrap().ends_with(" 1 broken"), "{table:#?}");
}

#[test]
fn a_missing_store_is_broken_where_jobs_have_been() {
    let home = used();
    for suffix in ["", "-wal", "-shm"] {
        let _absent = fs::remove_file(format!("{}{suffix}", store(&home).display()));
    }
    let found = unchanged(&home, 1);
    assert_level(&found, "store", Level::Broken);
    assert!(found["store"].advice.contains("jobd recover"));
    // The folders of the steps alone tell of the job.
    fs::remove_dir_all(home.path().join("state/jobs")).unwrap();
    assert_level(&unchanged(&home, 1), "store", Level::Broken);
    drop(home.jobd_json(&["recover", "-o", "json"]));
    assert_level(&doctor(&home, 0), "store", Level::Ok);
}

/// A daemon that was killed before it had made its tables: the next one makes them.
#[test]
fn a_store_that_was_only_begun_is_well_where_no_job_has_been() {
    let home = used();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(store(&home))
        .unwrap();
    file.write_all_at(&0_u32.to_be_bytes(), 60).unwrap();
    assert_level(&unchanged(&home, 1), "store", Level::Broken);
    for folder in ["jobs", "steps"] {
        let folder = home.path().join("state").join(folder);
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
    }
    assert_level(&unchanged(&home, 0), "store", Level::Ok);
}

#[test]
fn a_store_of_a_newer_release_is_not_to_be_recovered() {
    let home = used();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(store(&home))
        .unwrap();
    // The user version, in the header of the file (https://sqlite.org/fileformat.html, 1.3.14).
    file.write_all_at(&99_u32.to_be_bytes(), 60).unwrap();
    let found = unchanged(&home, 1);
    assert_level(&found, "store", Level::Broken);
    assert!(
        found["store"].found.contains("version 99"),
        "{:?}",
        found["store"]
    );
    assert!(!found["store"].advice.contains("recover"));
}

/// Copies programs into a folder of their own.
fn copied(names: &[&str]) -> Folder {
    let folder = Folder::new();
    for name in names {
        fs::copy(program(name), folder.path().join(name)).unwrap();
    }
    folder
}

fn doctor_of(programs: &Folder, home: &Home, code: i32) -> BTreeMap<String, Finding> {
    let jobctl = Jobctl::of_program(&programs.path().join("jobctl"), home.path());
    findings(jobctl.args(["doctor", "-o", "json"]).run(), code)
}

#[test]
fn programs_that_are_missing_or_of_another_release_are_told() {
    let home = Home::new();
    let programs = copied(&["jobctl", "jobd", "jobd-stage"]);
    assert_level(&doctor_of(&programs, &home, 1), "shim", Level::Broken);
    let shim = programs.path().join("jobd-shim");
    fs::write(&shim, "#!/bin/sh\necho jobd-shim 0.0.1\n").unwrap();
    assert_level(&doctor_of(&programs, &home, 1), "shim", Level::Broken);
    fs::set_permissions(&shim, fs::Permissions::from_mode(0o755)).unwrap();
    let found = doctor_of(&programs, &home, 0);
    assert_level(&found, "shim", Level::Weaker);
    assert!(found["shim"].found.contains("0.0.1"), "{:?}", found["shim"]);
    let alone = copied(&["jobctl"]);
    let empty = Folder::new();
    let jobctl = Jobctl::of_program(&alone.path().join("jobctl"), home.path())
        .env("PATH", empty.path())
        .args(["doctor", "-o", "json"]);
    assert_level(&findings(jobctl.run(), 1), "jobd", Level::Broken);
}

#[test]
fn a_wrong_configuration_is_told_with_its_place() {
    let home = Home::new();
    fs::write(home.path().join("jobd.yaml"), "slots: 2\nslot: 3\n").unwrap();
    let found = unchanged(&home, 1);
    assert_level(&found, "configuration", Level::Broken);
    assert!(
        found["configuration"]
            .found
            .contains("jobd.yaml:2:1: error: slot")
    );
}

#[test]
fn what_is_in_the_way_of_the_socket_is_told() {
    let home = Home::new();
    fs::write(home.socket(), "").unwrap();
    assert_level(&unchanged(&home, 1), "socket-path", Level::Broken);
    fs::remove_file(home.socket()).unwrap();
    drop(UnixListener::bind(home.socket()).unwrap());
    assert_level(&unchanged(&home, 0), "daemon", Level::Weaker);
    let long = home.path().join("x".repeat(120));
    let ran = home
        .jobctl(&["doctor", "-o", "json"])
        .env("JOBD_HOME", &long)
        .run();
    assert_level(&findings(ran, 1), "socket-path", Level::Broken);
}

#[test]
fn a_folder_that_others_may_write_is_weaker() {
    let home = used();
    let state = home.path().join("state");
    fs::set_permissions(&state, fs::Permissions::from_mode(0o775)).unwrap();
    let found = unchanged(&home, 0);
    assert_level(&found, "state-folder", Level::Weaker);
    assert!(found["state-folder"].advice.starts_with("chmod go-w "));
    fs::set_permissions(&state, fs::Permissions::from_mode(0o777)).unwrap();
    assert_level(&unchanged(&home, 1), "state-folder", Level::Broken);
}

/// Runs the doctor of a home of ours as another user.
#[test]
fn what_belongs_to_another_user_is_broken_and_not_taken_for_missing() {
    if !nix::unistd::geteuid().is_root() {
        println!("SKIP: only root can become another user");
        return;
    }
    let home = used();
    let programs = copied(&["jobctl", "jobd", "jobd-shim", "jobd-stage"]);
    let jobctl = programs.path().join("jobctl").display().to_string();
    let ran = Jobctl::of_program(Path::new("setpriv"), home.path())
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", &jobctl])
        .args(["doctor", "-o", "json"])
        .run();
    let found = findings(ran, 1);
    for check in ["store", "state-folder", "state-lock"] {
        assert_level(&found, check, Level::Broken);
    }
}

#[test]
fn few_open_files_are_weaker() {
    let home = Home::new();
    let ran = Jobctl::of_program(Path::new("prlimit"), home.path())
        .args([
            "--nofile=256:256".into(),
            program("jobctl").display().to_string(),
        ])
        .args(["doctor", "-o", "json"])
        .run();
    let found = findings(ran, 0);
    assert_level(&found, "open-files", Level::Weaker);
    assert!(found["open-files"].found.starts_with("RLIMIT_NOFILE 256;"));
}

#[test]
fn a_clock_that_was_set_back_is_told() {
    let home = used();
    let ahead = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    let lock = fs::File::open(home.path().join("state/lock")).unwrap();
    lock.set_modified(ahead).unwrap();
    assert_level(&unchanged(&home, 0), "clock", Level::Weaker);
}

#[test]
fn a_state_folder_in_memory_is_weaker() {
    let home = Home::new();
    let state = home.path().join("state");
    fs::create_dir(&state).unwrap();
    let (kind, size) = (Some("tmpfs"), Some("size=4096k"));
    if let Err(error) = mount(kind, &state, kind, MsFlags::empty(), size) {
        println!("SKIP: mounting is not possible: {error}");
        return;
    }
    let ran = home.run(&["doctor", "-o", "json"]);
    umount2(&state, MntFlags::MNT_DETACH).unwrap();
    // So small that it is full from the start.
    let found = findings(ran, 1);
    assert_level(&found, "file-system", Level::Weaker);
    assert!(found["file-system"].found.ends_with("is on tmpfs"));
    assert_level(&found, "disk-space", Level::Broken);
}

#[test]
fn the_formats_are_those_of_every_verb() {
    let home = Home::new();
    let query = ["doctor", "--query", "[?check=='store'].level", "-o", "tsv"];
    assert_eq!(home.run(&query).ok().stdout, "ok\n");
    let yaml = home.run(&["doctor", "-o", "yaml"]).ok().stdout;
    let found: Vec<Finding> = serde_yaml::from_str(&yaml).unwrap();
    assert!(found.len() > 15, "{yaml}");
}

/// `jobd doctor` alone says the same, without what only a client sees.
#[test]
fn the_daemon_s_program_says_it_without_a_client() {
    let home = used();
    let found: Vec<Finding> =
        serde_json::from_value(home.jobd_json(&["doctor", "-o", "json"])).unwrap();
    assert!(found.iter().any(|finding| finding.check == "store"));
    assert!(found.iter().all(|finding| finding.check != "daemon"));
    let output = Command::new(program("jobd"))
        .args(["doctor", "--state", "/dev/null/none"])
        .env("JOBD_HOME", home.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("broken  state-folder"), "{said}");
}
