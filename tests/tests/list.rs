//! What is known of jobs is listed and shown, in every form.

use std::fs;

use jobd_tests::harness::{Home, JobFile};
use serde_json::json;

#[test]
fn list_filters_and_pages() {
    let home = Home::running(&["--slots", "2"]);
    let mut jobs: Vec<_> = (0..55)
        .map(|n| JobFile::new("exit 0").name(&format!("good{n:02}")))
        .collect();
    jobs.extend((0..3).map(|n| JobFile::new("exit 1").name(&format!("bad{n}"))));
    drop(home.submit_all(&jobs));
    assert!(matches!(home.run(&["wait", "--all"]).code, 0 | 1));
    drop(home.submit_all(&[
        JobFile::endless("long0"),
        JobFile::endless("long1"),
        JobFile::endless("waiting"),
    ]));
    home.wait_for_status("long1", "Running");

    // Fifty are shown, and that there are more is said.
    let table = home.run(&["list"]).ok().says(&["more jobs", "--all"]);
    assert_eq!(table.lines().len(), 51);
    assert!(table.lines()[0].starts_with("NAME"), "{table:?}");
    assert_eq!(home.listed(&["--all"]).len(), 61);
    assert_eq!(home.listed(&["-r", "2"]), ["waiting", "long1"]);
    assert_eq!(
        home.listed(&["--status", "Failed"]),
        ["bad2", "bad1", "bad0"]
    );
    assert_eq!(
        home.listed(&["--status", "running,Queued"]),
        ["waiting", "long1", "long0"]
    );
    assert_eq!(
        home.listed(&["--status", "Completed", "-r", "1"]),
        ["good54"]
    );
    assert_eq!(home.listed(&["--status", "Canceled"]), Vec::<String>::new());
    drop(
        home.run(&["list", "--status", "Done"])
            .code(125)
            .says(&["Completed"]),
    );
    assert_eq!(home.run(&["ls", "-o", "none"]).ok().stdout, "");
}

#[test]
fn a_job_is_named_by_its_name_its_beginning_or_as_the_last() {
    let home = Home::running(&[]);
    drop(
        home.submit_all(
            &["train", "train-more", "test"].map(|name| JobFile::new("true").name(name)),
        ),
    );
    let name_of = |asked: &str| home.run(&["show", asked, "--query", "name", "-o", "tsv"]);
    assert_eq!(
        name_of("train").ok().stdout,
        "train\n",
        "the whole name wins over a beginning"
    );
    assert_eq!(name_of("train-").ok().stdout, "train-more\n");
    assert_eq!(name_of("te").ok().stdout, "test\n");
    assert_eq!(name_of("@last").ok().stdout, "test\n");
    drop(
        name_of("t")
            .code(125)
            .says(&["several names", "test", "train", "train-more"]),
    );
    drop(name_of("x").code(125).says(&["no job is named \"x\""]));
    drop(name_of("%").code(125).says(&["no job is named \"%\""]));
    let many: Vec<_> = (0..30)
        .map(|n| JobFile::new("true").name(&format!("many{n:02}")))
        .collect();
    drop(home.submit_all(&many));
    let ran = name_of("many").code(125);
    assert!(ran.stderr.matches("many").count() <= 10, "bounded: {ran:?}");
}

#[test]
fn results_come_in_every_form() {
    let home = Home::running(&[]);
    let job = JobFile::new("exit 2")
        .name("formed")
        .with("tags: {'yes': 'no', n: '1'}");
    drop(home.submit(&job));
    drop(home.wait("formed"));
    let show = |options: &[&str]| home.run(&[&["show", "formed"], options].concat());
    assert_eq!(
        show(&["--query", "status", "-o", "tsv"]).ok().stdout,
        "Failed\n"
    );
    assert_eq!(show(&["--query", "status"]).ok().stdout, "\"Failed\"\n");
    assert_eq!(
        show(&["--query", "exit_code", "-o", "tsv"]).ok().stdout,
        "2\n"
    );
    assert_eq!(
        show(&["--query", "[name, status]", "-o", "tsv"])
            .ok()
            .stdout,
        "formed\nFailed\n"
    );
    let yaml = show(&["--query", "tags", "-o", "yaml"]).ok().stdout;
    // Keys and texts that YAML 1.1 takes for booleans or numbers are quoted.
    assert_eq!(yaml, "'n': '1'\n'yes': 'no'\n");
    assert!(show(&["-o", "json"]).ok().json()["history"].is_array());
    let table = show(&["--query", "{Name:name, Is:status}", "-o", "table"]).ok();
    assert!(
        table.lines()[0].to_lowercase().contains("name"),
        "{table:?}"
    );
    assert!(table.stdout.contains("formed"), "{table:?}");
    // The form for people has the history.
    let people = show(&[]).ok();
    for part in [
        "NotStarted",
        "Queued",
        "Running",
        "Finalizing",
        "Failed",
        "exited with code 2",
    ] {
        assert!(people.stdout.contains(part), "no {part} in {people:?}");
    }
    drop(show(&["--query", "["]).code(125).says(&["--query"]));
    drop(show(&["-o", "xml"]).code(125).says(&["xml"]));
    let query = "[].{Name:name,Jobstatus:status}";
    let list = home.run(&["list", "--query", query, "-o", "tsv"]).ok();
    assert_eq!(list.stdout, "formed\tFailed\n");
}

