//! `jobctl run`: a job file runs unchanged, its log is seen live, and its end is the client's.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jobd_tests::harness::{Home, JobFile, Ran, basics, probe_command};
use serde_json::{Value, json};

fn last(home: &Home) -> Value {
    home.show("@last")
}

fn shipped(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("jobs")
        .join(file)
}

fn run_file(home: &Home, file: &Path) -> Ran {
    let ran = home.run(&["run", file.to_str().unwrap()]).ok();
    assert_eq!(last(home)["status"], "Completed", "{}", file.display());
    ran
}

#[test]
fn the_log_is_seen_while_the_job_runs_and_the_exit_code_is_the_jobs() {
    let home = Home::running(&[]);
    let gate = home.path().join("gate");
    let command = format!(
        "echo first; {} ; echo second >&2; exit 7",
        probe_command(&["hold", gate.to_str().unwrap()]).replace("exec ", "")
    );
    let running = home
        .jobctl(&["run", "-"])
        .stdin(JobFile::new(&command).text())
        .spawn();
    running.wait_for_output("first\n");
    assert!(!running.stdout().contains("second"));
    home.wait_for_status("@last", "Running");

    fs::write(&gate, "").unwrap();
    let ran = running
        .wait()
        .code(7)
        .says(&["Failed", "exited with code 7"]);
    // Both streams of the job are one log, and what jobctl says itself is not in it.
    assert_eq!(ran.stdout, "first\nsecond\n");
    let job = last(&home);
    assert_eq!(job["status"], "Failed");
    assert_eq!(job["outcome"], json!({"kind": "exited", "code": 7}));
    assert_eq!(job["error"]["code"], "UserError");
}

#[test]
fn every_exit_code_comes_back_as_it_was() {
    let home = Home::running(&[]);
    for code in [0, 1, 2, 123, 124, 125, 200, 255] {
        let ran = home
            .run_job(&JobFile::probe(&["exit", &code.to_string()]))
            .code(code);
        assert_eq!(ran.stdout, "");
        assert_eq!(last(&home)["exit_code"], code);
    }
}

#[test]
fn a_signal_is_128_and_its_number() {
    let home = Home::running(&[]);
    for (number, name) in [(9, "KILL"), (11, "SEGV"), (15, "TERM")] {
        let ran = home.run_job(&JobFile::probe(&["signal", &number.to_string()]));
        drop(ran.code(128 + number).says(&[&format!("signal {number}")]));
        let job = last(&home);
        assert_eq!(
            job["outcome"],
            json!({"kind": "signaled", "signal": number}),
            "{name}"
        );
        assert_eq!(job["status"], "Failed");
    }
}

#[test]
fn the_time_limit_is_124_and_says_so() {
    let home = Home::running(&["--grace-seconds", "3"]);
    let deaf = JobFile::probe(&["ignore-term"]).timeout(1);
    drop(
        home.run_job(&deaf)
            .code(124)
            .says(&["time limit of 1 s", "killed"]),
    );
    let polite = JobFile::probe(&["sleep-ms", "300000"]).timeout(1);
    drop(home.run_job(&polite).code(124).says(&["time limit of 1 s"]));

    let job = last(&home);
    assert_eq!(job["status"], "Canceled");
    assert_eq!(
        job["outcome"],
        json!({"kind": "timed_out", "limit_secs": 1, "killed": false})
    );
    assert_eq!(job["error"]["target"], "TimedOut");
    assert!(job["duration_ms"].as_u64().unwrap() >= 1000, "{job}");
}

#[test]
fn errors_of_our_own_are_125() {
    let home = Home::new();
    drop(
        home.run(&["run", "missing.yml"])
            .code(125)
            .says(&["missing.yml: no such file"]),
    );
    let ran = home
        .jobctl(&["run", "-"])
        .stdin(JobFile::new("true").text())
        .run();
    drop(
        ran.code(125)
            .says(&["no daemon", home.socket().to_str().unwrap()]),
    );
    drop(home.run(&["run"]).code(125).says(&["Usage"]));
    drop(home.run(&["walk"]).code(125).says(&["walk"]));
}

