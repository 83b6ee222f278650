//! A job's prepare and finalize steps, with a stage that does what the test says: what the daemon
//! makes of its order and its report, and what it makes of a stage or a daemon that dies.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::path::PathBuf;

use jobd_tests::harness::process::signal;
use jobd_tests::harness::{DEADLINE, JobFile, Staged, Witness, record, wait_until};
use nix::sys::signal::Signal;
use proto::record::Exit;
use proto::record::file::Entry;
use serde_json::{Value, json};

/// What makes a job have both stages.
const BOTH: &str = "inputs: {data: {path: 's3://b/k'}}\noutputs: {out: {path: 's3://b/o'}}";

fn job_of(name: &str, command: &str) -> JobFile {
    JobFile::new(command).name(name)
}

fn statuses(job: &Value) -> Vec<&str> {
    let history = job["history"].as_array().unwrap().iter();
    history.map(|one| one["status"].as_str().unwrap()).collect()
}

fn file_of(url: &Value) -> PathBuf {
    PathBuf::from(url.as_str().unwrap().strip_prefix("file://").unwrap())
}

/// A stage that prepares and finalizes everything, and the folder where the output is written.
fn rich() -> (Staged, PathBuf) {
    let staged = Staged::running();
    let made = staged.home.path().join("made");
    fs::create_dir(&made).unwrap();
    staged.reports(
        "prepare",
        &json!({
            "stage": "prepared",
            "code": {"digest": "sha256:c", "files": 1, "bytes": 2,
                     "properties": {"azureml.git.branch": "main", "mine": "theirs"}},
            "inputs": {"data": {"text": "/cache/k", "source": "s3://b/k", "digest": "sha256:d"}},
            "outputs": {"out": made},
            "environment": {"name": "e", "backend": "venv", "path": ["/env/bin"],
                            "variables": {"VIRTUAL_ENV": "/env", "OURS": "environment"}},
            "notes": ["a note of the preparation"],
        }),
    );
    let at = json!({"path": "s3://b/o", "digest": "sha256:o", "bytes": 5, "files": 1});
    let finalized = json!({"stage": "finalized", "outputs": {"out": at}, "notes": ["another"]});
    staged.reports("finalize", &finalized);
    (staged, made)
}

#[test]
fn a_command_finds_what_was_prepared() {
    let (staged, made) = rich();
    let home = &staged.home;
    let command = "echo ${{inputs.data}} $AZURE_ML_INPUT_data $AZURE_ML_OUTPUT_out; \
                   echo $VIRTUAL_ENV $OURS; echo \"${PATH%%:*}\"; echo kept > ${{outputs.out}}/file";
    let job = job_of("found", command).with(BOTH);
    drop(home.submit(&job.with("environment_variables: {OURS: job}")));
    drop(home.wait("found"));
    let log = String::from_utf8(home.log("found")).unwrap();
    let path = made.to_str().unwrap();
    let expected = format!("/cache/k /cache/k {path}\n/env job\n/env/bin\n");
    assert_eq!(log, expected);
    assert!(made.join("file").exists());
    let order = staged.order("prepare");
    let input = &order["work"]["inputs"]["data"]["input"];
    assert_eq!(input["path"], "s3://b/k");
    let order = staged.order("finalize");
    assert_eq!(order["work"]["outputs"]["out"]["path"], path);
    // What it made in a place of its own is not to be looked for elsewhere.
    assert!(!home.job_folder("found").join("named-outputs").exists());
}

#[test]
fn what_was_prepared_and_finalized_is_shown() {
    let (staged, _) = rich();
    let home = &staged.home;
    let job = job_of("shown", "true").with(BOTH);
    drop(home.submit(&job.with("properties: {mine: mine}")));
    let job = home.wait("shown");
    let begun = ["NotStarted", "Starting", "Preparing", "Queued"];
    let ended = ["Running", "Finalizing", "Completed"];
    assert_eq!(statuses(&job), [&begun[..], &ended[..]].concat());
    assert_eq!(job["outcome"], json!({"kind": "exited", "code": 0}));
    let properties = json!({"mine": "mine", "azureml.git.branch": "main"});
    assert_eq!(job["properties"], properties);
    assert_eq!(job["outputs"]["out"]["uri"], "s3://b/o");
    let provenance = &job["provenance"];
    let input = &provenance["prepared"]["inputs"]["data"];
    assert_eq!(input["digest"], "sha256:d");
    let output = &provenance["finalized"]["outputs"]["out"];
    assert_eq!(output["digest"], "sha256:o");
    let notes = job["notes"].as_array().unwrap();
    let reported = [json!("a note of the preparation"), json!("another")];
    assert!(notes.ends_with(&reported), "{notes:?}");
    for half in ["prepare", "finalize"] {
        let log = file_of(&job["log_files"][format!("system_logs/{half}.log")]);
        let text = fs::read_to_string(log).unwrap();
        assert_eq!(text, format!("this is {half}\n"));
    }
}

