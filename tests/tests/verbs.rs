//! The verbs of `jobctl`, one after the other, against a real daemon.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::path::PathBuf;

use jobd_tests::harness::process::is_alive;
use jobd_tests::harness::{DEADLINE, Home, JobFile, Witness, probe_command, wait_until};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// A job that runs until it is ended.
fn endless(name: &str) -> JobFile {
    JobFile::probe(&["sleep-ms", "600000"]).name(name)
}

/// Writes jobs to files; the files' names, for the command line.
fn files(home: &Home, jobs: &[JobFile]) -> Vec<String> {
    let numbered = jobs.iter().enumerate();
    let paths = numbered.map(|(n, job)| job.write(home.path(), &format!("{n:03}.yml")));
    paths
        .map(|path| path.to_str().unwrap().to_owned())
        .collect()
}

fn submit_all(home: &Home, jobs: &[JobFile]) -> Vec<String> {
    let ran = home.jobctl(&["submit"]).args(files(home, jobs)).run().ok();
    ran.lines().into_iter().map(str::to_owned).collect()
}

/// The names that `list` prints with those options, newest first.
fn listed(home: &Home, options: &[&str]) -> Vec<String> {
    let query = [&["list", "--query", "[].name", "-o", "tsv"], options].concat();
    let ran = home.run(&query).ok();
    ran.lines().into_iter().map(str::to_owned).collect()
}

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
    let mut printed = submit_all(&home, &jobs);
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
    assert_eq!(listed(&home, &["--all"])[1..], newest_first);
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
        .args(files(&home, &jobs))
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
        .stdin(endless("far").text())
        .run()
        .ok();
    assert_eq!(ran.stdout, "far\n");
    home.wait_for_status("far", "Running");
}

