//! A lost or damaged store: never begun anew, always rebuilt, and nothing is deleted.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use jobd_tests::harness::{
    DEADLINE, Home, JobFile, Witness, change_records, process, quoted, wait_until,
};
use nix::sys::signal::Signal;
use proto::record::STEP_FILE;
use proto::record::file::Entry;
use serde_json::{Value, json};

fn probe(arguments: &[&str]) -> String {
    jobd_tests::harness::probe_command(arguments)
}

fn store(home: &Home) -> PathBuf {
    home.path().join("state/jobd.db")
}

/// Ends the daemon so that all of its store is in the one file.
fn stop(home: &mut Home) {
    home.signal(Signal::SIGTERM);
    assert!(home.wait_for_daemon().success());
}

fn lose_store(home: &Home) {
    for suffix in ["", "-wal", "-shm"] {
        let _absent = fs::remove_file(format!("{}{suffix}", store(home).display()));
    }
}

fn assert_refused(home: &Home) {
    let (status, said) = home.start_in_vain(&[]);
    assert_eq!(status.code(), Some(125), "{said}");
    assert!(said.contains("jobd recover"), "{said}");
}

/// The recovered jobs by name.
fn statuses(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let jobs = report["jobs"].as_array().unwrap();
    jobs.iter()
        .map(|job| (text(&job["name"]), text(&job["status"])))
        .collect()
}

fn pair(name: &str, status: &str) -> (String, String) {
    (name.to_owned(), status.to_owned())
}

#[test]
fn a_missing_store_is_never_begun_anew() {
    let mut home = Home::running(&[]);
    drop(home.submit(&JobFile::new("true").name("done")));
    drop(home.wait("done"));
    stop(&mut home);
    lose_store(&home);
    assert_refused(&home);
    assert!(!store(&home).exists(), "a refused start made a store");
    fs::write(store(&home), "").unwrap();
    assert_refused(&home);
}

#[test]
fn every_job_with_a_folder_comes_back_from_it_with_its_true_end() {
    let mut home = Home::running(&["--slots", "5"]);
    let gate = home.path().join("gate");
    let witness = Witness::in_folder(home.path());
    let hold = probe(&["hold", gate.to_str().unwrap()]);
    drop(
        home.submit(
            &JobFile::new("exit 3")
                .name("failed")
                .with("tags: {kept: 'yes'}"),
        ),
    );
    drop(home.wait("failed"));
    drop(home.submit(&JobFile::new("true").name("good")));
    drop(home.wait("good"));
    let long = JobFile::new(&format!("{}; exit 7", hold.trim_start_matches("exec ")));
    drop(home.submit(&long.name("living")));
    drop(home.submit(&JobFile::probe(&["ignore-term"]).name("orphan")));
    let (living, orphan) = (home.started("living"), home.started("orphan"));
    home.kill();
    process::signal(orphan.shim.pid, Signal::SIGKILL);
    wait_until("the end of the shim", DEADLINE, || {
        !process::is_alive(orphan.shim.pid)
    });
    // One whose shim was never let go: its records stop at the spec.
    never_started(&home, "good", "unborn", &witness.echo("unborn"));
    lose_store(&home);

    let report = home.jobd_json(&["recover", "-o", "json"]);
    let expected = [
        pair("failed", "Failed"),
        pair("good", "Completed"),
        pair("living", "Running"),
        pair("orphan", "Failed"),
        pair("unborn", "Queued"),
    ];
    let mut found = statuses(&report);
    found.sort();
    assert_eq!(found, expected, "{report}");
    assert!(
        process::is_alive(living.shim.pid),
        "a running job was touched"
    );
    assert!(!process::is_alive(orphan.main.pid), "an orphan was left");

    home.start(&["--slots", "5"]);
    let failed = home.show("failed");
    assert_eq!(failed["outcome"], json!({"kind": "exited", "code": 3}));
    assert_eq!(failed["tags"], json!({"kept": "yes"}));
    assert_eq!(home.show("orphan")["outcome"]["kind"], "lost");
    assert_eq!(home.wait("unborn")["status"], "Completed");
    witness.assert_once_each(["unborn".to_owned()]);
    fs::write(&gate, "").unwrap();
    assert_eq!(
        home.wait("living")["outcome"],
        json!({"kind": "exited", "code": 7})
    );
}

/// Makes the folder of a step that was ordered and never let go, after the model of another.
fn never_started(home: &Home, model: &str, name: &str, command: &str) {
    let folder = home.step_folders(model).remove(0);
    let copy = folder.with_file_name(format!("{name}.command.1"));
    fs::create_dir(&copy).unwrap();
    fs::copy(folder.join(STEP_FILE), copy.join(STEP_FILE)).unwrap();
    change_records(&copy, |entry, record| {
        if entry == Entry::Job {
            record["job"]["name"] = json!(name);
            record["job"]["id"] = json!(99);
            record["definition"]["job"]["command"] = json!(command);
        }
    });
    let path = copy.join(STEP_FILE);
    let file = fs::read_to_string(&path).unwrap();
    let never = file
        .lines()
        .take_while(|line| !line.starts_with("{\"started\""));
    let never: String = never.map(|line| format!("{line}\n")).collect();
    fs::write(path, never).unwrap();
}