#[test]
fn a_stage_that_fails_is_one_readable_cause_and_a_rerun_works_once_it_is_gone() {
    let staged = Staged::running();
    let home = &staged.home;
    let witness = Witness::in_folder(home.path());
    staged.fails("prepare", "inputs.data", "s3://b/k: there is no such key");
    drop(home.submit(&job_of("first", &witness.echo("first")).with(BOTH)));
    let job = home.wait("first");
    assert_eq!(
        (&job["status"], &job["exit_code"]),
        (&json!("Failed"), &json!(126))
    );
    let message = job["error"]["message"].as_str().unwrap();
    let told = "could not be started: inputs.data: s3://b/k: there is no such key";
    assert!(message.contains(told), "{message}");
    assert!(job.get("provenance").is_none());

    staged.reports("prepare", &json!({"stage": "prepared"}));
    staged.fails("finalize", "outputs.out", "s3://b/o: access is denied");
    drop(home.submit(&job_of("second", &witness.echo("second")).with(BOTH)));
    let job = home.wait("second");
    assert_eq!(
        (&job["status"], &job["exit_code"]),
        (&json!("Failed"), &json!(125))
    );
    let reason = "outputs.out: s3://b/o: access is denied";
    assert_eq!(
        job["outcome"],
        json!({"kind": "finalize_failed", "reason": reason})
    );

    staged.reports("finalize", &json!({"stage": "finalized"}));
    drop(home.submit(&job_of("third", &witness.echo("third")).with(BOTH)));
    assert_eq!(home.wait("third")["status"], "Completed");
    witness.assert_once_each(["second", "third"].map(String::from));
}

#[test]
fn a_command_that_fails_is_not_finalized() {
    let staged = Staged::running();
    drop(staged.home.submit(&job_of("bad", "exit 3").with(BOTH)));
    assert_eq!(staged.home.wait("bad")["exit_code"], 3);
    assert_eq!((staged.begun("prepare"), staged.begun("finalize")), (1, 0));
}

#[test]
fn a_job_that_needs_no_stage_has_none() {
    let staged = Staged::running();
    let home = &staged.home;
    fs::write(home.path().join("data"), "").unwrap();
    let plain = "inputs: {data: {type: uri_file, path: data}, x: 1}\noutputs: {out: }";
    drop(home.submit(&job_of("plain", "true").with(plain)));
    let job = home.wait("plain");
    assert_eq!(
        statuses(&job),
        [
            "NotStarted",
            "Starting",
            "Queued",
            "Running",
            "Finalizing",
            "Completed"
        ]
    );
    assert_eq!((staged.begun("prepare"), staged.begun("finalize")), (0, 0));
    // What it read is not known for good, which is said.
    let data = home.path().join("data");
    assert_eq!(job["provenance"], json!({"in_place": {"data": data}}));
    let sheet = home.run(&["show", "plain"]).ok().stdout;
    let line = format!("data: {}, in place, not hashed", data.display());
    assert!(sheet.contains(&line), "{sheet}");
}

#[test]
fn a_killed_stage_or_a_report_that_is_none_is_told() {
    let staged = Staged::running();
    let home = &staged.home;
    for (half, outcome) in [("prepare", "start_failed"), ("finalize", "finalize_failed")] {
        staged.holds(half);
        let name = format!("killed-{half}");
        drop(home.submit(&job_of(&name, "true").with(BOTH)));
        let started = staged.started(&format!("{name}.{half}.1"));
        staged.wait_for_begin(half, 1);
        signal(started.main.pid, Signal::SIGKILL);
        let job = home.wait(&name);
        assert_eq!(job["status"], "Failed");
        assert_eq!(job["outcome"]["kind"], outcome);
        let told = format!("its {half} step was ended by signal 9");
        assert_eq!(job["outcome"]["reason"], told);
        fs::remove_file(staged.file(half, "hold")).unwrap();
    }
    fs::write(staged.file("prepare", "report"), "no report").unwrap();
    drop(home.submit(&job_of("garbled", "true").with(BOTH)));
    let job = home.wait("garbled");
    let reason = job["outcome"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("report: "), "{reason}");
}