#[test]
fn archived_jobs_are_hidden_until_they_are_restored() {
    let home = Home::running(&[]);
    drop(home.submit_all(&[
        JobFile::new("true").name("old"),
        JobFile::new("true").name("new"),
    ]));
    drop(home.run(&["wait", "--all"]));
    drop(home.wait("old"));
    drop(home.run(&["archive", "old"]).ok());
    assert_eq!(home.listed(&[]), ["new"]);
    assert_eq!(home.listed(&["--include-archived"]), ["new", "old"]);
    assert_eq!(home.listed(&["--archived-only"]), ["old"]);
    assert_eq!(home.show("old")["archived"], true);
    drop(home.run(&["archive", "old"]).ok());
    drop(home.run(&["restore", "old", "new"]).ok());
    assert_eq!(home.listed(&[]), ["new", "old"]);

    drop(home.submit(&JobFile::endless("running")));
    home.wait_for_status("running", "Running");
    drop(home.run(&["archive", "running"]).code(125).says(&[
        "running",
        "Running",
        "only jobs that have ended",
    ]));
}

#[test]
fn show_has_the_attributes_of_azures_command_job() {
    let home = Home::running(&[]);
    let job = JobFile::new("echo hello").with(
        "name: full
display_name: the whole thing
description: words
tags: {a: b}
properties: {p: q}
compute: azureml:cluster
limits: {timeout: 600}
queue_settings: {priority: high}
resources: {instance_count: 1}
inputs: {n: 3}
outputs: {o: {}}
environment_variables: {V: w}",
    );
    drop(home.run_job(&job).ok().says(&["host", "cluster"]));
    let job = home.show("full");
    assert!(job["id"].as_str().unwrap().ends_with("/jobs/full"));
    for (name, value) in [
        ("name", json!("full")),
        ("type", json!("command")),
        ("status", json!("Completed")),
        ("display_name", json!("the whole thing")),
        ("description", json!("words")),
        ("tags", json!({"a": "b"})),
        ("properties", json!({"p": "q"})),
        ("command", json!("echo hello")),
        ("environment", json!("azureml:host@latest")),
        ("environment_variables", json!({"V": "w"})),
        ("base_path", json!(home.path())),
        ("parameters", json!({})),
        ("resources", json!({"instance_count": 1})),
        ("limits", json!({"timeout": 600})),
        ("inputs", json!({"n": 3})),
        ("queue_settings", json!({"priority": "high"})),
        ("exit_code", json!(0)),
    ] {
        assert_eq!(job[name], value, "{name}");
    }
    assert!(job["compute"].as_str().unwrap().contains("cluster"));
    assert!(home.output("@last", "o").is_dir());
    assert_eq!(job["services"]["Studio"]["endpoint"], job["studio_url"]);
    assert_eq!(job["creation_context"]["created_by_type"], "User");
    let log = job["log_files"]["user_logs/std_log.txt"].as_str().unwrap();
    let log = log.strip_prefix("file://").unwrap();
    assert_eq!(fs::read_to_string(log).unwrap(), "hello\n");
    let statuses: Vec<_> = job["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].as_str().unwrap())
        .collect();
    assert_eq!(
        statuses,
        [
            "NotStarted",
            "Starting",
            "Queued",
            "Running",
            "Finalizing",
            "Completed"
        ]
    );
    let stamps: Vec<_> = job["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["at"].as_i64().unwrap())
        .collect();
    assert!(stamps.iter().all(|at| *at > 0), "{stamps:?}");
}
