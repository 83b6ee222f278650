//! What a snapshot is.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::harness::{Bench, list, mode, set_mode};

#[test]
fn the_job_finds_the_files_links_and_exec_bits_of_the_folder() {
    let bench = Bench::new();
    bench.file("train.py", "print('hello')");
    bench.file(".hidden/config", "h");
    bench.file("a/b/c.txt", "deep");
    set_mode(&bench.file("run.sh", "#!/bin/sh"), 0o4755);
    bench.link("latest", "a/b");
    bench.link("a/b/up", "../../train.py");
    bench.link("to-nothing", "not/there");
    fs::create_dir_all(bench.code().join("empty/er")).unwrap();
    let report = bench.take("one");
    assert_eq!((report.files, report.bytes), (7, 28));
    assert!(report.digest.starts_with("sha256:") && report.digest.len() == 71);
    let job = bench.job("one");
    let read = |path: &str| fs::read_to_string(job.join(path)).unwrap();
    assert_eq!(read("train.py"), "print('hello')");
    assert_eq!(read(".hidden/config"), "h");
    assert_eq!(read("latest/c.txt"), "deep");
    assert_eq!(read("a/b/up"), "print('hello')");
    assert_eq!(
        fs::read_link(job.join("to-nothing")).unwrap(),
        Path::new("not/there")
    );
    assert!(!job.join("empty").exists(), "as on Azure ML");
    assert_eq!(
        mode(&job.join("run.sh")) & 0o7700,
        0o700,
        "executable, not setuid"
    );
    assert_eq!(mode(&job.join("train.py")) & 0o7700, 0o600);
}

#[test]
fn folders_of_azure_that_code_has_too_are_merged_and_jobds_files_stay() {
    let bench = Bench::new();
    bench.file("outputs/old.txt", "o");
    bench.file("logs/tb/events", "l");
    bench.file("inputs/sample.csv", "i");
    bench.file("user_logs/mine.txt", "u");
    bench.take("one");
    let job = bench.job("one");
    for path in [
        "outputs/old.txt",
        "logs/tb/events",
        "inputs/sample.csv",
        "user_logs/mine.txt",
    ] {
        assert!(job.join(path).is_file(), "{path}");
    }
    for path in [
        "user_logs/std_log.txt",
        "system_logs/progress.json",
        "named-outputs/m/x",
    ] {
        bench.file(path, "code's");
        let reason = bench.refuse("two");
        assert!(reason.starts_with(&format!("take {path}: ")), "{reason}");
        assert!(reason.contains(".amlignore"), "{reason}");
        fs::remove_file(bench.code().join(path)).unwrap();
    }
    let log = fs::read_to_string(bench.job("two").join("user_logs/std_log.txt")).unwrap();
    assert_eq!(log, "jobd's");
    bench.file("results/x", "");
    fs::remove_dir_all(bench.code().join("outputs")).unwrap();
    bench.link("outputs", "results");
    assert!(bench.refuse("three").starts_with("take outputs: "));
}

#[test]
fn a_second_try_in_the_same_folder_ends_as_the_first_would_have() {
    let bench = Bench::new();
    bench.file("outputs/a", "new");
    bench.file("b", "new");
    bench.link("c", "b");
    bench.take("one");
    let job = bench.job("one");
    fs::write(job.join("b"), "half").unwrap();
    bench.take("one");
    assert_eq!(fs::read_to_string(job.join("c")).unwrap(), "new");
}

#[test]
fn amlignore_comes_before_gitignore_and_only_the_root_has_one() {
    let bench = Bench::new();
    bench.file(".gitignore", "*.txt\n/build/\n");
    bench.file("sub/.gitignore", "*\n");
    for path in [
        "a.txt",
        "a.py",
        "build/x",
        "sub/build/y",
        "data/keep.csv",
        "data/drop.csv",
    ] {
        bench.file(path, path);
    }
    bench.take("git");
    assert_eq!(
        list(&bench.job("git")),
        [
            ".gitignore",
            "a.py",
            "data",
            "logs",
            "outputs",
            "sub",
            "system_logs",
            "user_logs"
        ]
    );
    assert_eq!(list(&bench.job("git").join("sub")), [".gitignore", "build"]);
}

#[test]
fn a_link_that_leaves_is_no_matter_where_it_is_left_out() {
    let bench = Bench::new();
    bench.file(".amlignore", "data/\n!data/keep.csv\nfar/\n");
    bench.file(".gitignore", "*.py\n");
    for path in ["a.py", "data/keep.csv", "data/drop.csv"] {
        bench.file(path, path);
    }
    bench.link("data/one", "/mnt/far");
    bench.link("far", "/etc");
    bench.take("aml");
    assert_eq!(list(&bench.job("aml").join("data")), ["keep.csv"]);
    assert!(bench.job("aml").join("a.py").is_file());
    assert!(!bench.job("aml").join("far").exists());
}

