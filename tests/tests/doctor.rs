//! `jobctl doctor`: what is weaker or broken is told by name, and a look changes nothing.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jobd_tests::harness::{Folder, Home, JobFile, Jobctl, Ran, program};
use nix::sys::signal::Signal;
use serde_json::Value;

/// Where a store has the version of its tables (<https://sqlite.org/fileformat.html>, 1.3).
const USER_VERSION_AT: u64 = 60;
/// The first page holds the header and the schema.
const PAGE: u64 = 4096;

/// What a doctor said.
struct Report {
    code: i32,
    findings: Vec<Value>,
}

impl Report {
    fn of(ran: &Ran) -> Report {
        Report {
            code: ran.code,
            findings: ran.json().as_array().unwrap().clone(),
        }
    }

    fn names(&self) -> Vec<&str> {
        let names = self.findings.iter();
        names.map(|one| one["check"].as_str().unwrap()).collect()
    }

    #[track_caller]
    fn text(&self, check: &str, field: &str) -> &str {
        let found = self.findings.iter().find(|one| one["check"] == check);
        let found = found.unwrap_or_else(|| panic!("no {check} in {:?}", self.names()));
        found[field].as_str().unwrap()
    }

    #[track_caller]
    fn assert_level(&self, check: &str, level: &str) {
        let found = self.text(check, "found");
        assert_eq!(self.text(check, "level"), level, "{check}: {found}");
    }

    /// Fails unless exactly these are broken, and the exit code says so.
    #[track_caller]
    fn assert_broken(&self, checks: &[&str]) {
        let broken = self.findings.iter().filter(|one| one["level"] == "broken");
        let names: Vec<_> = broken.map(|one| one["check"].as_str().unwrap()).collect();
        assert_eq!(names, checks, "{:#?}", self.findings);
        assert_eq!(self.code, i32::from(!checks.is_empty()));
    }
}

fn doctor(home: &Home) -> Report {
    Report::of(&home.run(&["doctor", "-o", "json"]))
}

fn store(home: &Home) -> PathBuf {
    home.path().join("state/jobd.db")
}

/// A home in which a job has run, whose daemon has ended: all of the store is in the one file.
fn used() -> Home {
    let mut home = Home::running(&[]);
    drop(home.submit(&JobFile::new("true").name("done")));
    drop(home.wait("done"));
    home.signal(Signal::SIGTERM);
    assert!(home.wait_for_daemon().success());
    home
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(bytes, at).unwrap();
}

/// Everything below a folder: name, mode, time of change, and what is in it.
fn listing(folder: &Path) -> Vec<(PathBuf, u32, i64, i64, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let is = fs::symlink_metadata(&path).unwrap();
            let content = match is.is_file() {
                true => fs::read(&path).unwrap(),
                false => Vec::new(),
            };
            if is.is_dir() {
                folders.push(path.clone());
            }
            all.push((path, is.mode(), is.mtime(), is.mtime_nsec(), content));
        }
    }
    all.sort();
    all
}

/// Asks and sees to it that nothing below the home is another than before.
#[track_caller]
fn doctor_that_changes_nothing(home: &Home) -> Report {
    let before = listing(home.path());
    let report = doctor(home);
    let (names, after) = (report.names().join(" "), listing(home.path()));
    assert!(before == after, "{names} changed {before:#?} to {after:#?}");
    report
}

#[test]
fn before_the_first_daemon_all_is_well_and_none_is_started() {
    let home = Home::new();
    let ran = home.jobctl(&["doctor", "-o", "json"]).may_start().run();
    let report = Report::of(&ran);
    report.assert_broken(&[]);
    report.assert_level("daemon", "ok");
    report.assert_level("store", "ok");
    assert_eq!(listing(home.path()), [], "a look left something");
}

#[test]
fn a_daemon_that_runs_is_looked_at_and_not_disturbed() {
    let home = Home::running(&[]);
    drop(home.submit(&JobFile::new("true").name("done")));
    drop(home.wait("done"));
    let report = doctor(&home);
    report.assert_broken(&[]);
    let pid = home.daemon_pid();
    for (check, said) in [
        ("daemon", "answers, pid"),
        ("state-lock", "held by process"),
    ] {
        report.assert_level(check, "ok");
        assert!(
            report
                .text(check, "found")
                .contains(&format!("{said} {pid}"))
        );
    }
    assert!(report.text("store", "found").contains("is whole"));
    for check in [
        "socket",
        "shim",
        "pidfd",
        "boot-id",
        "clock",
        "configuration",
        "spool-folder",
    ] {
        report.assert_level(check, "ok");
    }
    for check in [
        "cgroup",
        "open-files",
        "processes",
        "inotify",
        "disk-space",
        "inodes",
        "tools",
        "file-system",
        "start-at-boot",
        "socket-path",
        "socket-folder",
        "state-folder",
    ] {
        assert!(!report.text(check, "found").is_empty());
    }
    drop(home.run(&["list"]).ok());
}