/// Writes over the pages of a store from one on.
fn damage(path: &Path, from: u64) -> Vec<u8> {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    assert!(length > from, "the store has {length} bytes");
    let noise = vec![0xA5; usize::try_from(length - from).unwrap()];
    file.write_all_at(&noise, from).unwrap();
    fs::read(path).unwrap()
}

#[test]
fn jobs_that_only_the_damaged_store_knows_are_read_from_it() {
    let mut home = Home::running(&["--slots", "1"]);
    drop(home.run(&["pause"]).ok());
    let witness = Witness::in_folder(home.path());
    let text = "x".repeat(3_000);
    for number in 0..200 {
        let job = JobFile::new(&witness.echo(&format!("w{number}")))
            .name(&format!("w{number}"))
            .with(&format!("description: {}", quoted(&text)));
        fs::write(home.path().join(format!("w{number}.yml")), job.text()).unwrap();
    }
    let files: Vec<String> = (0..200).map(|number| format!("w{number}.yml")).collect();
    let mut arguments = vec!["submit"];
    arguments.extend(files.iter().map(String::as_str));
    drop(home.run(&arguments).ok());
    stop(&mut home);
    // The first half of the file holds schema, roots and the older rows.
    let length = fs::metadata(store(&home)).unwrap().len();
    let damaged = damage(&store(&home), length / 2 / 4096 * 4096);

    let report = home.jobd_json(&["recover", "-o", "json"]);
    let found = statuses(&report);
    assert!(
        found.len() > 20 && found.len() < 200,
        "{} jobs",
        found.len()
    );
    assert!(
        found.iter().all(|(_, status)| status == "Queued"),
        "{report}"
    );
    let kept = report["damaged"].as_str().unwrap();
    assert_eq!(
        fs::read(kept).unwrap(),
        damaged,
        "the damaged file was changed"
    );

    home.start(&[]);
    assert_eq!(
        home.run(&["list", "--all", "-o", "json"])
            .ok()
            .json()
            .as_array()
            .unwrap()
            .len(),
        found.len()
    );
    drop(home.run(&["resume"]).ok());
    let names: Vec<String> = found.into_iter().map(|(name, _)| name).collect();
    drop(home.run(&["wait", "--all"]));
    witness.assert_once_each(names);
}

#[test]
fn a_whole_store_is_not_touched_and_a_running_daemon_not_disturbed() {
    let mut home = Home::running(&[]);
    drop(home.submit(&JobFile::new("true").name("one")));
    drop(home.wait("one"));
    let (status, said) = home.start_in_vain(&["recover"]);
    assert_eq!(status.code(), Some(125), "{said}");
    assert!(said.contains("another jobd"), "{said}");
    stop(&mut home);
    let before = fs::read(store(&home)).unwrap();
    let (status, said) = home.start_in_vain(&["recover"]);
    assert_eq!(status.code(), Some(125), "{said}");
    assert!(said.contains("whole"), "{said}");
    assert_eq!(fs::read(store(&home)).unwrap(), before);
}

#[test]
fn a_recovery_that_was_cut_off_keeps_daemons_away_and_is_completed() {
    let mut home = Home::running(&[]);
    drop(home.submit(&JobFile::new("exit 4").name("four")));
    drop(home.wait("four"));
    stop(&mut home);
    // As after the old store was moved aside and before the new one took its place.
    let state = home.path().join("state");
    fs::rename(store(&home), state.join("jobd.db.recovered")).unwrap();
    assert_refused(&home);
    let report = home.jobd_json(&["recover", "-o", "json"]);
    assert_eq!(report["resumed"], true);
    home.start(&[]);
    assert_eq!(home.show("four")["exit_code"], 4);
}

#[test]
fn the_registry_of_assets_is_read_from_a_damaged_store() {
    let mut home = Home::running(&["--slots", "1"]);
    drop(home.run(&["pause"]).ok());
    for _ in 0..2 {
        let words = "data create -n iris -t uri_file -p s3://bucket/iris.csv";
        drop(home.run(&words.split(' ').collect::<Vec<_>>()).ok());
    }
    drop(home.run(&["data", "archive", "iris:2"]).ok());
    // What comes last in the file is the jobs': that is what gets damaged.
    for number in 0..100 {
        let job = JobFile::new("true").name(&format!("job{number}"));
        let text = format!("description: {}", "x".repeat(3_000));
        drop(home.submit(&job.with(&text)));
    }
    stop(&mut home);
    let length = fs::metadata(store(&home)).unwrap().len();
    drop(damage(&store(&home), length / 2));
    drop(home.jobd_json(&["recover", "-o", "json"]));
    home.start(&["--slots", "1"]);
    let show = ["data", "show", "iris", "--query", "version", "-o", "tsv"];
    assert_eq!(home.run(&show).ok().stdout, "1\n");
    let create = ["data", "create", "-n", "iris", "-p", "s3://bucket/other"];
    let made = home.run(&create).ok().stdout;
    assert_eq!(
        made, "iris:3\n",
        "a version that is archived is not given again"
    );
}
