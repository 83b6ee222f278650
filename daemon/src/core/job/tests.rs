//! Every reachable state meets every event; the whole table is a snapshot.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use proto::record::StopReason;
use proto::stage::{Failure, StageReport};

use super::*;
use crate::core::Definition;

fn new_job(prepares: bool, finalizes: bool) -> Job {
    let job = serde_json::json!({ "command": "x", "environment": "azureml:e:1" });
    let definition = Definition {
        job: serde_json::from_value(job).unwrap(),
        base_path: PathBuf::from("/"),
        experiment_name: "e".into(),
        created_by: "u".into(),
        notes: Vec::new(),
        pinned: None,
    };
    let new = NewJob {
        name: "j".into(),
        uid: 0,
        priority: Priority::Medium,
        prepares,
        finalizes,
        limit_secs: Some(5),
        spool_key: None,
        definition: Arc::new(definition),
    };
    Job::new(1, &new, 0)
}

fn exit(ended: Ended, stop: Option<StopReason>) -> StepEnd {
    StepEnd::Exit(Exit {
        stop: stop.map(|reason| proto::record::Stop {
            reason,
            killed: false,
        }),
        duration_ms: 1_000,
        ..Exit::of_nothing(ended, 0)
    })
}

/// A stage that says why it has not done its work.
fn failed_report() -> StepEnd {
    let StepEnd::Exit(exit) = exit(Ended::Exited { code: 1 }, None) else {
        unreachable!()
    };
    let report = StageReport::Failed(Failure {
        field: "inputs.data".into(),
        reason: "there is none".into(),
    });
    StepEnd::Staged(exit, Box::new(report))
}

/// The events, those of a step aimed at the step under way.
fn events(job: &Job) -> Vec<(&'static str, JobEvent)> {
    let none = StepRef {
        kind: StepKind::Command,
        attempt: 99,
    };
    let step = job.active.map_or(none, |active| active.step);
    let start_failed = Ended::StartFailed {
        reason: "no such file".into(),
        errno: Some(2),
    };
    vec![
        ("planned", JobEvent::Planned),
        ("granted", JobEvent::Granted),
        ("launched", JobEvent::Launched(step)),
        (
            "launch failed",
            JobEvent::LaunchFailed(step, "no fork".into()),
        ),
        (
            "exited 0",
            JobEvent::Ended(step, exit(Ended::Exited { code: 0 }, None)),
        ),
        (
            "exited 3",
            JobEvent::Ended(step, exit(Ended::Exited { code: 3 }, None)),
        ),
        (
            "signal 9",
            JobEvent::Ended(step, exit(Ended::Signaled { signal: 9 }, None)),
        ),
        (
            "limit",
            JobEvent::Ended(
                step,
                exit(Ended::Exited { code: 0 }, Some(StopReason::Limit)),
            ),
        ),
        (
            "stopped",
            JobEvent::Ended(
                step,
                exit(Ended::Signaled { signal: 15 }, Some(StopReason::Request)),
            ),
        ),
        ("failed report", JobEvent::Ended(step, failed_report())),
        ("no start", JobEvent::Ended(step, exit(start_failed, None))),
        ("never ran", JobEvent::Ended(step, StepEnd::NeverRan)),
        (
            "lost",
            JobEvent::Ended(step, StepEnd::Lost("its supervisor died".into())),
        ),
        ("cancel", JobEvent::CancelAsked(Force::Grace)),
        ("cancel now", JobEvent::CancelAsked(Force::Now)),
        ("silent", JobEvent::Silent(step, "no word".into())),
        ("heard", JobEvent::Heard(step)),
        ("finalize again", JobEvent::RetryFinalize),
    ]
}

/// What of a state matters for what may come.
fn shape(job: &Job) -> String {
    if job.end.as_ref().is_some_and(End::is_finalize_failure) {
        return format!("{} to finalize", job.status);
    }
    if job.status.is_terminal() {
        return job.status.to_string();
    }
    let step = job.active.map_or("-".into(), |active| {
        format!("{}:{:?}", active.step.kind.name(), active.phase)
    });
    let cancel = job.cancel.map_or("-".into(), |force| format!("{force:?}"));
    let plan = match (job.prepares, job.finalizes) {
        (false, false) => "one step",
        (true, false) => "prepare",
        (false, true) => "finalize",
        (true, true) => "all steps",
    };
    format!("{plan} | {} | {step} | cancel {cancel}", job.status)
}

fn reachable() -> BTreeMap<String, Job> {
    let mut found = BTreeMap::new();
    let plans = [(false, false), (true, false), (false, true), (true, true)];
    let mut open: VecDeque<Job> = plans.map(|(first, last)| new_job(first, last)).into();
    while let Some(job) = open.pop_front() {
        if found.insert(shape(&job), job.clone()).is_some() {
            continue;
        }
        for (_, event) in events(&job) {
            let mut next = job.clone();
            if next.apply(1, event).is_ok() {
                open.push_back(next);
            }
        }
    }
    found
}