#[test]
fn a_daemon_that_is_killed_adopts_the_stages_under_way() {
    let mut staged = Staged::running();
    let witness = Witness::in_folder(staged.home.path());
    for half in ["prepare", "finalize"] {
        staged.holds(half);
    }
    let job = job_of("kept", &witness.echo("kept")).with(BOTH);
    drop(staged.home.submit(&job));
    for (half, status) in [("prepare", "Preparing"), ("finalize", "Finalizing")] {
        staged.wait_for_begin(half, 1);
        staged.home.wait_for_status("kept", status);
        staged.home.kill();
        staged.home.start(&[]);
        assert_eq!(staged.home.status("kept"), status);
        staged.lets_go(half);
    }
    assert_eq!(staged.home.wait("kept")["status"], "Completed");
    assert_eq!((staged.begun("prepare"), staged.begun("finalize")), (1, 1));
    witness.assert_once_each(["kept".into()]);
}

#[test]
fn a_stage_that_ends_while_there_is_no_daemon_has_done_its_work() {
    let mut staged = Staged::running();
    let witness = Witness::in_folder(staged.home.path());
    staged.reports(
        "prepare",
        &json!({"stage": "prepared", "inputs": {"data": {"text": "/there", "source": "s3://b/k"}}}),
    );
    staged.holds("prepare");
    let job = job_of(
        "kept",
        &format!("{}; echo ${{{{inputs.data}}}}", witness.echo("kept")),
    );
    drop(staged.home.submit(&job.with(BOTH)));
    staged.wait_for_begin("prepare", 1);
    staged.home.wait_for_status("kept", "Preparing");
    staged.home.kill();
    staged.lets_go("prepare");
    let folder = staged.home.path().join("state/steps/kept.prepare.1");
    wait_until("the end of the stage", DEADLINE, || {
        record::<Exit>(&folder, Entry::Exit).is_some()
    });
    staged.home.start(&[]);
    assert_eq!(staged.home.wait("kept")["status"], "Completed");
    assert_eq!(staged.home.log("kept"), b"/there\n");
    assert_eq!(staged.begun("prepare"), 1);
    witness.assert_once_each(["kept".into()]);
}

#[test]
fn a_stage_whose_supervisor_dies_is_begun_again_and_the_command_is_not() {
    let staged = Staged::running();
    let home = &staged.home;
    let witness = Witness::in_folder(home.path());
    for half in ["prepare", "finalize"] {
        staged.holds(half);
    }
    drop(home.submit(&job_of("again", &witness.echo("again")).with(BOTH)));
    for half in ["prepare", "finalize"] {
        let started = staged.started(&format!("again.{half}.1"));
        staged.wait_for_begin(half, 1);
        signal(started.shim.pid, Signal::SIGKILL);
        staged.wait_for_begin(half, 2);
        staged.lets_go(half);
    }
    assert_eq!(home.wait("again")["status"], "Completed");
    witness.assert_once_each(["again".into()]);
}

#[test]
fn a_job_can_be_canceled_in_both_stages_and_waiting_for_one() {
    let staged = Staged::running();
    let home = &staged.home;
    let witness = Witness::in_folder(home.path());
    for (half, status) in [("prepare", "Preparing"), ("finalize", "Finalizing")] {
        staged.holds(half);
        let name = format!("in-{half}");
        drop(home.submit(&job_of(&name, &witness.echo(&name)).with(BOTH)));
        staged.wait_for_begin(half, 1);
        home.wait_for_status(&name, status);
        drop(home.run(&["cancel", &name]).ok());
        let job = home.wait(&name);
        assert_eq!(job["status"], "Canceled", "{job:#}");
        fs::remove_file(staged.file(half, "hold")).unwrap();
    }
    witness.assert_once_each(["in-finalize".into()]);
    // The queue goes on.
    drop(home.submit(&job_of("after", "true").with(BOTH)));
    assert_eq!(home.wait("after")["status"], "Completed");
}