#[test]
fn list_filters_and_pages() {
    let home = Home::running(&["--slots", "2"]);
    let mut jobs: Vec<_> = (0..55)
        .map(|n| JobFile::new("exit 0").name(&format!("good{n:02}")))
        .collect();
    jobs.extend((0..3).map(|n| JobFile::new("exit 1").name(&format!("bad{n}"))));
    drop(submit_all(&home, &jobs));
    assert!(matches!(home.run(&["wait", "--all"]).code, 0 | 1));
    drop(submit_all(
        &home,
        &[endless("long0"), endless("long1"), endless("waiting")],
    ));
    home.wait_for_status("long1", "Running");

    // Fifty are shown, and that there are more is said.
    let table = home.run(&["list"]).ok().says(&["more jobs", "--all"]);
    assert_eq!(table.lines().len(), 51);
    assert!(table.lines()[0].starts_with("NAME"), "{table:?}");
    assert_eq!(listed(&home, &["--all"]).len(), 61);
    assert_eq!(listed(&home, &["-r", "2"]), ["waiting", "long1"]);
    assert_eq!(
        listed(&home, &["--status", "Failed"]),
        ["bad2", "bad1", "bad0"]
    );
    assert_eq!(
        listed(&home, &["--status", "running,Queued"]),
        ["waiting", "long1", "long0"]
    );
    assert_eq!(
        listed(&home, &["--status", "Completed", "-r", "1"]),
        ["good54"]
    );
    assert_eq!(
        listed(&home, &["--status", "Canceled"]),
        Vec::<String>::new()
    );
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
    drop(submit_all(
        &home,
        &["train", "train-more", "test"].map(|name| JobFile::new("true").name(name)),
    ));
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
    drop(submit_all(&home, &many));
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

#[test]
fn cancel_ends_what_waits_and_what_runs() {
    let home = Home::running(&["--slots", "2", "--grace-seconds", "3"]);
    let witness = Witness::in_folder(home.path());
    let waiting = JobFile::new(&witness.command("never")).name("waiting");
    drop(home.submit(&endless("polite")));
    let deaf = home.submit_deaf("deaf");
    drop(home.submit(&waiting));
    drop(home.started("polite"));

    assert_eq!(
        home.run(&["cancel", "waiting"]).ok().stdout,
        "waiting Canceled\n"
    );
    let ran = home.run(&["cancel", "polite", "deaf"]).ok();
    assert_eq!(
        ran.lines(),
        ["polite CancelRequested", "deaf CancelRequested"]
    );
    let job = home.wait("polite");
    assert_eq!(job["outcome"], json!({"kind": "canceled", "killed": false}));
    assert_eq!(job["exit_code"], 143);
    let job = home.wait("deaf");
    assert_eq!(job["outcome"], json!({"kind": "canceled", "killed": true}));
    assert_eq!(job["exit_code"], 137);
    assert!(!is_alive(deaf.main.pid));
    let statuses: Vec<_> = job["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].as_str().unwrap())
        .collect();
    assert!(
        statuses.ends_with(&["CancelRequested", "Canceled"]),
        "{statuses:?}"
    );

    // Again changes nothing and is no error; what ended otherwise cannot be canceled.
    assert_eq!(home.run(&["cancel", "deaf"]).ok().stdout, "deaf Canceled\n");
    drop(home.submit(&JobFile::new("true").name("done")));
    drop(home.wait("done"));
    drop(
        home.run(&["cancel", "done"])
            .code(125)
            .says(&["done", "Completed", "has ended already"]),
    );
    assert_eq!(witness.marks(), Vec::<String>::new());
}

#[test]
fn cancel_by_force_waits_for_no_grace() {
    // The grace is longer than any test waits.
    let home = Home::running(&["--slots", "2", "--grace-seconds", "3600"]);
    let (deaf, deafer) = (home.submit_deaf("deaf"), home.submit_deaf("deafer"));
    drop(home.run(&["cancel", "deaf", "--force"]).ok());
    assert_eq!(home.wait("deaf")["status"], "Canceled");
    // Politely first, by force then.
    drop(home.run(&["cancel", "deafer"]).ok());
    home.wait_for_status("deafer", "CancelRequested");
    assert!(is_alive(deafer.main.pid));
    assert_eq!(
        home.run(&["cancel", "deafer", "--force"]).ok().stdout,
        "deafer CancelRequested\n"
    );
    assert_eq!(home.wait("deafer")["status"], "Canceled");
    assert!(!is_alive(deaf.main.pid) && !is_alive(deafer.main.pid));
}

#[test]
fn ctrl_c_cancels_a_job_that_is_run_and_leaves_one_that_is_streamed() {
    let home = Home::running(&["--grace-seconds", "1"]);
    let streamed = home.submit(&endless("streamed"));
    home.wait_for_status(&streamed, "Running");
    let stream = home.jobctl(&["stream", "streamed"]).spawn();
    let run = home
        .jobctl(&["run", "-"])
        .stdin(endless("mine").text())
        .spawn();
    run.wait_for_message("job mine");
    home.wait_for_status("mine", "Running");
    run.signal(Signal::SIGINT);
    drop(
        run.wait()
            .code(143)
            .says(&["canceling job mine", "Canceled"]),
    );
    stream.signal(Signal::SIGINT);
    let ended = stream.wait();
    assert!(ended.code == -1 || ended.code == 130, "{ended:?}");
    assert_eq!(home.status("streamed"), "Running");
}

#[test]
fn wait_tells_how_each_ended() {
    let home = Home::running(&[]);
    drop(submit_all(
        &home,
        &[
            JobFile::new("exit 0").name("good"),
            JobFile::new("exit 5").name("bad"),
        ],
    ));
    assert_eq!(home.run(&["wait", "good"]).ok().stdout, "good Completed\n");
    let ran = home.run(&["wait", "good", "bad"]).code(1);
    let mut lines = ran.lines();
    lines.sort_unstable();
    assert_eq!(lines, ["bad Failed", "good Completed"]);
    let ended = home.run(&["wait", "bad", "-o", "json"]).code(1).json();
    assert_eq!(ended[0]["exit_code"], 5);
    // Nothing is left to wait for.
    assert_eq!(home.run(&["wait", "--all"]).ok().stdout, "");

    let gate = home.path().join("gate");
    drop(home.submit(&JobFile::probe(&["hold", gate.to_str().unwrap()]).name("held")));
    let mut waiting = home.jobctl(&["wait", "--all"]).spawn();
    home.wait_for_status("held", "Running");
    assert!(waiting.is_running());
    fs::write(&gate, "").unwrap();
    assert_eq!(waiting.wait().ok().stdout, "held Completed\n");
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
        "outputs",
        "provenance",
    ];
    !execution.contains(&attribute)
}

#[test]
fn archived_jobs_are_hidden_until_they_are_restored() {
    let home = Home::running(&[]);
    drop(submit_all(
        &home,
        &[
            JobFile::new("true").name("old"),
            JobFile::new("true").name("new"),
        ],
    ));
    drop(home.run(&["wait", "--all"]));
    drop(home.wait("old"));
    drop(home.run(&["archive", "old"]).ok());
    assert_eq!(listed(&home, &[]), ["new"]);
    assert_eq!(listed(&home, &["--include-archived"]), ["new", "old"]);
    assert_eq!(listed(&home, &["--archived-only"]), ["old"]);
    assert_eq!(home.show("old")["archived"], true);
    drop(home.run(&["archive", "old"]).ok());
    drop(home.run(&["restore", "old", "new"]).ok());
    assert_eq!(listed(&home, &[]), ["new", "old"]);

    drop(home.submit(&endless("running")));
    home.wait_for_status("running", "Running");
    drop(home.run(&["archive", "running"]).code(125).says(&[
        "running",
        "Running",
        "only jobs that have ended",
    ]));
}

#[test]
fn a_paused_queue_starts_nothing_and_stops_nothing() {
    let mut home = Home::running(&[]);
    let witness = Witness::in_folder(home.path());
    drop(home.submit(&endless("running")));
    home.wait_for_status("running", "Running");
    drop(home.run(&["pause"]).ok());
    drop(home.submit(&JobFile::new(&witness.command("waited")).name("waiting")));
    assert_eq!(home.status("waiting"), "Queued");
    // It is remembered over a restart.
    home.kill();
    home.start(&[]);
    home.wait_for_status("running", "Running");
    let status = home.run(&["status", "-o", "json"]).ok().json();
    assert_eq!(
        (&status["paused"], &status["queued"]),
        (&json!(true), &json!(1))
    );
    assert!(home.run(&["status"]).ok().stdout.contains("paused"));
    assert_eq!(home.status("waiting"), "Queued");
    assert_eq!(witness.marks(), Vec::<String>::new());
    drop(home.run(&["resume"]).ok());
    assert_eq!(home.wait("waiting")["status"], "Completed");
    witness.assert_once_each(["waited".into()]);
}

#[test]
fn status_tells_what_the_daemon_is() {
    let home = Home::running(&["--slots", "3"]);
    drop(home.submit(&endless("running")));
    home.wait_for_status("running", "Running");
    let status = home.run(&["status", "-o", "json"]).ok().json();
    assert_eq!(status["pid"], home.daemon_pid());
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["slots"], 3);
    assert_eq!(status["slots_used"], 1);
    assert_eq!(status["running"], 1);
    assert_eq!(status["queued"], 0);
    assert_eq!(status["paused"], false);
    for (name, path) in [
        ("socket", home.socket()),
        ("state", home.path().join("state")),
        ("spool", home.spool()),
        ("configuration", home.path().join("jobd.yaml")),
        ("log", home.path().join("state/log")),
    ] {
        assert_eq!(status["paths"][name], path.to_str().unwrap());
    }
    assert!(status["machine"]["cpus"].as_u64().unwrap() > 0, "{status}");
    assert!(
        status["machine"]["memory_total"].as_u64().unwrap() > 1 << 20,
        "{status}"
    );
    assert!(status["machine"]["load"].is_array(), "{status}");
    let people = home.run(&["status"]).ok().stdout;
    assert!(people.contains("1 of 3"), "{people}");
}

