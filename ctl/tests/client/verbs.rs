//! What the verbs ask and print.

use proto::api::{
    ApiError, Archive, Cancel, Canceling, Dumped, Empty, List, Listed, Request, Rerunning,
    Retrying, Shown, StatusReply, Submitted, SubmittedJob,
};
use proto::status::Status;
use serde_json::{Value, json};

use crate::fake::{Fake, Folder};
use crate::run::finish;
use crate::sample::{changed, submitted, summary, view};

/// A daemon with two jobs that takes whatever it gets.
fn daemon() -> Fake {
    Fake::start(|request, peer| match request {
        Request::Submit(submit) => {
            let name = |index: usize| SubmittedJob {
                name: format!("job_{index}"),
                notes: vec![format!("note\n{index}")],
            };
            let jobs = (0..submit.jobs.len()).map(name).collect();
            peer.reply(&Submitted { jobs });
        }
        Request::List(_) => peer.reply(&Listed {
            jobs: vec![
                summary("calm_river", Status::Completed),
                summary("old_tree", Status::Failed),
            ],
            next_before: None,
        }),
        Request::Show(show) => peer.reply(&Shown {
            job: view(&show.name, Status::Running, "/jobs/x".as_ref()),
        }),
        Request::Cancel(cancel) => peer.reply(&Canceling {
            name: cancel.name,
            status: Status::CancelRequested,
        }),
        Request::Dump(_) => peer.reply(&Dumped {
            yaml: "command: echo hello\n".into(),
        }),
        _ => peer.reply(&Empty {}),
    })
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn submit_hands_all_files_over_in_one_call_and_prints_a_name_a_line() {
    let fake = daemon();
    fake.home.file("sub/a.yml", "command: a\n");
    fake.home.file("b.yml", "command: b\n");
    let run = finish(&fake.home.0, &["submit", "sub/a.yml", "b.yml"]);
    assert_eq!(run.stdout, "job_0\njob_1\n");
    assert_eq!(
        run.stderr,
        "jobctl: job_0: note: note\n  0\njobctl: job_1: note: note\n  1\n"
    );
    assert_eq!(run.code, 0);
    let [Request::Submit(submit)] = &fake.seen()[..] else {
        panic!("{:?}", fake.seen());
    };
    let folder = fake.home.0.file_name().unwrap().to_str().unwrap();
    let first = &submit.jobs[0];
    assert_eq!(first.yaml, "command: a\n");
    assert_eq!(first.file.as_deref(), Some("sub/a.yml"));
    assert_eq!(first.base_path, fake.home.0.join("sub"));
    assert_eq!(first.experiment_name.as_deref(), Some(folder));
    assert_eq!(submit.jobs[1].base_path, fake.home.0);
}

#[test]
fn create_answers_queries_as_az_does() {
    let fake = daemon();
    fake.home.file("a.yml", "command: a\n");
    let words = "create -f a.yml --query name -o tsv -g x -w y";
    let words: Vec<_> = words.split(' ').collect();
    assert_eq!(finish(&fake.home.0, &words).stdout, "job_0\n");
    let words = [
        "create",
        "-f",
        "a.yml",
        "--query",
        "services.Studio.endpoint",
        "-o",
        "tsv",
    ];
    assert_eq!(finish(&fake.home.0, &words).stdout, "http://localhost/x\n");
}

#[test]
fn list_in_every_form() {
    let fake = daemon();
    let home = &fake.home.0;
    let table = finish(home, &["list"]).stdout;
    assert!(table.starts_with("NAME"), "{table}");
    assert!(table.contains("old_tree    Failed"), "{table}");
    let jobs = json_of(&finish(home, &["ls", "-o", "json"]).stdout);
    assert_eq!(jobs[1]["name"], "old_tree");
    let query = ["list", "--query", "[].{S:status,Name:name}", "-o", "table"];
    assert_eq!(
        finish(home, &query).stdout,
        "S          Name\nCompleted  calm_river\nFailed     old_tree\n"
    );
    let query = ["list", "--query", "[?status=='Failed'].name", "-o", "tsv"];
    assert_eq!(finish(home, &query).stdout, "old_tree\n");
}

#[test]
fn list_asks_for_what_the_options_say_page_by_page() {
    let fake = Fake::start(|request, peer| {
        let Request::List(list) = request else {
            panic!("{request:?}");
        };
        let first = list.before.is_none();
        let page = vec![summary("a", Status::Failed); list.max_results.unwrap().min(600)];
        peer.reply(&Listed {
            jobs: page,
            next_before: first.then_some(7),
        });
    });
    let words = [
        "list",
        "--all",
        "--status",
        "failed,Queued",
        "--archived-only",
        "-o",
        "json",
    ];
    let run = finish(&fake.home.0, &words);
    assert_eq!(json_of(&run.stdout).as_array().unwrap().len(), 1200);
    let expected = List {
        max_results: Some(1000),
        before: Some(7),
        statuses: Some(vec![Status::Failed, Status::Queued]),
        include_archived: None,
        archived_only: Some(true),
    };
    assert_eq!(fake.seen()[1], Request::List(expected));
}

#[test]
fn show_prints_a_bare_field() {
    let fake = daemon();
    let words = ["show", "@last", "--query", "status", "-o", "tsv"];
    assert_eq!(finish(&fake.home.0, &words).stdout, "Running\n");
    let sheet = finish(&fake.home.0, &["show", "-n", "calm_river"]).stdout;
    assert!(sheet.starts_with("Name"), "{sheet}");
    let yaml = finish(&fake.home.0, &["show", "x", "-o", "yaml"]).stdout;
    assert!(yaml.contains("command: echo hello\n"), "{yaml}");
}

#[test]
fn a_wrong_query_is_refused_before_anything_is_submitted() {
    let fake = daemon();
    fake.home.file("a.yml", "command: a\n");
    let run = finish(&fake.home.0, &["submit", "a.yml", "--query", "[].{"]);
    assert_eq!(run.code, 125);
    assert!(run.stderr.contains("--query"), "{}", run.stderr);
    assert!(fake.seen().is_empty());
}

#[test]
fn cancel_archive_and_the_daemons_verbs() {
    let fake = daemon();
    let home = &fake.home.0;
    let run = finish(home, &["cancel", "a", "b", "--force"]);
    assert_eq!(run.stdout, "a CancelRequested\nb CancelRequested\n");
    for words in [
        &["archive", "a"][..],
        &["restore", "a"],
        &["pause"],
        &["resume"],
        &["shutdown"],
    ] {
        let run = finish(home, words);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{words:?}");
    }
    let force = Some(true);
    let name = || "a".to_owned();
    assert_eq!(
        fake.seen()[0],
        Request::Cancel(Cancel {
            name: name(),
            force
        })
    );
    assert_eq!(fake.seen()[2], Request::Archive(Archive { name: name() }));
    assert_eq!(fake.seen().len(), 7);
}

#[test]
fn status_shows_the_daemon() {
    let fake = Fake::start(|_, peer| {
        let status = json!({
            "version": "0.1.0", "pid": 7, "started_at": "2026-07-01T10:00:00Z", "paused": false,
            "slots": 4, "slots_used": 1, "queued": 2, "running": 1, "paths": {"state": "/s"},
            "machine": {}, "notes": []
        });
        peer.reply(&serde_json::from_value::<StatusReply>(status).unwrap());
    });
    let sheet = finish(&fake.home.0, &["status"]).stdout;
    assert!(sheet.contains("jobd 0.1.0, pid 7"), "{sheet}");
    let words = ["status", "--query", "slots", "-o", "tsv"];
    assert_eq!(finish(&fake.home.0, &words).stdout, "4\n");
}

#[test]
fn dump_does_not_replace_a_file_unasked() {
    let fake = daemon();
    let home = &fake.home.0;
    let file = fake.home.file("old.yml", "precious");
    let run = finish(home, &["dump", "a", "old.yml"]);
    assert_eq!(run.code, 125);
    assert_eq!(run.stderr, "jobctl: old.yml exists; --force replaces it\n");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(finish(home, &["dump", "a", "old.yml", "--force"]).code, 0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, "command: echo hello\n");
    assert_eq!(finish(home, &["dump", "a"]).stdout, text);
}

#[test]
fn wait_ends_with_0_only_when_all_are_completed() {
    for (last, code) in [(Status::Completed, 0), (Status::Canceled, 1)] {
        let fake = Fake::start(move |_, peer| {
            let path = "/jobs/x".as_ref();
            peer.reply_more(&changed("one", Status::Running, None, path));
            peer.reply_more(&changed("two", Status::Completed, Some(0), path));
            peer.reply(&changed("one", last, Some(0), path));
        });
        let run = finish(&fake.home.0, &["wait", "o", "two"]);
        assert_eq!(run.stdout, format!("two Completed\none {last}\n"));
        assert_eq!(run.code, code);
    }
}

#[test]
fn wait_for_all_of_no_jobs_is_done_at_once() {
    let fake = Fake::start(|_, peer| {
        peer.reply(&Listed {
            jobs: Vec::new(),
            next_before: None,
        });
    });
    assert_eq!(finish(&fake.home.0, &["wait", "--all"]).code, 0);
}

#[test]
fn detached_runs_print_the_name() {
    let fake = Fake::start(|_, peer| peer.reply(&submitted(&["calm_river"])));
    fake.home.file("a.yml", "command: a\n");
    let run = finish(&fake.home.0, &["run", "-d", "a.yml"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "calm_river\n"));
}

#[test]
fn completions_and_man_pages_need_no_daemon() {
    let home = Folder::new();
    let script = finish(&home.0, &["completions", "bash"]).stdout;
    assert!(script.contains("_jobctl"), "{script}");
    assert_eq!(finish(&home.0, &["man", "."]).code, 0);
    let page = std::fs::read_to_string(home.0.join("jobctl-run.1")).unwrap();
    assert!(page.contains("detach"), "{page}");
}

#[test]
fn a_rerun_prints_the_name_of_the_new_job_or_the_job_itself() {
    let fake = Fake::start(|request, peer| match request {
        Request::Rerun(rerun) => peer.reply(&Rerunning {
            job: SubmittedJob {
                name: format!("{}_again", rerun.name),
                notes: vec!["a note".into()],
            },
        }),
        Request::Show(show) => peer.reply(&Shown {
            job: view(&show.name, Status::Queued, "/jobs/x".as_ref()),
        }),
        Request::Watch(watch) => {
            let name = &watch.names[0];
            peer.reply(&changed(name, Status::Failed, Some(3), "/jobs/x".as_ref()));
        }
        other => panic!("{other:?}"),
    });
    let home = &fake.home.0;
    let run = finish(home, &["rerun", "one"]);
    assert_eq!((run.stdout.as_str(), run.code), ("one_again\n", 0));
    assert_eq!(run.stderr, "jobctl: one_again: note: a note\n");
    let run = finish(home, &["rerun", "-n", "one", "-o", "json"]);
    assert_eq!(json_of(&run.stdout)["name"], "one_again");
    let run = finish(home, &["rerun", "one", "--stream"]);
    assert_eq!((run.stdout.as_str(), run.code), ("one_again\n", 3));
}

#[test]
fn a_refused_retry_does_not_keep_the_others_from_theirs() {
    let fake = Fake::start(|request, peer| match request {
        Request::RetryFinalize(retry) if retry.name == "bad" => {
            peer.refuse(&ApiError::BadStatus {
                name: "bad".into(),
                status: "Completed".into(),
                reason: "only a job whose finalization failed".into(),
            });
        }
        Request::RetryFinalize(retry) => peer.reply(&Retrying { name: retry.name }),
        other => panic!("{other:?}"),
    });
    let run = finish(&fake.home.0, &["retry-finalize", "bad", "good"]);
    assert_eq!((run.code, fake.seen().len()), (125, 2));
    assert!(
        run.stderr.contains("job bad is Completed"),
        "{}",
        run.stderr
    );
}
