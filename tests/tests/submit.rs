//! Jobs are handed in: from files and standard input, with and without their log, and once more.

use std::fs;
use std::path::PathBuf;

use jobd_tests::harness::{Home, JobFile};
use serde_json::Value;

#[test]
fn submit_prints_the_names_in_the_order_of_the_files() {
    let home = Home::running(&["--slots", "1"]);
    drop(home.run(&["pause"]).ok());
    let names: Vec<_> = (0..30).rev().map(|n| format!("job{n:02}")).collect();
    let mut jobs: Vec<_> = names
        .iter()
        .map(|name| JobFile::new("true").name(name))
        .collect();
    jobs.push(JobFile::new("true"));
    let mut printed = home.submit_all(&jobs);
    let generated = printed.pop().unwrap();
    assert_eq!(printed, names);
    assert!(
        generated.len() > 10 && generated.contains('_'),
        "{generated}"
    );
    // One batch: one moment of acceptance for all of them.
    let query = "[?starts_with(name, 'job')].created_at";
    let stamps = home
        .run(&["list", "--all", "--query", query, "-o", "tsv"])
        .ok();
    let mut stamps = stamps.lines();
    stamps.dedup();
    assert_eq!(stamps.len(), 1, "{stamps:?}");
    let mut newest_first = names.clone();
    newest_first.reverse();
    assert_eq!(home.listed(&["--all"])[1..], newest_first);
}

#[test]
fn create_and_stream_are_what_az_ml_job_users_type() {
    let home = Home::running(&[]);
    let file = JobFile::new("echo hello; exit 3")
        .name("azure")
        .write(home.path(), "job.yml");
    let azure = ["-g", "group", "-w", "space", "--subscription", "id"];
    let created = home
        .jobctl(&["create", "-f"])
        .args([&file])
        .args(azure)
        .args(["--query", "name", "-o", "tsv"]);
    assert_eq!(created.run().ok().stdout, "azure\n");
    let streamed = home
        .jobctl(&["stream", "-n", "azure"])
        .args(azure)
        .run()
        .code(3);
    assert_eq!(streamed.stdout, "hello\n");
    let status = home
        .run(&["show", "-n", "azure", "--query", "status", "-o", "tsv"])
        .ok();
    assert_eq!(status.stdout, "Failed\n");
    let endpoint = home
        .run(&[
            "show",
            "-n",
            "azure",
            "--query",
            "services.Studio.endpoint",
            "-o",
            "tsv",
        ])
        .ok();
    assert!(endpoint.stdout.starts_with("file://"), "{endpoint:?}");
}

#[test]
fn submit_streams_when_it_is_asked_to() {
    let home = Home::running(&[]);
    let jobs = [
        JobFile::new("echo one"),
        JobFile::new("echo two; exit 4"),
        JobFile::new("echo three"),
    ];
    let ran = home
        .jobctl(&["submit", "--stream"])
        .args(home.files(&jobs))
        .run()
        .code(4);
    let log: Vec<_> = ran
        .lines()
        .into_iter()
        .filter(|line| !line.contains('_'))
        .collect();
    assert_eq!(log, ["one", "two", "three"]);
}

#[test]
fn run_detached_only_submits() {
    let home = Home::running(&[]);
    let ran = home
        .jobctl(&["run", "--detach", "-"])
        .stdin(JobFile::endless("far").text())
        .run()
        .ok();
    assert_eq!(ran.stdout, "far\n");
    home.wait_for_status("far", "Running");
}

