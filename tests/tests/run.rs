//! `jobctl run`: a job file runs unchanged, its log is seen live, and its end is the client's.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jobd_tests::harness::{Home, JobFile, Jobctl, Ran, basics, probe_command};
use proto::api::{Submission, Submit};
use proto::record::Ended;
use serde_json::{Value, json};

/// Runs a job to its end.
fn run(home: &Home, job: &JobFile) -> Ran {
    home.jobctl(&["run", "-"]).stdin(job.text()).run()
}

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
        let ran = run(&home, &JobFile::probe(&["exit", &code.to_string()])).code(code);
        assert_eq!(ran.stdout, "");
        assert_eq!(last(&home)["exit_code"], code);
    }
}

#[test]
fn a_signal_is_128_and_its_number() {
    let home = Home::running(&[]);
    for (number, name) in [(9, "KILL"), (11, "SEGV"), (15, "TERM")] {
        let ran = run(&home, &JobFile::probe(&["signal", &number.to_string()]));
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
        run(&home, &deaf)
            .code(124)
            .says(&["time limit of 1 s", "killed"]),
    );
    let polite = JobFile::probe(&["sleep-ms", "300000"]).timeout(1);
    drop(run(&home, &polite).code(124).says(&["time limit of 1 s"]));

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
    let ran = run(home, &job).ok();
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
    assert_eq!(run(&home, &job).ok().stdout, "script works\n");
    // What a shell does first it still does.
    let first = home.path().join("first");
    fs::write(&first, "echo first\n").unwrap();
    let asked = format!("environment_variables: {{BASH_ENV: {}}}", first.display());
    let job = JobFile::new("uname").with(&asked);
    assert!(run(&home, &job).ok().stdout.starts_with("first\n"));
}

#[test]
fn what_cannot_be_started_is_126_or_127_as_in_a_shell() {
    let home = Home::running(&[]);
    let ran = run(&home, &JobFile::new("no-such-program --help")).code(127);
    assert!(ran.stdout.contains("no-such-program"), "{ran:?}");

    let script = home.path().join("script");
    fs::write(&script, "echo never\n").unwrap();
    let ran = run(&home, &JobFile::new(script.to_str().unwrap())).code(126);
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
    let output = output_folder(&last(&home), "hello_output");
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
    let named = output_folder(&job, "result").join("file.txt");
    assert_eq!(fs::read_to_string(named).unwrap(), "named\n");
}

/// Where an output is, as `show` says.
fn output_folder(job: &Value, output: &str) -> PathBuf {
    let uri = job["outputs"][output]["uri"].as_str().unwrap();
    PathBuf::from(uri.strip_prefix("file://").unwrap())
}

#[test]
fn the_environment_is_azure_mls_and_nothing_leaks_into_it() {
    let home = Home::new();
    fs::write(home.path().join("data.csv"), "1,2\n").unwrap();
    let job = JobFile::probe(&["env"]).with(
        "name: env_job
experiment_name: trials
environment_variables: {MINE: 'a b=c', NOTHING: null, AZUREML_CR_NODE_RANK: 7}
inputs:
  rate: 0.1
  flag: yes
  table: {type: uri_file, path: ./data.csv}
outputs: {model: {}}",
    );
    // The daemon is started by this client and so has this variable itself.
    let ran = home
        .jobctl(&["run", "-"])
        .may_start()
        .env("SECRET_OF_THE_DAEMON", "x")
        .stdin(job.text())
        .run()
        .ok();
    let folder = home.job_folder("env_job");
    let (folder, table) = (folder.to_str().unwrap(), home.path().join("data.csv"));
    let model = output_folder(&last(&home), "model");
    let expected = [
        ("AZUREML_RUN_ID", "env_job"),
        ("AZUREML_ROOT_RUN_ID", "env_job"),
        ("AZUREML_EXPERIMENT_NAME", "trials"),
        ("AZUREML_ARM_PROJECT_NAME", "trials"),
        ("MLFLOW_EXPERIMENT_NAME", "trials"),
        ("AZUREML_CR_EXECUTION_WORKING_DIR_PATH", folder),
        ("AZUREML_COMPUTE_USE_COMMON_RUNTIME", "true"),
        ("AZUREML_NODE_COUNT", "1"),
        ("AZUREML_PROCESS_NAME", "rank_0"),
        ("AZUREML_PARAMETER_rate", "0.1"),
        ("AZUREML_PARAMETER_flag", "True"),
        ("AZURE_ML_INPUT_table", table.to_str().unwrap()),
        ("AZUREML_DATAREFERENCE_table", table.to_str().unwrap()),
        ("AZURE_ML_OUTPUT_model", model.to_str().unwrap()),
        ("MINE", "a b=c"),
        ("NOTHING", ""),
        // What the user sets wins.
        ("AZUREML_CR_NODE_RANK", "7"),
    ];
    let lines = ran.lines();
    for (name, value) in expected {
        let found: Vec<_> = lines
            .iter()
            .filter(|line| line.starts_with(&format!("{name}=")))
            .collect();
        assert_eq!(found, [&format!("{name}={value}").as_str()], "{ran:#?}");
    }
    for leak in [
        "SECRET_OF_THE_DAEMON",
        "JOBD_HOME",
        "NOTIFY_SOCKET",
        "JOBD_NO_START",
    ] {
        assert!(!ran.stdout.contains(leak), "{leak} in {ran:#?}");
    }
}