#[test]
fn the_whole_table() {
    let mut table = String::new();
    for (shape_before, job) in reachable() {
        table.push_str(&format!("{shape_before}\n"));
        for (name, event) in events(&job) {
            let mut next = job.clone();
            let line = match next.apply(1, event) {
                Ok(act) => {
                    let statuses: Vec<_> = next.history[job.history.len()..]
                        .iter()
                        .map(|entry| entry.status.name())
                        .collect();
                    let act = act.map_or(String::new(), |act| format!(", do {act:?}"));
                    format!("[{}] {}{act}", statuses.join(" "), shape(&next))
                }
                Err(refusal) => format!("refused: {refusal}"),
            };
            table.push_str(&format!("    {name:<14} {line}\n"));
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn no_state_is_a_dead_end() {
    for (shape, job) in reachable() {
        let moves = job.status.is_terminal()
            || job.active.is_some()
            || job.waits_for().is_some()
            || job.status == Status::NotStarted;
        assert!(moves, "nothing will ever happen to: {shape}");
    }
}

#[test]
fn a_refused_event_changes_nothing() {
    for job in reachable().into_values() {
        for (name, event) in events(&job) {
            let mut next = job.clone();
            if next.apply(1, event).is_err() {
                assert_eq!(next, job, "{name}");
            }
        }
    }
}

#[test]
fn every_history_follows_the_transition_table() {
    for job in reachable().into_values() {
        for (name, event) in events(&job) {
            let mut next = job.clone();
            if next.apply(1, event).is_ok() {
                for pair in next.history.windows(2) {
                    // The one way back from an end.
                    let is_retried =
                        (pair[0].status, pair[1].status) == (Status::Failed, Status::Finalizing);
                    assert!(
                        pair[0].status.may_become(pair[1].status) || is_retried,
                        "{name}: {pair:?}"
                    );
                }
                assert_eq!(next.end.is_some(), next.status.is_terminal(), "{name}");
            }
        }
    }
}

#[test]
fn news_of_another_attempt_is_stale() {
    let mut job = new_job(false, false);
    job.apply(1, JobEvent::Planned).unwrap();
    job.apply(2, JobEvent::Granted).unwrap();
    let other = StepRef {
        kind: StepKind::Command,
        attempt: 2,
    };
    let end = exit(Ended::Exited { code: 0 }, None);
    assert_eq!(
        job.apply(3, JobEvent::Ended(other, end)),
        Err(Refusal::Stale)
    );
    assert_eq!(job.status, Status::Queued);
}

/// The job after these events, each aimed at the step under way.
fn after(mut job: Job, steps: &[StepEnd]) -> Job {
    job.apply(1, JobEvent::Planned).unwrap();
    for end in steps {
        job.apply(2, JobEvent::Granted).unwrap();
        let step = job.active.unwrap().step;
        job.apply(3, JobEvent::Launched(step)).unwrap();
        job.apply(4, JobEvent::Ended(step, end.clone())).unwrap();
    }
    job
}

#[test]
fn a_job_has_succeeded_when_its_outputs_are_where_they_belong() {
    let fine = || exit(Ended::Exited { code: 0 }, None);
    let job = after(new_job(true, true), &[fine(), fine()]);
    assert_eq!(
        (job.status, job.waits_for()),
        (Status::Finalizing, Some(StepKind::Finalize))
    );
    assert!(job.end.is_none());
    let job = after(new_job(true, true), &[fine(), fine(), fine()]);
    assert_eq!(job.status, Status::Completed);
    let job = after(new_job(false, true), &[fine(), failed_report()]);
    let reason = "inputs.data: there is none".into();
    assert_eq!(job.end.unwrap().outcome, Outcome::FinalizeFailed { reason });
    let broken = exit(Ended::Exited { code: 3 }, None);
    let job = after(new_job(false, true), &[broken]);
    assert_eq!(
        job.status,
        Status::Failed,
        "a command that failed is not finalized"
    );
}

#[test]
fn a_stage_whose_end_is_not_known_is_begun_again_a_few_times() {
    let lost = || StepEnd::Lost("its supervisor died".into());
    let steps: Vec<StepEnd> = (1..VANISHED_MAX).map(|_| lost()).collect();
    let job = after(new_job(true, false), &steps);
    assert_eq!(
        (job.status, job.waits_for()),
        (Status::Preparing, Some(StepKind::Prepare))
    );
    assert_eq!(job.held.as_deref(), Some("its supervisor died"));
    let steps: Vec<StepEnd> = (0..VANISHED_MAX).map(|_| lost()).collect();
    let job = after(new_job(true, false), &steps);
    assert!(matches!(
        job.end.unwrap().outcome,
        Outcome::StartFailed { .. }
    ));
}

#[test]
fn only_a_finalization_that_failed_can_be_tried_again() {
    let fine = || exit(Ended::Exited { code: 0 }, None);
    let mut job = after(new_job(false, true), &[fine(), failed_report()]);
    let before = job.clone();
    job.apply(9, JobEvent::RetryFinalize).unwrap();
    assert_eq!(
        (job.status, job.waits_for()),
        (Status::Finalizing, Some(StepKind::Finalize))
    );
    assert_eq!(
        (job.end.as_ref(), job.history.len()),
        (None, before.history.len() + 1)
    );
    assert_eq!(
        job.apply(9, JobEvent::RetryFinalize),
        Err(Refusal::BadStatus(job.status))
    );
    job.apply(10, JobEvent::Granted).unwrap();
    let step = job.active.unwrap().step;
    assert_eq!((step.kind, step.attempt), (StepKind::Finalize, 2));
    let mut again = job.clone();
    job.apply(11, JobEvent::Ended(step, fine())).unwrap();
    let end = job.end.clone().unwrap();
    assert_eq!(
        (job.status, &end.outcome),
        (Status::Completed, &Outcome::Exited { code: 0 })
    );
    assert_eq!(
        end.duration_ms,
        before.end.unwrap().duration_ms,
        "of the command"
    );
    again
        .apply(11, JobEvent::Ended(step, failed_report()))
        .unwrap();
    assert_eq!(again.status, Status::Failed);
    again.apply(12, JobEvent::RetryFinalize).unwrap();
    for steps in [vec![fine(), fine()], vec![failed_report()]] {
        let mut job = after(new_job(false, true), &steps);
        let before = job.clone();
        let refused = Err(Refusal::BadStatus(job.status));
        assert_eq!(job.apply(9, JobEvent::RetryFinalize), refused);
        assert_eq!(job, before);
    }
}
