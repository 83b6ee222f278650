//! `download` against a job of a played daemon: which files, where they go, and what is left alone.

use std::path::Path;

use proto::api::{Empty, Request, Shown};
use proto::status::Status;
use serde_json::json;

use crate::fake::{Fake, Folder};
use crate::run::{Finished, finish};
use crate::sample::{changed, submitted, view};

const NAME: &str = "calm_river";

/// A job's folder with something in every place.
fn job_folder() -> Folder {
    let folder = Folder::new();
    folder.file("user_logs/std_log.txt", "hello\n");
    folder.file("outputs/deep/er/result.txt", "42");
    folder.file("train.py", "the code is no artifact");
    folder.file("named-outputs/model/weights bin", vec![7; 100_000]);
    folder.file("named-outputs/table", "a,b\n");
    folder
}

fn daemon(folder: &Path, status: Status, outputs: serde_json::Value) -> Fake {
    let folder = folder.to_owned();
    Fake::start(move |request, peer| {
        let Request::Show(_) = request else {
            panic!("{request:?}");
        };
        let mut job = view(NAME, status, &folder);
        job.outputs = outputs.clone();
        peer.reply(&Shown { job });
    })
}

/// A daemon of an ended job with two outputs that are there and one that is not.
fn ended(folder: &Path) -> Fake {
    let uri = |name: &str| format!("file://{}/named-outputs/{name}", folder.display());
    let outputs = json!({
        "model": {"type": "uri_folder", "uri": uri("model")},
        "table": {"type": "uri_file", "uri": uri("table")},
        "unmade": {"type": "uri_file", "uri": uri("unmade")},
        "far": {"type": "uri_file", "uri": "s3://bucket/key"},
    });
    daemon(folder, Status::Failed, outputs)
}

/// Every file below a folder, with its content.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn names(folder: &Path) -> Vec<String> {
    files(folder).into_iter().map(|(name, _)| name).collect()
}

fn download(fake: &Fake, words: &[&str]) -> Finished {
    finish(&fake.home.0, &[&["download", NAME], words].concat())
}

#[test]
fn without_options_the_artifacts_are_downloaded_into_a_folder_of_the_jobs_name() {
    let (folder, here) = (job_folder(), Folder::new());
    let fake = ended(&folder.0);
    let path = here.0.display().to_string();
    let run = download(&fake, &["-p", &path]);
    assert_eq!((run.stdout, run.code), (format!("{path}/{NAME}\n"), 0));
    assert_eq!(
        names(&here.0.join(NAME)),
        [
            "artifacts/outputs/deep/er/result.txt",
            "artifacts/user_logs/std_log.txt"
        ]
    );
}