/// Each check is told once, so that a program can rely on its name.
#[test]
fn names_are_told_once_and_what_is_not_well_has_advice() {
    let report = doctor(&used());
    let mut names = report.names();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), report.findings.len());
    for finding in &report.findings {
        let is_well = finding["level"] == "ok";
        for field in ["means", "advice"] {
            assert_eq!(finding[field] == "", is_well, "{finding}");
        }
    }
}

#[test]
fn nothing_on_the_disk_is_changed() {
    let mut home = used();
    doctor_that_changes_nothing(&home).assert_broken(&[]);
    home.start(&[]);
    drop(home.submit(&JobFile::new("true").name("second")));
    drop(home.wait("second"));
    home.kill();
    // What the killed daemon committed is in the store's log.
    let log = fs::metadata(home.path().join("state/jobd.db-wal")).unwrap();
    assert!(log.len() > 0);
    let report = doctor_that_changes_nothing(&home);
    report.assert_broken(&[]);
    assert!(report.text("store", "found").contains("is whole"));
    // Nor where SQLite would have to make a file to read the log.
    fs::remove_file(home.path().join("state/jobd.db-shm")).unwrap();
    doctor_that_changes_nothing(&home).assert_level("store", "weaker");
    home.start(&[]);
    doctor(&home).assert_level("store", "ok");
}

#[test]
fn a_damaged_store_is_broken_and_the_advice_helps() {
    let home = used();
    let length = fs::metadata(store(&home)).unwrap().len();
    let noise = vec![0xA5; usize::try_from(length - PAGE).unwrap()];
    overwrite(&store(&home), PAGE, &noise);
    let report = doctor_that_changes_nothing(&home);
    report.assert_broken(&["store"]);
    assert!(report.text("store", "advice").contains("jobd recover"));
    drop(home.jobd_json(&["recover", "-o", "json"]));
    doctor(&home).assert_broken(&[]);
}

#[test]
fn a_store_that_is_no_database_or_lost_is_broken() {
    let home = used();
    overwrite(&store(&home), 0, b"not a database");
    let report = doctor_that_changes_nothing(&home);
    report.assert_broken(&["store"]);
    assert!(report.text("store", "advice").contains("jobd recover"));
    fs::remove_file(store(&home)).unwrap();
    // The steps' folders alone tell of the job.
    fs::remove_dir_all(home.path().join("state/jobs")).unwrap();
    let report = doctor_that_changes_nothing(&home);
    report.assert_broken(&["store"]);
    assert!(report.text("store", "advice").contains("jobd recover"));
}

#[test]
fn a_newer_store_is_broken_and_not_to_be_recovered() {
    let home = used();
    overwrite(&store(&home), USER_VERSION_AT, &99_u32.to_be_bytes());
    let report = doctor_that_changes_nothing(&home);
    report.assert_broken(&["store"]);
    assert!(report.text("store", "found").contains("version 99"));
    assert!(!report.text("store", "advice").contains("recover"));
}

#[test]
fn a_socket_that_a_killed_daemon_left_is_stale() {
    let mut home = Home::running(&[]);
    home.kill();
    let report = doctor(&home);
    report.assert_broken(&[]);
    report.assert_level("daemon", "weaker");
    assert!(report.text("daemon", "found").contains("stale"));
    home.start(&[]);
    doctor(&home).assert_level("daemon", "ok");
}

#[test]
fn a_daemon_whose_socket_was_removed_is_found_by_its_lock() {
    let home = Home::running(&[]);
    fs::remove_file(home.socket()).unwrap();
    let report = doctor(&home);
    report.assert_broken(&["state-lock"]);
    let pid = home.daemon_pid().to_string();
    assert!(report.text("state-lock", "found").contains(&pid));
}

#[test]
fn what_is_in_the_place_of_the_socket_is_in_the_way() {
    let home = Home::new();
    fs::write(home.socket(), "").unwrap();
    assert!(
        doctor(&home)
            .text("socket-path", "found")
            .contains("in the way")
    );
    let long = home.path().join("x".repeat(120));
    let ran = home.jobctl(&["doctor", "-o", "json"]);
    let report = Report::of(&ran.env("JOBD_HOME", long).run());
    report.assert_level("socket-path", "broken");
    assert_eq!(report.code, 1);
}

#[test]
fn a_configuration_that_is_refused_says_where() {
    let home = Home::new();
    fs::write(home.path().join("jobd.yaml"), "slots: many\n").unwrap();
    let report = doctor(&home);
    report.assert_broken(&["configuration"]);
    let found = report.text("configuration", "found");
    assert!(
        found.contains("jobd.yaml:1:") && found.contains("slots"),
        "{found}"
    );
}