/// What a job's environment is, but for the shell's own `_` and what names the job.
fn environment(home: &Home, command: &str) -> Vec<String> {
    let job = JobFile::new(command).with("environment_variables: {A: b c}");
    let ran = home.run_job(&job).ok();
    let name = last(home)["name"].as_str().unwrap().to_owned();
    let mut lines: Vec<_> = ran
        .stdout
        .lines()
        .filter(|line| !line.starts_with("_="))
        .map(|line| line.replace(&name, "NAME"))
        .collect();
    lines.sort();
    assert!(lines.contains(&"A=b c".to_owned()), "{lines:?}");
    lines
}

#[test]
fn plain_words_run_without_a_shell_and_nobody_can_tell() {
    let home = Home::running(&[]);
    assert_eq!(environment(&home, "env"), environment(&home, "'env'"));
    // A script without a first line that names its shell is run by the shell, as ever.
    let code = home.path().join("code");
    fs::create_dir(&code).unwrap();
    let script = code.join("script");
    fs::write(&script, "echo \"script $1\"\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let job = JobFile::new("./script works").with(&format!("code: {}", code.display()));
    assert_eq!(home.run_job(&job).ok().stdout, "script works\n");
    // What a shell does first it still does.
    let first = home.path().join("first");
    fs::write(&first, "echo first\n").unwrap();
    let asked = format!("environment_variables: {{BASH_ENV: {}}}", first.display());
    let job = JobFile::new("uname").with(&asked);
    assert!(home.run_job(&job).ok().stdout.starts_with("first\n"));
}

#[test]
fn what_cannot_be_started_is_126_or_127_as_in_a_shell() {
    let home = Home::running(&[]);
    let ran = home
        .run_job(&JobFile::new("no-such-program --help"))
        .code(127);
    assert!(ran.stdout.contains("no-such-program"), "{ran:?}");

    let script = home.path().join("script");
    fs::write(&script, "echo never\n").unwrap();
    let ran = home
        .run_job(&JobFile::new(script.to_str().unwrap()))
        .code(126);
    assert!(ran.stdout.contains("ermission denied"), "{ran:?}");
    assert_eq!(last(&home)["status"], "Failed");
}

/// A home whose jobs run with the machine's own programs, whatever they ask for: nothing is pulled
/// or built.
fn on_this_machine() -> Home {
    let mut home = Home::new();
    fs::write(home.path().join("jobd.yaml"), "environment_policy: host\n").unwrap();
    home.start(&[]);
    home
}

#[test]
fn the_corpus_runs_unchanged() {
    let home = on_this_machine();
    let Some(basics) = basics() else { return };
    let ran = run_file(&home, &basics.join("hello-world-input.yml"));
    assert_eq!(ran.stdout, "hello world\n42\n");

    let ran = run_file(&home, &basics.join("hello-world-org.yml"));
    assert_eq!(ran.stdout, "hello world\n");
    let job = last(&home);
    assert_eq!(job["display_name"], "hello-world-example");
    assert_eq!(job["experiment_name"], "hello-world-example");
    assert_eq!(job["tags"], json!({"hello": "world"}));

    drop(run_file(&home, &basics.join("hello-world-output.yml")));
    let folder = PathBuf::from(last(&home)["job_path"].as_str().unwrap());
    let written = fs::read_to_string(folder.join("outputs/helloworld.txt")).unwrap();
    assert_eq!(written, "hello world\n");

    drop(run_file(&home, &basics.join("hello-world-output-data.yml")));
    let output = home.output("@last", "hello_output");
    let written = fs::read_to_string(output.join("helloworld.txt")).unwrap();
    assert_eq!(written, "hello world\n");
}

#[test]
fn the_shipped_examples_run() {
    let home = on_this_machine();
    assert_eq!(
        run_file(&home, &shipped("hello-world.yml")).stdout,
        "hello world\n"
    );
    let ran = run_file(&home, &shipped("hello-world-env-var.yml"));
    assert_eq!(ran.stdout, "hello from a variable\n");
    assert_eq!(
        run_file(&home, &shipped("input.yml")).stdout,
        "good day\n42\n"
    );

    drop(run_file(&home, &shipped("output.yml")));
    let job = last(&home);
    let folder = PathBuf::from(job["job_path"].as_str().unwrap());
    assert_eq!(
        fs::read_to_string(folder.join("outputs/file.txt")).unwrap(),
        "default\n"
    );
    let named = home.output("@last", "result").join("file.txt");
    assert_eq!(fs::read_to_string(named).unwrap(), "named\n");
}
