//! The registry of assets through the client, the socket and the store.

use std::fs;
use std::thread;

use jobd_tests::harness::{Home, JobFile};
use proto::api::{ApiError, CreateData, ListData};
use serde_json::json;

fn create(name: &str) -> CreateData {
    CreateData {
        name: name.into(),
        kind: "uri_file".into(),
        path: "/data/iris.csv".into(),
        ..CreateData::default()
    }
}

#[test]
fn a_registered_file_is_listed_shown_hidden_and_shown_again() {
    let home = Home::running(&[]);
    fs::create_dir(home.path().join("sub")).unwrap();
    fs::write(home.path().join("sub/iris.csv"), "1,2\n").unwrap();
    let text = "name: iris\ntype: uri_file\npath: iris.csv\ntags: {kind: flowers}\n";
    fs::write(home.path().join("sub/data.yml"), text).unwrap();
    for version in ["iris:1\n", "iris:2\n"] {
        let made = home.run(&["data", "create", "-f", "sub/data.yml"]).ok();
        assert_eq!(made.stdout, version);
    }
    let named = ["data", "create", "-f", "sub/data.yml", "--version", "final"];
    assert_eq!(home.run(&named).ok().stdout, "iris:final\n");
    drop(
        home.run(&named)
            .code(125)
            .says(&["iris:final already exists"]),
    );

    let show = |words: &[&str]| {
        let words = [&["data", "show"], words, &["-o", "json"]].concat();
        home.run(&words).ok().json()
    };
    let data = show(&["iris:1"]);
    let path = home.path().join("sub/iris.csv");
    assert_eq!(data["path"], path.to_str().unwrap());
    assert_eq!(data["tags"]["kind"], "flowers");
    assert_eq!(show(&["iris@latest"])["version"], "final");

    drop(home.run(&["data", "archive", "iris:final"]).ok());
    assert_eq!(show(&["iris"])["version"], "2");
    assert_eq!(show(&["iris:final"])["archived"], true);
    let list = |words: &[&str]| {
        let words = [
            &["data", "list", "--query", "[].version", "-o", "json"],
            words,
        ]
        .concat();
        home.run(&words).ok().json()
    };
    assert_eq!(list(&[]), json!(["2"]));
    assert_eq!(list(&["-n", "iris"]), json!(["2", "1"]));
    let all = ["-n", "iris", "--include-archived"];
    assert_eq!(list(&all), json!(["final", "2", "1"]));
    drop(home.run(&["data", "restore", "iris"]).ok());
    assert_eq!(show(&["iris"])["version"], "final");
    // The next number, whatever was registered last.
    let made = home.run(&["data", "create", "-f", "sub/data.yml"]).ok();
    assert_eq!(made.stdout, "iris:3\n");
    for words in [["data", "show", "none"], ["data", "archive", "iris:9"]] {
        drop(home.run(&words).code(125).says(&["no asset is registered"]));
    }
}

#[test]
fn versions_are_counted_without_a_gap_and_a_version_is_given_once() {
    const CLIENTS: usize = 8;
    const EACH: usize = 10;
    let mut home = Home::running(&[]);
    let made: Vec<(String, bool)> = thread::scope(|scope| {
        let one = |_| {
            let mut socket = home.connect();
            let mut made = Vec::new();
            for _ in 0..EACH {
                let data = socket.call(&create("shared")).unwrap().data;
                made.push(data.version);
            }
            let fixed = CreateData {
                version: Some("fixed".into()),
                ..create("shared")
            };
            let fixed = socket.call(&fixed);
            let refused = matches!(fixed, Err(ApiError::AssetExists { .. }));
            assert!(fixed.is_ok() || refused, "{fixed:?}");
            let won = fixed.is_ok();
            made.into_iter()
                .map(|version| (version, won))
                .collect::<Vec<_>>()
        };
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(move || one(number)))
            .collect();
        let made = clients
            .into_iter()
            .flat_map(|client| client.join().unwrap());
        made.collect()
    });
    let mut numbers: Vec<usize> = made
        .iter()
        .map(|(version, _)| version.parse().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=CLIENTS * EACH).collect::<Vec<_>>());
    let winners = made.iter().filter(|(_, won)| *won).count();
    assert_eq!(winners, EACH, "one client got the fixed version");

    // What was answered is there after a kill.
    home.kill();
    home.start(&[]);
    let list = ListData {
        name: Some("shared".into()),
        max_results: Some(1000),
        ..ListData::default()
    };
    let listed = home.connect().call(&list).unwrap();
    assert_eq!(listed.data.len(), CLIENTS * EACH + 1);
    let next = home.connect().call(&create("shared")).unwrap().data;
    assert_eq!(next.version, (CLIENTS * EACH + 1).to_string());
}