#[test]
fn shutdown_ends_the_daemon_and_not_its_jobs() {
    let mut home = Home::running(&[]);
    let gate = home.path().join("gate");
    let hold = probe_command(&["hold", gate.to_str().unwrap()]).replace("exec ", "");
    drop(home.submit(&JobFile::new(&format!("{hold}; exit 8")).name("long")));
    let started = home.started("long");
    drop(home.run(&["shutdown"]).ok());
    assert!(home.wait_for_daemon().success());
    assert!(is_alive(started.main.pid));
    drop(
        home.run(&["status"])
            .code(125)
            .says(&["no daemon is running"]),
    );
    drop(
        home.run(&["shutdown"])
            .code(125)
            .says(&["no daemon is running"]),
    );
    fs::write(&gate, "").unwrap();
    drop(home.exit("long"));
    home.start(&[]);
    assert_eq!(home.wait("long")["exit_code"], 8);
}

#[test]
fn one_slot_is_given_by_priority_and_then_in_the_order_of_submission() {
    let home = Home::running(&["--slots", "1"]);
    let witness = Witness::in_folder(home.path());
    let gate = home.path().join("gate");
    let first = JobFile::probe(&["hold", gate.to_str().unwrap()]).name("first");
    drop(home.submit(&first));
    home.wait_for_status("first", "Running");
    let marked = |mark: &str, priority: &str| {
        JobFile::new(&witness.command(mark))
            .name(mark)
            .priority(priority)
    };
    drop(submit_all(
        &home,
        &[
            marked("low0", "low"),
            marked("medium0", "medium"),
            marked("high0", "high"),
            JobFile::new(&witness.command("medium1")).name("medium1"),
            marked("low1", "low"),
            marked("high1", "high"),
        ],
    ));
    fs::write(&gate, "").unwrap();
    drop(home.run(&["wait", "--all"]).ok());
    assert_eq!(
        witness.marks(),
        ["high0", "high1", "medium0", "medium1", "low0", "low1"]
    );
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

#[test]
fn completions_and_man_pages_come_from_the_same_definition() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(&["completions", shell]).ok().stdout;
        for verb in ["submit", "cancel", "archive"] {
            assert!(script.contains(verb), "{shell} does not know {verb}");
        }
    }
    let pages = home.path().join("man");
    fs::create_dir(&pages).unwrap();
    drop(home.run(&["man", pages.to_str().unwrap()]).ok());
    let page = fs::read_to_string(pages.join("jobctl.1")).unwrap();
    assert!(page.contains("125"), "{page}");
    assert!(pages.join("jobctl-run.1").is_file());
}