#[test]
fn code_may_be_one_file_or_a_link_or_a_file_uri() {
    let bench = Bench::new();
    bench.file("train.py", "t");
    bench.link("named.py", "train.py");
    std::os::unix::fs::symlink("code", bench.path.join("linked")).unwrap();
    bench.stage("one").code("./code/train.py").run().code();
    assert!(bench.job("one").join("train.py").is_file());
    let one = bench.stage("two").code("code/named.py").run().code();
    assert!(bench.job("two").join("named.py").is_file());
    assert_eq!((one.files, one.bytes), (1, 1));
    let uri = format!("file://{}", bench.code().display());
    let by_uri = bench.stage("three").code(&uri).run().code();
    let by_link = bench.stage("four").code("file:linked").run().code();
    assert_eq!(by_uri.digest, by_link.digest);
}

#[test]
fn the_digest_is_of_what_is_there_and_not_of_when_or_whose_it_is() {
    let bench = Bench::new();
    let file = bench.file("b", "1");
    bench.file("a", "2");
    let first = bench.take("first").digest;
    fs::remove_file(bench.code().join("a")).unwrap();
    bench.file("a", "2");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    File::open(&file).unwrap().set_modified(long_ago).unwrap();
    set_mode(&file, 0o600);
    assert_eq!(bench.take("second").digest, first);
    set_mode(&file, 0o700);
    assert_ne!(bench.take("third").digest, first);
    assert_eq!(bench.cached().len(), 2);
}

#[test]
fn what_is_not_on_this_machine_is_refused_without_its_secrets() {
    let bench = Bench::new();
    for code in [
        "git+https://me:secret@host/repo.git",
        "https://me:secret@host/code?sig=secret",
        "azureml:code:1",
        "azureml://registries/r/codes/c/versions/1",
    ] {
        let ran = bench.stage("one").code(code).run();
        assert!(!ran.log.contains("secret"), "{}", ran.log);
        let reason = ran.failure().reason;
        assert!(reason.starts_with("take the code from "), "{reason}");
        assert!(!reason.contains("secret"), "{reason}");
    }
}

#[test]
fn too_much_code_is_refused_with_what_to_do() {
    let bench = Bench::new();
    bench.file("data/big.bin", vec![0; 3 << 20]);
    bench.file("train.py", "t");
    let mut stage = bench.stage("one");
    stage.order.settings.code_bytes_max = Some(1 << 20);
    let reason = stage.run().failure().reason;
    let start = "take the code: it is 3.0 MiB in 2 files, and 1.0 MiB are allowed; the largest in it: \
                 data (3.0 MiB)";
    assert!(reason.starts_with(start), "{reason}");
    assert!(reason.contains(".amlignore") && reason.contains("code_bytes_max"));
    bench.file(".amlignore", "data\n");
    stage.run().code();
}

#[test]
fn jobds_own_folders_within_the_code_are_not_taken() {
    let bench = Bench::new();
    bench.file("train.py", "t");
    bench.stage("one").code(".").run().code();
    let job = bench.job("one");
    assert!(job.join("code/train.py").is_file());
    assert!(!job.join("cache").exists() && !job.join("jobs/one").exists());
}

#[test]
fn a_state_folder_within_the_code_is_not_taken_with_the_jobs_in_it() {
    let bench = Bench::new();
    bench.file("train.py", "t");
    bench.file("state/jobs/old/result", "r");
    let mut stage = bench.stage("one");
    let state = bench.code().join("state");
    stage.order.cache = state.join("cache");
    stage.order.folder = state.join("jobs/new");
    fs::create_dir_all(stage.order.folder.join("system_logs")).unwrap();
    assert_eq!(stage.run().code().files, 1);
    assert!(state.join("jobs/new/train.py").is_file());
}

#[test]
fn code_where_an_input_belongs_is_refused_and_not_removed_unsaid() {
    let bench = Bench::new();
    bench.file("inputs/data/mine.csv", "1");
    bench.file("inputs/other.csv", "2");
    let mut stage = bench.stage("clash");
    let input = serde_json::json!({
        "input": {"type": "uri_file", "path": "code/inputs/other.csv", "mode": "download"},
        "resolved": null,
    });
    let input: proto::stage::InputOrder = serde_json::from_value(input).unwrap();
    stage.prepare().inputs.insert("data".into(), input.clone());
    let reason = stage.run().failure().reason;
    assert!(
        reason.starts_with("take inputs/data/mine.csv: "),
        "{reason}"
    );
    let mut stage = bench.stage("beside");
    stage.prepare().inputs.insert("more".into(), input);
    stage.run().code();
    let names = ["data", "more", "other.csv"];
    assert_eq!(list(&bench.job("beside").join("inputs")), names);
}
