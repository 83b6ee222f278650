//! An ended job that is taken up again: its finalization once more, or all of it as a new job.

use jobd_tests::harness::{DEADLINE, JobFile, Staged, Witness, wait_until};
use serde_json::{Value, json};

fn statuses(job: &Value) -> Vec<&str> {
    let history = job["history"].as_array().unwrap().iter();
    history.map(|one| one["status"].as_str().unwrap()).collect()
}

#[test]
fn a_failed_finalization_is_completed_by_a_second_try_and_a_rerun_uses_what_was_used() {
    let mut staged = Staged::running();
    let home = &staged.home;
    let witness = Witness::in_folder(home.path());
    let input = json!({"text": "/c", "source": "s3://b/k", "digest": "sha256:d", "version": "3"});
    let code = json!({"digest": "sha256:c", "files": 1, "bytes": 2});
    let prepared = json!({"stage": "prepared", "code": code, "inputs": {"data": input}});
    staged.reports("prepare", &prepared);
    staged.fails("finalize", "outputs.out", "access is denied");
    let inputs = "inputs: {data: {path: 'azureml:iris@latest'}}";
    let outputs = "outputs: {out: {name: model, version: 1}}";
    let job = JobFile::new(&witness.echo("ran")).name("first");
    drop(home.submit(&job.with(inputs).with(outputs)));
    assert_eq!(home.wait("first")["outcome"]["kind"], "finalize_failed");
    let early = home.run(&["retry-finalize", "first"]).ok();
    assert_eq!(early.stdout, "");
    assert_eq!(
        home.wait("first")["status"],
        "Failed",
        "for the same reason"
    );

    // The next daemon does it, too; the command does not run again.
    let made = home.path().join("made");
    let output = json!({"path": made, "digest": "sha256:o", "bytes": 5, "files": 1});
    staged.reports(
        "finalize",
        &json!({"stage": "finalized", "outputs": {"out": output}}),
    );
    staged.home.kill();
    staged.home.start(&[]);
    let home = &staged.home;
    drop(home.run(&["retry-finalize", "first"]).ok());
    let job = home.wait("first");
    assert_eq!(
        (&job["status"], &job["exit_code"]),
        (&json!("Completed"), &json!(0))
    );
    let retried = [
        "Finalizing",
        "Failed",
        "Finalizing",
        "Failed",
        "Finalizing",
        "Completed",
    ];
    assert!(statuses(&job).ends_with(&retried), "{job}");
    assert_eq!(staged.begun("finalize"), 3);
    witness.assert_once_each(["ran".into()]);
    let refused = home.run(&["retry-finalize", "first"]).code(125);
    drop(refused.says(&["only a job whose finalization failed"]));
    let registered = home
        .run(&["data", "show", "model:1", "-o", "json"])
        .ok()
        .json();
    assert_eq!(registered["path"], made.to_str().unwrap());
    assert_eq!(
        (&registered["job"], &registered["output"]),
        (&json!("first"), &json!("out"))
    );

    let again = home.run(&["rerun", "first"]).ok().stdout.trim().to_owned();
    let job = home.wait(&again);
    assert_eq!(job["status"], "Completed");
    assert_eq!(job["rerun_of"], "first");
    let order = &staged.order("prepare")["work"];
    assert_eq!(order["snapshot"], "sha256:c");
    assert_eq!(order["inputs"]["data"]["digest"], "sha256:d");
    assert_eq!(order["inputs"]["data"]["input"]["path"], "azureml:iris:3");
    let versions = [
        "data",
        "list",
        "-n",
        "model",
        "--query",
        "[].version",
        "-o",
        "json",
    ];
    assert_eq!(home.run(&versions).ok().json(), json!(["2", "1"]));
    let sheet = home.run(&["show", &again]).ok().stdout;
    assert!(
        sheet.contains("Rerun of") && sheet.contains("sha256:c, 1 files"),
        "{sheet}"
    );
}

#[test]
fn what_lies_in_a_pruned_folder_is_no_longer_to_be_had_and_not_finalized_again() {
    let mut staged = Staged::running();
    let home = &staged.home;
    let made = |name: &str| {
        let path = home.job_folder(name).join("named-outputs/out");
        let output = json!({"path": path, "bytes": 5, "files": 1});
        json!({"stage": "finalized", "outputs": {"out": output}})
    };
    staged.reports("finalize", &made("maker"));
    let outputs = "outputs: {out: {name: model}}";
    drop(home.submit(&JobFile::new("true").name("maker").with(outputs)));
    assert_eq!(home.wait("maker")["status"], "Completed");
    staged.fails("finalize", "outputs.out", "access is denied");
    drop(home.submit(&JobFile::new("true").name("failed").with(outputs)));
    assert_eq!(home.wait("failed")["status"], "Failed");
    let user = "inputs: {data: {path: 'azureml:model:1'}}";
    let resolved = |staged: &Staged, name: &str| {
        drop(
            staged
                .home
                .submit(&JobFile::new("true").name(name).with(user)),
        );
        drop(staged.home.wait(name));
        staged.order("prepare")["work"]["inputs"]["data"]["resolved"].clone()
    };
    assert!(resolved(&staged, "before")["Ok"]["path"].is_string());
    staged.home.kill();
    staged.home.start(&["--retention-days", "0"]);
    let home = &staged.home;
    wait_until("the jobs to be pruned", DEADLINE, || {
        ["maker", "failed"]
            .iter()
            .all(|name| home.show(name)["pruned_at"].is_string())
    });
    let told = resolved(&staged, "after")["Err"].clone();
    let told = told.as_str().unwrap().to_owned();
    assert!(told.contains("job maker, which were given up"), "{told}");
    let retry = staged.home.run(&["retry-finalize", "failed"]).code(125);
    drop(retry.says(&["was pruned: what it made is gone"]));
}