/// Copies of programs in a folder of their own.
fn copies(names: &[&str]) -> Folder {
    let folder = Folder::new();
    for name in names {
        fs::copy(program(name), folder.path().join(name)).unwrap();
    }
    folder
}

/// `search` is the `PATH`: another jobd may be on the usual one.
fn doctor_of(programs: &Folder, search: &str, home: &Home) -> Report {
    let own = programs.path().join("jobctl");
    let asked = Jobctl::of_program(&own, home.path()).args(["doctor", "-o", "json"]);
    Report::of(&asked.env("PATH", search).run())
}

#[test]
fn the_shim_lies_beside_jobd_and_is_of_its_release() {
    let (home, programs) = (Home::new(), copies(&["jobctl", "jobd"]));
    doctor_of(&programs, "/usr/bin:/bin", &home).assert_broken(&["shim"]);
    let shim = programs.path().join("jobd-shim");
    fs::write(&shim, "#!/bin/sh\necho jobd-shim 0.0.1\n").unwrap();
    doctor_of(&programs, "/usr/bin:/bin", &home).assert_broken(&["shim"]);
    fs::set_permissions(&shim, fs::Permissions::from_mode(0o755)).unwrap();
    let report = doctor_of(&programs, "/usr/bin:/bin", &home);
    report.assert_broken(&[]);
    report.assert_level("shim", "weaker");
    assert!(report.text("shim", "found").contains("0.0.1"));
}

#[test]
fn without_jobd_there_is_one_more_thing_to_say() {
    let (home, programs) = (Home::new(), copies(&["jobctl"]));
    doctor_of(&programs, "", &home).assert_broken(&["jobd"]);
    let jobd = programs.path().join("jobd");
    fs::write(&jobd, "#!/bin/sh\necho 'no such verb' >&2; exit 2\n").unwrap();
    fs::set_permissions(&jobd, fs::Permissions::from_mode(0o755)).unwrap();
    let report = doctor_of(&programs, "", &home);
    report.assert_broken(&["jobd"]);
    assert!(report.text("jobd", "found").contains("no such verb"));
}

#[test]
fn few_open_files_are_weaker() {
    let home = Home::new();
    let line = r#"ulimit -n 256; exec "$0" doctor -o json"#;
    let jobctl = program("jobctl");
    let shell = Jobctl::of_program(Path::new("/bin/sh"), home.path());
    let report = Report::of(&shell.args(["-c", line, jobctl.to_str().unwrap()]).run());
    report.assert_broken(&[]);
    report.assert_level("open-files", "weaker");
    assert!(report.text("open-files", "found").contains("256"));
}

#[test]
fn a_clock_that_was_set_back_is_seen_by_what_is_newer() {
    let home = used();
    doctor(&home).assert_level("clock", "ok");
    let later = SystemTime::now() + Duration::from_secs(3600);
    let file = File::options()
        .append(true)
        .open(home.path().join("state/lock"));
    file.unwrap().set_modified(later).unwrap();
    doctor_that_changes_nothing(&home).assert_level("clock", "weaker");
}

#[test]
fn a_folder_that_others_may_write_to_is_weaker() {
    let home = used();
    for (check, name) in [("state-folder", "state"), ("spool-folder", "spool")] {
        doctor(&home).assert_level(check, "ok");
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(home.path().join(name), open).unwrap();
        doctor(&home).assert_level(check, "weaker");
    }
}

#[test]
fn a_person_gets_a_table_and_a_program_any_format() {
    let home = Home::new();
    fs::write(home.path().join("jobd.yaml"), "slots: many\n").unwrap();
    let table = home.run(&["doctor"]).code(1).stdout;
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("LEVEL") && lines[0].contains("FOUND"));
    let at = lines
        .iter()
        .position(|line| line.starts_with("broken  configuration"));
    let at = at.unwrap_or_else(|| panic!("{table}"));
    assert!(lines[at + 1].contains("means: ") && lines[at + 2].contains("do: "));
    assert!(table.ends_with("1 broken\n"), "{table}");
    let query = ["doctor", "--query", "[?level=='broken'].check", "-o", "tsv"];
    assert_eq!(home.run(&query).code(1).stdout, "configuration\n");
    let yaml = home.run(&["doctor", "-o", "yaml"]).code(1).stdout;
    let yaml: Value = serde_yaml::from_str(&yaml).unwrap();
    assert_eq!(
        yaml.as_array().map(Vec::len),
        Some(doctor(&home).findings.len())
    );
    assert_eq!(home.run(&["doctor", "-o", "none"]).code(1).stdout, "");
}
