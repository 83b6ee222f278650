//! What a job has left, downloaded by the real client in Azure ML's layout.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use jobd_tests::harness::{Home, JobFile, probe_command};
use jobd_tests::stage::Azurite;

/// A job that writes artifacts, a folder and a file as outputs, and a program.
fn writer() -> JobFile {
    let command = "mkdir -p outputs/deep ${{outputs.model}}; echo hello; echo art > outputs/deep/a; \
                   head -c 300000 /dev/zero > ${{outputs.model}}/weights; \
                   cp /bin/true ${{outputs.model}}/tool; chmod 755 ${{outputs.model}}/tool";
    JobFile::new(command)
        .name("writer")
        .with("outputs: {model: {type: uri_folder}, other: {type: uri_folder}}")
}

#[test]
fn a_job_is_downloaded_whole_or_in_part() {
    let home = Home::running(&[]);
    drop(home.submit(&writer()));
    assert_eq!(home.wait("writer")["status"], "Completed");
    let here = home.path().join("here");
    fs::create_dir(&here).unwrap();
    let download = |words: &[&str]| {
        let words = [&["download", "writer"], words].concat();
        home.jobctl(&words).folder(&here).run()
    };

    assert_eq!(download(&[]).ok().stdout, "./writer\n");
    let artifacts = here.join("writer/artifacts");
    let read = |name: &str| fs::read_to_string(artifacts.join(name)).unwrap();
    assert_eq!(read("outputs/deep/a"), "art\n");
    assert_eq!(read("user_logs/std_log.txt"), "hello\n");
    assert!(!here.join("writer/named-outputs").exists());

    drop(download(&["--output-name", "model", "-p", "one"]).ok());
    let model = here.join("one/writer/named-outputs/model");
    assert_eq!(fs::read(model.join("weights")).unwrap(), vec![0; 300_000]);
    let tool = fs::metadata(model.join("tool")).unwrap();
    assert_eq!(tool.permissions().mode() & 0o777, 0o755);
    assert!(!here.join("one/writer/artifacts").exists());

    drop(download(&["--all"]).ok());
    assert!(here.join("writer/named-outputs/model/weights").exists());
    drop(download(&["--all"]).ok());

    fs::write(artifacts.join("outputs/deep/a"), "mine\n").unwrap();
    drop(
        download(&["--all"])
            .code(125)
            .says(&["deep/a exists and differs"]),
    );
    assert_eq!(read("outputs/deep/a"), "mine\n");
    drop(
        download(&["--output-name", "none"])
            .code(125)
            .says(&["model, other"]),
    );
}

#[test]
fn a_job_that_runs_or_was_pruned_is_not_downloaded() {
    let mut home = Home::running(&["--slots", "1"]);
    drop(home.submit(&JobFile::new("echo one").name("ended")));
    assert_eq!(home.wait("ended")["status"], "Completed");
    let gate = home.path().join("gate");
    let hold = probe_command(&["hold", gate.to_str().unwrap()]);
    drop(home.submit(&JobFile::new(&hold).name("running")));
    home.wait_for_status("running", "Running");
    let refused = home.run(&["download", "running"]).code(125);
    drop(refused.says(&["running is Running: it can be downloaded when it has ended"]));
    home.kill();
    home.start(&["--slots", "1", "--retention-days", "0"]);
    jobd_tests::harness::wait_until(
        "the job to be pruned",
        jobd_tests::harness::DEADLINE,
        || home.show("ended")["pruned_at"].is_string(),
    );
    drop(
        home.run(&["download", "ended"])
            .code(125)
            .says(&["was pruned at"]),
    );
    fs::write(gate, "").unwrap();
    assert_eq!(home.wait("running")["status"], "Completed");
}

/// A configuration whose datastore `blobs` is a container, with that key.
fn blobs(azurite: &Azurite, home: &Home, key: &str) -> String {
    let file = home.path().join("azure.env");
    fs::write(&file, format!("AZURE_STORAGE_ACCOUNT_KEY={key}\n")).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let (account, endpoint) = (Azurite::ACCOUNT, azurite.endpoint());
    format!(
        "datastores:\n  blobs: {{type: azure_blob, account: {account}, container: data, \
         endpoint: '{endpoint}', credentials_file: {}}}\n",
        file.display()
    )
}

#[test]
fn an_output_in_a_store_is_brought_there_by_a_second_try_and_downloaded_from_there() {
    let Some(azurite) = Azurite::start("data") else {
        return;
    };
    let mut home = Home::new();
    let wrong = "d3Jvbmc=";
    let settings = blobs(&azurite, &home, wrong);
    fs::write(home.path().join("jobd.yaml"), settings).unwrap();
    home.start(&[]);
    let job = JobFile::new("mkdir -p ${{outputs.model}}; echo kept > ${{outputs.model}}/weights")
        .name("trainer")
        .with("outputs: {model: {path: 'azureml://datastores/blobs/paths/${{name}}', name: iris}}");
    drop(home.submit(&job));
    let job = home.wait("trainer");
    assert_eq!(job["outcome"]["kind"], "finalize_failed", "{job}");
    let told = job.to_string() + &home.run(&["show", "trainer"]).ok().stdout;
    assert!(!told.contains(wrong), "{told}");
    drop(home.run(&["data", "show", "iris"]).code(125));

    drop(blobs(&azurite, &home, Azurite::KEY));
    drop(home.run(&["retry-finalize", "trainer"]).ok());
    let job = home.wait("trainer");
    assert_eq!(job["status"], "Completed", "{job}");
    assert_eq!(azurite.ask(&["get", "data/trainer/weights"]), b"kept\n");
    let asset = home.run(&["data", "show", "iris:1", "-o", "json"]).ok();
    assert_eq!(asset.json()["job"], "trainer");

    // What is left of it in the job's folder is not what is downloaded.
    fs::remove_dir_all(home.job_folder("trainer").join("named-outputs")).unwrap();
    let got = home.run(&["download", "trainer", "--output-name", "model", "-p", "got"]);
    drop(got.ok().says(&["gets output model"]));
    let weights = home.path().join("got/trainer/named-outputs/model/weights");
    assert_eq!(fs::read_to_string(weights).unwrap(), "kept\n");
    let list = home.run(&["list", "-o", "json", "--query", "[].name"]).ok();
    assert_eq!(list.json(), serde_json::json!(["trainer"]));
}
