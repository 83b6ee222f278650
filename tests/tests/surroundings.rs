//! What a job finds around it: its folder, its variables, its code and its inputs.

use std::fs;

use jobd_tests::harness::{Home, JobFile};
use proto::api::{Submission, Submit};
use proto::record::Ended;
use serde_json::{Value, json};

fn last(home: &Home) -> Value {
    home.show("@last")
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
    let model = home.output("@last", "model");
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
    let ran = home
        .run_job(&JobFile::new("pwd; ls; touch left-behind"))
        .ok();
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

    let ran = home
        .run_job(&JobFile::new("sh main.sh").with("code: ./my code"))
        .ok();
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
    assert_eq!(home.run_job(&single).ok().stdout, "deep\n");
}

#[test]
fn missing_code_is_named() {
    let home = Home::running(&[]);
    let ran = home.run_job(&JobFile::new("true").with("code: ./nowhere"));
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
    let ran = home.run_job(&job).ok();
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
        let ran = home.run_job(&job).code(125);
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
    let ran = home.run_job(&JobFile::probe(&["read-stdin"])).ok();
    assert_eq!(ran.stdout, "0\n");
    assert_eq!(
        home.run_job(&JobFile::probe(&["fds"])).ok().stdout,
        "0\n1\n2\n"
    );
}

#[test]
fn a_path_is_one_word_whatever_its_characters() {
    let home = Home::running(&[]);
    let folder = home.path().join("my data");
    fs::create_dir(&folder).unwrap();
    let names = ["a b.csv", "c;echo no.csv", "it's $HOME.csv"];
    for name in names {
        fs::write(folder.join(name), name).unwrap();
        let command = "cat ${{inputs.d}} \"${{inputs.d}}\"; cp ${{inputs.d}} ${{outputs.o}}/x";
        let job = JobFile::new(command).with(&format!(
            "inputs: {{d: {{type: uri_file, path: {}}}}}\noutputs: {{o: }}",
            json!(format!("my data/{name}"))
        ));
        assert_eq!(home.run_job(&job).ok().stdout, [name, name].concat());
        let copied = fs::read_to_string(home.output("@last", "o").join("x"));
        assert_eq!(copied.unwrap(), name);
    }
}