#[test]
fn a_dump_submitted_again_is_the_same_job() {
    let home = Home::running(&[]);
    fs::write(home.path().join("in.txt"), "data\n").unwrap();
    let original = JobFile::new(
        "cat ${{inputs.file}}\necho \"${{inputs.rate}} ${{inputs.flag}}\" # 'quoted'\n",
    )
    .with(
        "name: first
display_name: 'yes'
experiment_name: trials
description: |
  # Title

  text: with colon
tags: {a: 'b', empty: null}
environment_variables: {N: 1, T: 'true', E: ''}
compute: azureml:cluster
limits: {timeout: 300}
queue_settings: {priority: low}
inputs:
  rate: 1.0
  flag: yes
  file: {type: uri_file, path: ./in.txt, mode: ro_mount}
outputs: {model: {type: uri_folder}}",
    );
    drop(home.submit(&original));
    let first = home.wait("first");
    assert_eq!(first["status"], "Completed", "{first}");

    let file = home.path().join("dumped.yml");
    drop(home.run(&["dump", "first", file.to_str().unwrap()]).ok());
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(home.run(&["dump", "first"]).ok().stdout, text);
    drop(
        home.run(&["dump", "first", file.to_str().unwrap()])
            .code(125)
            .says(&["exists", "--force"]),
    );
    drop(
        home.run(&["dump", "first", file.to_str().unwrap(), "--force"])
            .ok(),
    );

    let renamed = text.replace("name: first\n", "name: second\n");
    assert_ne!(renamed, text, "{text}");
    assert_eq!(
        home.jobctl(&["submit", "-"])
            .stdin(renamed.as_str())
            .run()
            .ok()
            .stdout,
        "second\n"
    );
    let second = home.wait("second");
    // A dump may be read in another folder.
    let path = home.path().join("in.txt").display().to_string();
    assert_eq!(second["inputs"]["file"]["path"], path);
    for (name, value) in first.as_object().unwrap() {
        if is_the_jobs_own(name) {
            assert_eq!(&second[name], value, "{name}");
        }
    }
    assert_eq!(home.log("second"), home.log("first"));
    let again = home.run(&["dump", "second"]).ok().stdout;
    assert_eq!(again, renamed);
}

/// Whether an attribute comes from the job file, not from one execution of it.
fn is_the_jobs_own(attribute: &str) -> bool {
    let execution = [
        "name",
        "id",
        "creation_context",
        "duration_ms",
        "ended_at",
        "started_at",
        "history",
        "job_path",
        "log_files",
        "services",
        "studio_url",
        "inputs",
        "outputs",
        "provenance",
    ];
    !execution.contains(&attribute)
}

#[test]
fn validate_needs_no_daemon_and_finds_what_submit_finds() {
    let home = Home::new();
    drop(JobFile::new("true").write(home.path(), "good.yml"));
    drop(JobFile::new("echo ${{inputs.x}}").write(home.path(), "bad.yml"));
    assert_eq!(
        home.run(&["validate", "good.yml"]).ok().stdout,
        "good.yml: valid\n"
    );
    let ran = home.run(&["validate", "good.yml", "bad.yml"]).code(125);
    let ran = ran.says(&["bad.yml:1:16: error: command:", "inputs.x"]);
    assert_eq!(ran.stdout, "good.yml: valid\n");
    let found = home
        .run(&["validate", "bad.yml", "-o", "json"])
        .code(125)
        .json();
    let errors: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["severity"] == "error")
        .collect();
    assert_eq!(errors[0]["span"]["line"], 1);
    assert!(!home.path().join("state").exists());
}

#[test]
fn relative_paths_are_those_of_the_file_and_of_the_folder_for_standard_input() {
    let home = Home::running(&[]);
    let folder: PathBuf = home.path().join("project");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("data"), "here\n").unwrap();
    let job =
        JobFile::new("cat ${{inputs.data}}").with("inputs: {data: {type: uri_file, path: ./data}}");
    let file = job.write(&folder, "job.yml");
    assert_eq!(
        home.run(&["run", file.to_str().unwrap()]).ok().stdout,
        "here\n"
    );
    let piped = home
        .jobctl(&["run", "-"])
        .folder(&folder)
        .stdin(job.text())
        .run()
        .ok();
    assert_eq!(piped.stdout, "here\n");
    let experiment: Value = home.show("@last")["experiment_name"].clone();
    assert_eq!(experiment, "project");
}