#[test]
fn outputs_become_assets_and_assets_are_inputs() {
    let staged = Staged::running();
    let home = &staged.home;
    let at = json!({"path": "/models/iris", "digest": "sha256:m", "bytes": 5, "files": 1});
    staged.reports(
        "finalize",
        &json!({"stage": "finalized", "outputs": {"model": at}}),
    );
    let named =
        |more: &str| format!("outputs: {{model: {{type: custom_model, name: iris{more}}}}}");
    for name in ["one", "two"] {
        drop(home.submit(&job_of(name, "true").with(&named(""))));
        assert_eq!(home.wait(name)["status"], "Completed");
    }
    let taken = job_of("three", "true").with(&named(", version: 2"));
    drop(home.submit(&taken));
    let job = home.wait("three");
    let reason = "outputs.model: version 2 of iris is registered already";
    assert_eq!(
        job["outcome"],
        json!({"kind": "finalize_failed", "reason": reason})
    );

    let resolved = |input: &str| {
        let inputs = format!("inputs: {{m: {{type: custom_model, path: '{input}'}}}}");
        let name = home.submit(&JobFile::new("true").with(&inputs));
        drop(home.wait(&name));
        staged.order("prepare")["work"]["inputs"]["m"]["resolved"].clone()
    };
    let asset = |version: &str| {
        let asset = json!({"name": "iris", "version": version, "type": "custom_model",
                           "path": "/models/iris"});
        json!({ "Ok": asset })
    };
    assert_eq!(resolved("azureml:iris:1"), asset("1"));
    assert_eq!(resolved("azureml:iris@latest"), asset("2"));
    let missing = json!({"Err": "no asset iris of version 9 is registered"});
    assert_eq!(resolved("azureml:iris:9"), missing);
    let of_job = resolved("azureml://jobs/one/outputs/model/paths/weights");
    assert_eq!(of_job["Ok"]["path"], "/models/iris/weights");
    let folder = home.job_folder("two");
    let artifacts = resolved("azureml://jobs/two/outputs/artifacts");
    assert_eq!(artifacts["Ok"]["path"], folder.to_str().unwrap());
    let missing = json!({"Err": "there is no job nobody"});
    assert_eq!(resolved("azureml://jobs/nobody/outputs/model"), missing);
}

#[test]
fn what_is_mounted_read_only_cannot_be_written() {
    let staged = Staged::running();
    let home = &staged.home;
    let (source, target) = (home.path().join("source"), home.path().join("target"));
    for folder in [&source, &target] {
        fs::create_dir(folder).unwrap();
    }
    fs::write(source.join("file"), "content\n").unwrap();
    let mounted = json!({"text": target, "source": "s3://b/k",
                         "mount": {"source": source, "target": target}});
    staged.reports(
        "prepare",
        &json!({"stage": "prepared", "inputs": {"data": mounted}}),
    );
    let command = "cat ${{inputs.data}}/file; touch ${{inputs.data}}/new && echo written";
    drop(home.submit(&job_of("reads", command).with("inputs: {data: {path: 's3://b/k'}}")));
    let job = home.wait("reads");
    if job["outcome"]["kind"] == "start_failed" {
        let reason = job["outcome"]["reason"].as_str().unwrap();
        assert!(reason.starts_with("inputs.data: "), "{reason}");
        println!("SKIP: there can be no mounts here: {reason}");
        return;
    }
    let log = String::from_utf8(home.log("reads")).unwrap();
    assert!(
        log.starts_with("content\n") && !log.contains("written"),
        "{log}"
    );
    assert!(log.contains("Read-only file system"), "{log}");
    assert_eq!(fs::read_dir(source).unwrap().count(), 1);
    assert_eq!(fs::read_dir(target).unwrap().count(), 0);
}

#[test]
fn an_environment_of_the_registry_is_looked_up_by_the_stage_and_not_by_the_daemon() {
    let mut staged = Staged::new();
    let registry = staged.home.path().join("registry");
    fs::create_dir(&registry).unwrap();
    fs::write(registry.join("mine.yml"), "image: nowhere.invalid/x:1\n").unwrap();
    let settings = format!("environments: {}\n", registry.display());
    fs::write(staged.home.path().join("jobd.yaml"), settings).unwrap();
    staged.home.start(&[]);
    let home = &staged.home;
    drop(home.run(&["pause"]).ok());
    let job = "name: waits\ncommand: 'true'\nenvironment: azureml:mine:1\n";
    drop(home.submit(&JobFile::of(job)));
    fs::remove_dir_all(&registry).unwrap();
    drop(home.run(&["resume"]).ok());
    assert_eq!(home.wait("waits")["status"], "Completed");
    let order = &staged.order("prepare")["work"];
    assert_eq!(order["environment"], "azureml:mine:1");
}

#[test]
fn a_recovery_finds_the_reports() {
    let mut staged = Staged::running();
    let input = json!({"data": {"text": "/there", "source": "s3://b/k"}});
    staged.reports("prepare", &json!({"stage": "prepared", "inputs": input}));
    staged.holds("finalize");
    drop(staged.home.submit(&job_of("ran", "true").with(BOTH)));
    staged.wait_for_begin("finalize", 1);
    staged.home.kill();
    for name in ["jobd.db", "jobd.db-wal", "jobd.db-shm"] {
        drop(fs::remove_file(staged.home.path().join("state").join(name)));
    }
    drop(staged.home.jobd_json(&["recover", "-o", "json"]));
    staged.home.start(&[]);
    staged.lets_go("finalize");
    let job = staged.home.wait("ran");
    assert_eq!(job["status"], "Completed", "{job:#}");
    assert_eq!(job["provenance"]["prepared"]["inputs"], input);
}