#[test]
fn the_job_works_in_its_own_folder_with_the_folders_of_azure_ml() {
    let home = Home::running(&[]);
    let ran = run(&home, &JobFile::new("pwd; ls; touch left-behind")).ok();
    let job = last(&home);
    let folder = home.job_folder(job["name"].as_str().unwrap());
    assert_eq!(
        ran.lines(),
        [folder.to_str().unwrap(), "logs", "outputs", "user_logs"]
    );
    assert_eq!(job["job_path"], folder.to_str().unwrap());
    assert!(folder.join("left-behind").is_file());
    let log = fs::read_to_string(folder.join("user_logs/std_log.txt")).unwrap();
    assert_eq!(log, ran.stdout);
}

#[test]
fn code_is_copied_and_the_original_stays_untouched() {
    let home = Home::running(&[]);
    let code = home.path().join("my code");
    fs::create_dir_all(code.join("deep")).unwrap();
    fs::write(
        code.join("main.sh"),
        "cat deep/data .hidden; echo changed > main.sh\n",
    )
    .unwrap();
    fs::write(code.join("deep/data"), "deep\n").unwrap();
    fs::write(code.join(".hidden"), "hidden\n").unwrap();

    let ran = run(&home, &JobFile::new("sh main.sh").with("code: ./my code")).ok();
    assert_eq!(ran.stdout, "deep\nhidden\n");
    let job = last(&home);
    let statuses: Vec<_> = job["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["status"])
        .collect();
    assert!(statuses.contains(&&json!("Preparing")), "{statuses:?}");
    let copy = home
        .job_folder(job["name"].as_str().unwrap())
        .join("main.sh");
    assert_eq!(fs::read_to_string(copy).unwrap(), "changed\n");
    assert!(
        fs::read_to_string(code.join("main.sh"))
            .unwrap()
            .starts_with("cat")
    );

    let single = JobFile::new("cat data").with("code: ./my code/deep/data");
    assert_eq!(run(&home, &single).ok().stdout, "deep\n");
}

#[test]
fn missing_code_is_named() {
    let home = Home::running(&[]);
    let ran = run(&home, &JobFile::new("true").with("code: ./nowhere"));
    assert!(ran.code != 0, "{ran:?}");
    drop(ran.says(&["code", "nowhere"]));
    assert!(home.step_folders("").is_empty());
}

#[test]
fn local_inputs_are_used_where_they_are() {
    let home = Home::running(&[]);
    let folder = home.path().join("in put");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a.txt"), "one\n").unwrap();
    let job = JobFile::new("cat \"${{inputs.file}}\" \"${{inputs.folder}}/a.txt\"; echo \"${{inputs.folder}}\"")
        .with("inputs:\n  file: {type: uri_file, path: ./in put/a.txt}\n  folder: {type: uri_folder, path: in put}");
    let ran = run(&home, &job).ok();
    assert_eq!(ran.lines(), ["one", "one", folder.to_str().unwrap()]);
}

/// A missing input and one of the wrong kind, with the words that tell it.
const ABSENT: [(&str, &str); 2] = [
    ("{type: uri_file, path: ./nowhere.csv}", "nowhere.csv"),
    ("{type: uri_folder, path: ./file}", "file"),
];

#[test]
fn an_input_that_is_not_there_is_refused_with_its_place() {
    let home = Home::running(&[]);
    fs::write(home.path().join("file"), "").unwrap();
    for (input, part) in ABSENT {
        let job = JobFile::new("exit 0").with(&format!("inputs:\n  table: {input}"));
        let ran = run(&home, &job).code(125);
        drop(ran.says(&["<stdin>:4:", "inputs.table.path", part]));
    }
    assert_eq!(home.run(&["list", "-o", "json"]).ok().stdout.trim(), "[]");
}

#[test]
fn an_input_that_is_gone_when_the_job_starts_is_named_before_anything_runs() {
    let home = Home::running(&[]);
    fs::write(home.path().join("file"), "").unwrap();
    for (input, part) in ABSENT {
        let job = JobFile::new("touch ran; exit 0").with(&format!("inputs:\n  table: {input}"));
        // Straight to the daemon, which opens no path of the user's and so cannot look.
        let submission = Submission {
            yaml: job.text().to_owned(),
            file: None,
            base_path: home.path().to_path_buf(),
            experiment_name: None,
            overrides: None,
        };
        let jobs = vec![submission];
        let name = home.connect().call(&Submit { jobs }).unwrap().jobs[0]
            .name
            .clone();
        let job = home.wait(&name);
        assert_eq!(job["status"], "Failed");
        assert_eq!(job["outcome"]["kind"], "start_failed");
        let reason = job["outcome"]["reason"].as_str().unwrap();
        assert!(
            reason.contains("inputs.table") && reason.contains(part),
            "{reason}"
        );
        assert!(!home.job_folder(&name).join("ran").exists());
        assert!(matches!(home.exit(&name).ended, Ended::StartFailed { .. }));
    }
}

#[test]
fn a_job_reads_nothing_and_inherits_nothing() {
    let home = Home::running(&[]);
    let ran = run(&home, &JobFile::probe(&["read-stdin"])).ok();
    assert_eq!(ran.stdout, "0\n");
    assert_eq!(
        run(&home, &JobFile::probe(&["fds"])).ok().stdout,
        "0\n1\n2\n"
    );
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
    drop(run(&home, &job).ok().says(&["host", "cluster"]));
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
    assert!(output_folder(&job, "o").is_dir());
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

#[test]
fn a_daemon_is_started_when_there_is_none_and_it_is_said_once() {
    let home = Home::new();
    let job = JobFile::new("echo hello");
    let first = home
        .jobctl(&["run", "-"])
        .may_start()
        .stdin(job.text())
        .run()
        .ok();
    let first = first.says(&["started jobd (pid ", home.path().to_str().unwrap()]);
    assert_eq!(first.stdout, "hello\n");
    assert_eq!(first.stderr.matches("started jobd").count(), 1);

    let second = home
        .jobctl(&["run", "-"])
        .may_start()
        .stdin(job.text())
        .run()
        .ok();
    assert!(!second.stderr.contains("started"), "{second:?}");
    let pid = home.run(&["status", "--query", "pid", "-o", "tsv"]).ok();
    assert_eq!(pid.stdout.trim(), home.daemon_pid().to_string());
}

#[test]
fn a_daemon_that_cannot_start_says_why_through_the_client() {
    let home = Home::new();
    fs::write(home.path().join("jobd.yaml"), "slots: none at all\n").unwrap();
    let ran = home.jobctl(&["list"]).may_start().run().code(125);
    drop(ran.says(&["did not start", "jobd.yaml:1:8", "slots"]));
}

#[test]
fn many_clients_at_once_start_one_daemon() {
    let home = Home::new();
    let job = JobFile::new("true");
    let clients: Vec<_> = (0..6)
        .map(|_| {
            home.jobctl(&["run", "-"])
                .may_start()
                .stdin(job.text())
                .spawn()
        })
        .collect();
    for client in clients {
        drop(client.wait().ok());
    }
    let listed = home.run(&["list", "-o", "json"]).ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 6);
}

#[test]
fn xdg_folders_hold_without_jobd_home() {
    let home = Home::new();
    let run = |arguments: &[&str]| {
        Jobctl::new(home.path())
            .args(arguments)
            .env("JOBD_HOME", "")
            .env("XDG_STATE_HOME", home.path().join("s"))
            .env("XDG_RUNTIME_DIR", home.path().join("r"))
            .env("XDG_CONFIG_HOME", home.path().join("c"))
            .may_start()
            .stdin(JobFile::new("pwd").text())
            .run()
    };
    let ran = run(&["run", "-"]).ok();
    let jobs = home.path().join("s/jobd/jobs");
    assert!(ran.stdout.starts_with(jobs.to_str().unwrap()), "{ran:?}");
    assert!(home.path().join("r/jobd/jobd.sock").exists());
    drop(run(&["shutdown"]).ok());
}