/// A job that makes a model with this content.
fn maker(name: &str, text: &str) -> JobFile {
    let command =
        format!("mkdir -p ${{{{outputs.model}}}}; echo {text} > ${{{{outputs.model}}}}/weights");
    JobFile::new(&command)
        .name(name)
        .with("outputs: {model: {type: custom_model, name: iris}}")
}

#[test]
fn what_a_job_makes_is_an_asset_that_others_read_and_a_rerun_reads_the_same_version() {
    let home = Home::running(&[]);
    drop(home.submit(&maker("first", "one")));
    let job = home.wait("first");
    assert_eq!(job["status"], "Completed", "{job}");
    let asset = home
        .run(&["data", "show", "iris:1", "-o", "json"])
        .ok()
        .json();
    assert_eq!(
        (&asset["job"], &asset["type"]),
        (&json!("first"), &json!("custom_model"))
    );
    assert_eq!(asset["bytes"], 4);

    let reader = JobFile::new("cat ${{inputs.model}}/weights")
        .name("reader")
        .with("inputs: {model: {type: custom_model, path: 'azureml:iris@latest'}}");
    drop(home.submit(&reader));
    let job = home.wait("reader");
    assert_eq!(job["status"], "Completed", "{job}");
    assert_eq!(home.log("reader"), b"one\n");
    assert_eq!(
        job["provenance"]["prepared"]["inputs"]["model"]["version"],
        "1"
    );

    drop(home.submit(&maker("second", "two")));
    assert_eq!(home.wait("second")["status"], "Completed");
    let latest = home.run(&["data", "show", "iris", "--query", "version", "-o", "tsv"]);
    assert_eq!(latest.ok().stdout, "2\n");
    let again = home.run(&["rerun", "reader"]).ok().stdout.trim().to_owned();
    assert_eq!(home.wait(&again)["status"], "Completed");
    assert_eq!(home.log(&again), b"one\n", "the version of the first run");

    // An output is named by its job, too, with or without a name of its own.
    let other = JobFile::new("cat ${{inputs.file}}")
        .name("other")
        .with("inputs: {file: {type: uri_file, path: 'azureml://jobs/second/outputs/model/paths/weights'}}");
    drop(home.submit(&other));
    assert_eq!(home.wait("other")["status"], "Completed");
    assert_eq!(home.log("other"), b"two\n");

    let missing = JobFile::new("true")
        .name("missing")
        .with("inputs: {x: {type: uri_file, path: 'azureml:none:7'}}");
    drop(home.submit(&missing));
    let job = home.wait("missing");
    let reason = job["outcome"]["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("no asset none of version 7 is registered"),
        "{job}"
    );
}

