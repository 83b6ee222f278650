//! The sweep job: what is read, what is refused and where, and its dump.

use proptest::prelude::*;

use super::sweep_text as text;
use crate::diagnostic::Severity;
use crate::job::search_space::{Bell, Choice, Range, Sampled};
use crate::job::{
    EarlyTermination, Hyperparameter, Job, Literal, Sampling, SweepJob, dump_job, read_any,
};

fn accept(text: &str) -> SweepJob {
    let reading = read_any(text.as_bytes(), Some("job.yml"), None);
    match reading.job {
        Some(Job::Sweep(job)) => *job,
        _ => panic!("{text}: {:#?}", reading.diagnostics),
    }
}

fn errors(text: &str) -> Vec<String> {
    let reading = read_any(text.as_bytes(), Some("job.yml"), None);
    assert!(reading.job.is_none());
    reading
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(ToString::to_string)
        .collect()
}

/// As the SDK reads them, and as it writes a bandit.
#[test]
fn numbers_may_be_text_and_a_slack_of_nothing_is_none() {
    let job = accept(&text(
        "  a: {type: uniform, min_value: 1e-3, max_value: \"0.5\"}\n",
        "random",
        "early_termination: {type: bandit, slack_factor: \"0.1\", slack_amount: 0.0}",
    ));
    let Hyperparameter::Uniform(range) = &job.sweep.search_space["a"] else {
        panic!()
    };
    assert_eq!((range.min_value, range.max_value), (0.001, 0.5));
    let Some(EarlyTermination::Bandit {
        slack_factor,
        slack_amount,
        ..
    }) = job.sweep.early_termination
    else {
        panic!()
    };
    assert_eq!((slack_factor, slack_amount), (Some(0.1), None));
}

#[test]
fn every_distribution_and_policy_is_read() {
    let job = accept(&text(
        "  a: {type: choice, values: [1, x, 0.5, {model: svm, c: {type: uniform, min_value: 0, max_value: 1}}]}
  b: {type: RandInt, upper: 10}
  c: {type: quniform, min_value: 0, max_value: 1, q: 0.1}
  d: {type: qlognormal, mu: 0, sigma: 1, q: 2}
", "{type: random, seed: 7, rule: sobol, logbase: e}", "early_termination: {type: bandit, slack_factor: 0.1, evaluation_interval: 2}"));
    let Hyperparameter::Choice { values } = &job.sweep.search_space["a"] else {
        panic!()
    };
    assert_eq!(values[0], Choice::Literal(Literal::Int(1)));
    let Choice::Conditional(map) = &values[3] else {
        panic!()
    };
    assert_eq!(map["model"], Sampled::Literal(Literal::Str("svm".into())));
    assert_eq!(
        map["c"],
        Sampled::Hyperparameter(Hyperparameter::Uniform(Range {
            min_value: 0.0,
            max_value: 1.0,
            q: None
        }))
    );
    assert_eq!(
        job.sweep.search_space["b"],
        Hyperparameter::RandInt { upper: 10 }
    );
    assert_eq!(
        job.sweep.search_space["d"],
        Hyperparameter::QLogNormal(Bell {
            mu: 0.0,
            sigma: 1.0,
            q: Some(2.0)
        })
    );
    assert_eq!(
        job.sweep.sampling_algorithm,
        Sampling::Random {
            seed: Some(7),
            rule: Some("sobol".into()),
            logbase: Some(Literal::Str("e".into()))
        }
    );
    for policy in [
        "{type: median_stopping, delay_evaluation: 5}",
        "{type: truncation_selection, truncation_percentage: 20}",
        "{type: Bandit, slack_amount: 1}",
    ] {
        let job = accept(&text(
            "  a: {type: choice, values: [1]}\n",
            "GRID",
            &format!("early_termination: {policy}"),
        ));
        assert!(job.sweep.early_termination.is_some());
    }
}

#[test]
fn faults_are_placed() {
    let all = errors(&text(
        "  a: {type: choice, values: [], value: 1}
  b: {type: uniform, min_value: 2, max_value: 1}
  c: {type: normal, mu: x, sigma: 0}
  d: {type: unifrm}
  e: {min_value: 1}
  1f: {type: choice, values: [1]}
  g: {type: randint, upper: 0}
",
        "bayesian",
        "early_termination: {type: bandit}",
    ));
    insta::assert_snapshot!(all.join("\n"));
    insta::assert_snapshot!(errors("type: sweep\ntrial: {command: 'echo ${{search_space.a}}'}\nlimits: {max_total_trials: 1001}\nobjective: {goal: best}\n").join("\n"));
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<i64>().prop_map(Literal::Int),
        any::<bool>().prop_map(Literal::Bool),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite())
            .prop_map(Literal::Float),
        "[ -~]{0,8}".prop_map(Literal::Str),
        "[1-9][0-9]{20}".prop_map(|big| Literal::Big { big }),
    ]
}

fn hyperparameter() -> impl Strategy<Value = Hyperparameter> {
    let flat = prop_oneof![
        (1..i64::MAX).prop_map(|upper| Hyperparameter::RandInt { upper }),
        (-1e9..0.0, 0.0..1e9).prop_map(|(min_value, max_value)| Hyperparameter::LogUniform(
            Range {
                min_value,
                max_value,
                q: None
            }
        )),
        (-1e9..0.0, 0.0..1e9, 1e-9..1.0).prop_map(|(min_value, max_value, q)| {
            Hyperparameter::QUniform(Range {
                min_value,
                max_value,
                q: Some(q),
            })
        }),
        (any::<i32>(), 1e-9..1e9).prop_map(|(mu, sigma)| Hyperparameter::Normal(Bell {
            mu: mu.into(),
            sigma,
            q: None
        })),
        proptest::collection::vec(literal().prop_map(Choice::Literal), 1..4)
            .prop_map(|values| Hyperparameter::Choice { values }),
    ];
    flat.prop_recursive(3, 12, 3, |inner| {
        let sampled = prop_oneof![
            literal().prop_map(Sampled::Literal),
            inner.prop_map(Sampled::Hyperparameter)
        ];
        let map = proptest::collection::btree_map("[a-z]{1,4}", sampled, 0..3)
            .prop_map(Choice::Conditional);
        proptest::collection::vec(map, 1..3).prop_map(|values| Hyperparameter::Choice { values })
    })
}

proptest! {
    #[test]
    fn a_dump_is_read_back_as_the_same_sweep(space in proptest::collection::btree_map("[a-z]{1,4}", hyperparameter(), 1..4), seed in any::<Option<i64>>()) {
        let mut job = accept(&text("  a: {type: choice, values: [1]}\n", "random", "early_termination: {type: bandit, slack_amount: 0.5}"));
        job.sweep.search_space = space;
        job.sweep.sampling_algorithm = Sampling::Random { seed, rule: None, logbase: None };
        job.trial.task.command = "echo".into();
        let bandit = matches!(job.sweep.early_termination, Some(EarlyTermination::Bandit { .. }));
        prop_assert!(bandit);
        let job = Job::Sweep(Box::new(job));
        let dumped = dump_job(&job);
        let back = read_any(dumped.as_bytes(), None, None);
        prop_assert_eq!(back.job.as_ref(), Some(&job), "{}\n{:#?}", dumped, back.diagnostics);
        let json: Job = serde_json::from_str(&serde_json::to_string(&job).unwrap()).unwrap();
        prop_assert_eq!(json, job);
    }
}
