//! What the verbs of `environment` ask and print.

use proto::api::{ApiError, ListedEnvironments, Request, ShowEnvironment, Shown, ShownEnvironment};
use proto::status::Status;
use serde_json::{Value, json};

use crate::fake::Fake;
use crate::run::{Finished, finish};
use crate::sample::{changed, submitted, view};

/// A daemon with a registry whose builds give `environment`.
fn daemon(environment: Value) -> Fake {
    Fake::start(move |request, peer| match request {
        Request::ListEnvironments(list) => {
            let listed = match list.from {
                None => json!({
                    "environments": [
                        {"name": "mine", "versions": ["2", "1"], "backend": "venv",
                         "description": "my \u{1b}own", "file": "/reg/mine.yml"},
                    ],
                    "refused": [],
                    "next_from": 1,
                }),
                Some(_) => json!({
                    "environments": [
                        {"name": "sklearn-1.5", "versions": ["33"], "backend": "venv"},
                    ],
                    "refused": [{"file": "/reg/bad.yml", "reason": "2:1: unknown key `x`"}],
                    "next_from": 1,
                }),
            };
            let listed: ListedEnvironments = serde_json::from_value(listed).unwrap();
            peer.reply(&listed);
        }
        Request::ShowEnvironment(show) if show.name == "none" => {
            peer.refuse(&ApiError::NoSuchEnvironment {
                name: show.name,
                reason: "environment none is not in the registry".into(),
            });
        }
        Request::ShowEnvironment(show) => {
            let environment = json!({
                "name": show.name, "version": show.version.unwrap_or("2".into()),
                "backend": "venv", "image": "docker.io/python", "python": "3.11",
                "requirements": ["numpy==2.0", "pandas"], "conda_only": ["cudatoolkit"],
            });
            let environment = serde_json::from_value(environment).unwrap();
            peer.reply(&ShownEnvironment { environment });
        }
        Request::Submit(_) => peer.reply(&submitted(&["built"])),
        Request::Watch(_) => {
            let ended = changed("built", Status::Completed, Some(0), "/none".as_ref());
            peer.reply(&ended);
        }
        Request::Show(_) => {
            let mut job = view("built", Status::Completed, "/none".as_ref());
            let prepared = json!({"prepared": {"environment": environment}});
            job.provenance = serde_json::from_value(prepared).unwrap();
            peer.reply(&Shown { job });
        }
        other => panic!("{other:?}"),
    })
}

fn run(fake: &Fake, words: &str) -> Finished {
    finish(&fake.home.0, &words.split(' ').collect::<Vec<_>>())
}

#[test]
fn list_and_show_tell_what_a_job_would_get() {
    let fake = daemon(Value::Null);
    let list = run(&fake, "environment list");
    assert_eq!(list.stderr, "jobctl: /reg/bad.yml: 2:1: unknown key `x`\n");
    let show = run(&fake, "environment show mine:1").stdout;
    insta::assert_snapshot!(format!("{}\n{show}", list.stdout));
    let names = run(&fake, "env ls --query [].name -o tsv");
    assert_eq!(names.stdout, "mine\nsklearn-1.5\n");
    run(&fake, "environment show azureml:mine@latest -o json");
    let expected = ShowEnvironment {
        name: "mine".into(),
        version: None,
    };
    assert_eq!(fake.seen().pop(), Some(Request::ShowEnvironment(expected)));
    let none = run(&fake, "environment show none");
    let expected = "jobctl: environment none is not in the registry\n";
    assert_eq!((none.code, none.stderr.as_str()), (125, expected));
}

#[test]
fn build_is_a_job_that_only_gets_the_environment() {
    let venv = json!({"name": "e", "backend": "venv", "digest": "sha256:e"});
    for (environment, words, reference, expected) in [
        (
            venv.clone(),
            "env build mine:1",
            "azureml:mine:1",
            "venv sha256:e\n",
        ),
        (
            venv,
            "env build -f sub/e.yml",
            "file:sub/e.yml",
            "venv sha256:e\n",
        ),
        (
            Value::Null,
            "env build azureml:mine",
            "azureml:mine",
            "host\n",
        ),
    ] {
        let fake = daemon(environment);
        let run = run(&fake, words);
        assert_eq!(
            (run.stdout.as_str(), run.code),
            (expected, 0),
            "{}",
            run.stderr
        );
        let Some(Request::Submit(submit)) = fake.seen().into_iter().next() else {
            panic!("{:?}", fake.seen());
        };
        let job = &submit.jobs[0];
        assert_eq!(job.base_path, fake.home.0);
        let read = proto::job::read(job.yaml.as_bytes(), None);
        let Some(proto::job::Job::Command(job)) = read.job else {
            panic!("{:?}", read.diagnostics);
        };
        let named = proto::job::Environment::Reference(reference.into());
        assert_eq!((job.command.as_str(), job.environment), ("true", named));
    }
}