#[test]
fn a_version_that_is_taken_fails_the_finalization_and_nothing_is_replaced() {
    let home = Home::running(&[]);
    let fixed = "outputs: {model: {type: custom_model, name: iris, version: 1}}";
    for (name, status) in [("first", "Completed"), ("second", "Failed")] {
        let job = JobFile::new("mkdir -p ${{outputs.model}}")
            .name(name)
            .with(fixed);
        drop(home.submit(&job));
        let job = home.wait(name);
        assert_eq!(job["status"], status, "{job}");
    }
    let job = home.show("second");
    let reason = "outputs.model: version 1 of iris is registered already";
    assert_eq!(job["outcome"]["reason"], reason);
    let asset = home
        .run(&["data", "show", "iris:1", "-o", "json"])
        .ok()
        .json();
    assert_eq!(asset["job"], "first");
    // A rerun of the first gets the next version: its own is taken.
    let again = home.run(&["rerun", "first"]).ok().stdout.trim().to_owned();
    assert_eq!(home.wait(&again)["status"], "Completed");
    let latest = home.run(&["data", "show", "iris", "--query", "version", "-o", "tsv"]);
    assert_eq!(latest.ok().stdout, "2\n");
}

#[test]
fn an_address_with_a_token_is_no_asset_and_a_job_is_warned_of_it() {
    let home = Home::running(&[]);
    let url = "https://h.invalid/x?sv=1&sig=hush";
    let words = ["data", "create", "-n", "iris", "-t", "uri_file", "-p", url];
    let refused = home.run(&words).code(125);
    assert!(
        refused.stderr.contains("holds a token"),
        "{}",
        refused.stderr
    );
    let create = CreateData {
        path: url.into(),
        ..create("iris")
    };
    let refused = home.connect().call(&create);
    assert!(
        matches!(refused, Err(ApiError::InvalidParameter { .. })),
        "{refused:?}"
    );
    let input = format!("inputs: {{x: {{type: uri_file, mode: direct, path: '{url}'}}}}");
    drop(home.submit(&JobFile::new("true").name("warned").with(&input)));
    let job = home.wait("warned");
    assert_eq!(job["status"], "Completed");
    let notes = job["notes"].to_string();
    assert!(
        notes.contains("holds a token") && !notes.contains("hush"),
        "{notes}"
    );
}

#[test]
fn a_token_in_an_address_is_the_jobs_own_and_shown_nowhere() {
    let home = Home::running(&[]);
    let input = "{type: uri_file, mode: direct, path: 'https://h.invalid/x?sv=1&sig=hush'}";
    let place = "wasbs://c@a.blob.core.windows.net/p?se=2&sig=hush";
    let output = format!("{{mode: direct, path: '{place}'}}");
    let job = JobFile::new("echo '${{inputs.x}}' '${{outputs.y}}'").name("first");
    let job = job.with(&format!("inputs: {{x: {input}}}\noutputs: {{y: {output}}}"));
    drop(home.submit(&job));
    assert_eq!(home.wait("first")["status"], "Completed");
    let again = home.run(&["rerun", "first"]).ok().stdout.trim().to_owned();
    for name in ["first", &again] {
        let ended = home.wait(name);
        assert_eq!(ended["status"], "Completed", "{ended}");
        let folder = home.job_folder(name);
        let got = fs::read_to_string(folder.join("user_logs/std_log.txt")).unwrap();
        assert_eq!(got, format!("https://h.invalid/x?sv=1&sig=hush {place}\n"));
        for words in [
            vec!["show", name, "-o", "json"],
            vec!["show", name],
            vec!["dump", name],
            vec!["list", "-o", "json"],
        ] {
            let told = home.run(&words).ok().stdout;
            assert!(!told.contains("hush"), "{words:?}: {told}");
        }
        let prepared = folder.join("system_logs/prepare.log");
        assert!(!fs::read_to_string(prepared).unwrap().contains("hush"));
    }
    let shown = home.show("first");
    assert_eq!(
        shown["inputs"]["x"]["path"],
        "https://h.invalid/x?sv=1&sig=***"
    );
    let made = "wasbs://c@a.blob.core.windows.net/p?se=2&sig=***";
    assert_eq!(shown["provenance"]["prepared"]["outputs"]["y"], made);
    let dumped = home.run(&["dump", "first"]).ok().stdout;
    let refused = home.jobctl(&["validate", "-"]).stdin(dumped).run();
    drop(
        refused
            .code(125)
            .says(&["was left out where the job was shown"]),
    );
}