#[test]
fn all_has_the_named_outputs_too_and_says_what_is_not_there() {
    let (folder, here) = (job_folder(), Folder::new());
    let uri = |name: &str| format!("file://{}/named-outputs/{name}", folder.0.display());
    let outputs = json!({"model": {"uri": uri("model")}, "unmade": {"uri": uri("unmade")}});
    let fake = daemon(&folder.0, Status::Completed, outputs);
    let run = download(&fake, &["--all", "-p", &here.0.display().to_string()]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("note: output unmade"), "{}", run.stderr);
    let found = files(&here.0.join(NAME));
    let model = found
        .iter()
        .find(|(name, _)| name == "named-outputs/model/weights bin");
    assert_eq!(model.unwrap().1, vec![7; 100_000]);
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn one_output_is_a_file_or_a_folder() {
    let (folder, here) = (job_folder(), Folder::new());
    let fake = ended(&folder.0);
    let path = here.0.display().to_string();
    for output in ["model", "table"] {
        let run = download(&fake, &["--output-name", output, "-p", &path]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    assert_eq!(
        names(&here.0.join(NAME)),
        ["named-outputs/model/weights bin", "named-outputs/table"]
    );
    for (output, expected) in [
        (
            "none",
            "has no output \"none\"; its outputs are: far, model, table, unmade",
        ),
        ("unmade", "output unmade of job calm_river is not there"),
    ] {
        let run = download(&fake, &["--output-name", output, "-p", &path]);
        assert_eq!(run.code, 125);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
    }
}

#[test]
fn an_output_in_a_store_is_got_by_a_job() {
    let (folder, here) = (job_folder(), Folder::new());
    let path = folder.0.clone();
    let fake = Fake::start(move |request, peer| match request {
        Request::Show(show) if show.name == NAME => {
            let mut job = view(NAME, Status::Completed, &path);
            job.environment = json!("azureml:e:1");
            job.outputs = json!({"far": {"type": "uri_file", "uri": "s3://bucket/key"}});
            peer.reply(&Shown { job });
        }
        Request::Submit(_) => peer.reply(&submitted(&["getter"])),
        Request::Watch(_) => {
            let ended = changed("getter", Status::Completed, Some(0), "/none".as_ref());
            peer.reply(&ended);
        }
        Request::Show(_) => {
            let mut job = view("getter", Status::Completed, "/none".as_ref());
            let got = path.join("named-outputs/table");
            let input = json!({"text": got, "source": "s3://bucket/key"});
            let used = json!({"prepared": {"inputs": {"output": input}}});
            job.provenance = serde_json::from_value(used).unwrap();
            peer.reply(&Shown { job });
        }
        Request::Archive(_) => peer.reply(&Empty {}),
        other => panic!("{other:?}"),
    });
    let path = here.0.display().to_string();
    let run = download(&fake, &["--all", "-p", &path]);
    assert_eq!(
        (run.stdout, run.code),
        (format!("{path}/{NAME}\n"), 0),
        "{}",
        run.stderr
    );
    let got = here.0.join(NAME).join("named-outputs/far");
    assert_eq!(std::fs::read_to_string(got).unwrap(), "a,b\n");
    let submit = fake.seen().into_iter().find_map(|request| match request {
        Request::Submit(submit) => Some(submit),
        _ => None,
    });
    let yaml = &submit.unwrap().jobs[0].yaml;
    let job = proto::job::read(yaml.as_bytes(), None);
    assert!(job.job.is_some(), "{:?}", job.diagnostics);
    assert!(
        yaml.contains("azureml://jobs/calm_river/outputs/far"),
        "{yaml}"
    );
}

#[test]
fn what_is_there_already_is_left_alone_and_what_differs_is_refused() {
    let (folder, here) = (job_folder(), Folder::new());
    let fake = ended(&folder.0);
    let path = here.0.display().to_string();
    assert_eq!(download(&fake, &["-p", &path]).code, 0);
    let log = here.0.join(NAME).join("artifacts/user_logs/std_log.txt");
    std::fs::remove_file(
        here.0
            .join(NAME)
            .join("artifacts/outputs/deep/er/result.txt"),
    )
    .unwrap();
    assert_eq!(
        download(&fake, &["-p", &path]).code,
        0,
        "the rest is completed"
    );
    assert_eq!(names(&here.0.join(NAME)).len(), 2);
    for content in ["jello\n", "longer than it was\n"] {
        std::fs::write(&log, content).unwrap();
        let run = download(&fake, &["-p", &path]);
        assert_eq!(run.code, 125);
        assert!(run.stderr.contains("exists and differs"), "{}", run.stderr);
        assert_eq!(std::fs::read_to_string(&log).unwrap(), content);
    }
    std::fs::remove_file(&log).unwrap();
    std::fs::create_dir(&log).unwrap();
    assert_eq!(download(&fake, &["-p", &path]).code, 125);
}

#[test]
fn links_and_pipes_of_a_job_lead_nobody_astray() {
    use std::os::unix::fs::symlink;
    let (folder, here) = (job_folder(), Folder::new());
    let outputs = folder.0.join("outputs");
    symlink("deep/er/result.txt", outputs.join("link")).unwrap();
    symlink(&outputs, outputs.join("deep/up")).unwrap();
    symlink("nowhere", outputs.join("dangling")).unwrap();
    let mode = nix::sys::stat::Mode::S_IRWXU;
    nix::unistd::mkfifo(&outputs.join("pipe"), mode).unwrap();
    let fake = ended(&folder.0);
    let run = download(&fake, &["-p", &here.0.display().to_string()]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for word in [
        "deep/up: it leads back",
        "dangling: it is a link",
        "pipe: it is neither",
    ] {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    let copied = here.0.join(NAME).join("artifacts/outputs");
    assert_eq!(std::fs::read_to_string(copied.join("link")).unwrap(), "42");
    assert!(!copied.join("link").is_symlink());
    assert_eq!(names(&copied), ["deep/er/result.txt", "link"]);
}

#[test]
fn only_what_has_ended_and_is_kept_can_be_downloaded() {
    let folder = job_folder();
    let fake = daemon(&folder.0, Status::Running, json!({}));
    let run = download(&fake, &[]);
    let expected = "jobctl: job calm_river is Running: it can be downloaded when it has ended\n";
    assert_eq!((run.code, run.stderr.as_str()), (125, expected));
    let path = folder.0.clone();
    let fake = Fake::start(move |_, peer| {
        let mut job = view(NAME, Status::Completed, &path);
        job.pruned_at = Some("2026-07-01T10:00:00Z".into());
        peer.reply(&Shown { job });
    });
    let run = download(&fake, &[]);
    assert!(
        run.stderr.contains("was pruned at 2026-07-01"),
        "{}",
        run.stderr
    );
}
