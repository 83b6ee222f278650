//! Sweeps: trial, search space, sampling, objective, limits, early termination.

use serde_json::{Map, json};

use super::build::{
    Object, Schema, any_integer, by_type, filled, integer, literal, map_or, number, positive,
    reference, word, words,
};
use super::data;
use super::keys::seconds;
use crate::job::early_termination::{self, MAX_INTERVALS};
use crate::job::{sampling, search_space, sweep};

/// Adds the definitions.
pub(super) fn define(definitions: &mut Map<String, Schema>) {
    for (name, schema) in [
        ("trial", trial()),
        ("objective", objective()),
        ("sweepLimits", limits()),
        ("sampling", sampling()),
        ("randomSampling", random_sampling()),
        ("plainSampling", plain_sampling()),
        ("earlyTermination", early_termination()),
        ("bandit", bandit()),
        (
            "medianStopping",
            policy(early_termination::MEDIAN_KEYS, &[]),
        ),
        ("truncationSelection", truncation()),
        ("hyperparameter", hyperparameter()),
        ("choice", choice()),
        ("randint", randint()),
        (
            "range",
            range(search_space::RANGE_KEYS, &["min_value", "max_value"]),
        ),
        (
            "roundedRange",
            range(search_space::QRANGE_KEYS, &["min_value", "max_value", "q"]),
        ),
        ("bell", bell(search_space::BELL_KEYS, &["mu", "sigma"])),
        (
            "roundedBell",
            bell(search_space::QBELL_KEYS, &["mu", "sigma", "q"]),
        ),
    ] {
        definitions.insert(name.into(), schema);
    }
}

/// The keys of a search, for sweep jobs and for sweep steps.
pub(super) fn keys() -> Vec<(&'static str, &'static str, Schema)> {
    let mut space = data::named_values(reference("hyperparameter"));
    space["minProperties"] = 1.into();
    vec![
        (
            "search_space",
            "The hyperparameters by name; the trial reads them as `${{search_space.NAME}}`.",
            space,
        ),
        (
            "sampling_algorithm",
            "How values are chosen.",
            map_or(reference("sampling"), words(sampling::TYPES)),
        ),
        ("objective", "What is better.", reference("objective")),
        (
            "limits",
            "How many trials, and for how long.",
            reference("sweepLimits"),
        ),
        (
            "early_termination",
            "Which trials end before they are done.",
            reference("earlyTermination"),
        ),
    ]
}

/// The keys of a search that must be there.
pub(super) const REQUIRED: [&str; 5] = [
    "trial",
    "search_space",
    "sampling_algorithm",
    "objective",
    "limits",
];

fn trial() -> Schema {
    Object {
        keys: sweep::TRIAL_KEYS,
        required: &["command", "environment"],
        own: Vec::new(),
    }
    .closed()
}

fn objective() -> Schema {
    Object {
        keys: sweep::OBJECTIVE_KEYS,
        required: &["goal", "primary_metric"],
        own: vec![
            ("goal", "Which way is better.", words(sweep::GOALS)),
            (
                "primary_metric",
                "The metric that trials report, by its exact name.",
                filled(),
            ),
        ],
    }
    .closed()
}

fn limits() -> Schema {
    let trials = || integer(1, sweep::TRIALS_MAX);
    Object {
        keys: sweep::LIMIT_KEYS,
        required: &["max_total_trials"],
        own: vec![
            ("max_total_trials", "Trials in all.", trials()),
            (
                "max_concurrent_trials",
                "Trials at the same time; all when absent.",
                trials(),
            ),
            ("timeout", "Seconds of the whole sweep.", seconds()),
            ("trial_timeout", "Seconds of one trial.", seconds()),
        ],
    }
    .closed()
}

fn sampling() -> Schema {
    by_type(
        "How values are chosen.",
        words(sampling::TYPES),
        None,
        &[
            (word("random"), reference("randomSampling")),
            (words(&["grid", "bayesian"]), reference("plainSampling")),
        ],
    )
}

fn random_sampling() -> Schema {
    let base = json!({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"const": "e"}]});
    Object {
        keys: sampling::RANDOM_KEYS,
        required: &[],
        own: vec![
            ("seed", "The seed of the chance.", any_integer()),
            (
                "rule",
                "Plain chance, or Sobol's sequence.",
                words(sampling::RULES),
            ),
            (
                "logbase",
                "The base of logarithms for Sobol: a number, or e.",
                base,
            ),
        ],
    }
    .closed()
}

fn plain_sampling() -> Schema {
    Object {
        keys: sampling::ONLY_TYPE,
        required: &[],
        own: Vec::new(),
    }
    .closed()
}

fn early_termination() -> Schema {
    by_type(
        "The policy.",
        words(early_termination::TYPES),
        None,
        &[
            (word("bandit"), reference("bandit")),
            (word("median_stopping"), reference("medianStopping")),
            (
                word("truncation_selection"),
                reference("truncationSelection"),
            ),
        ],
    )
}

fn bandit() -> Schema {
    let mut schema = policy(early_termination::BANDIT_KEYS, &[]);
    schema["oneOf"] = json!([{"required": ["slack_factor"]}, {"required": ["slack_amount"]}]);
    schema
}

fn truncation() -> Schema {
    policy(
        early_termination::TRUNCATION_KEYS,
        &["truncation_percentage"],
    )
}

fn policy(keys: &'static [&'static str], required: &[&str]) -> Schema {
    let slack = || json!({"type": "number", "minimum": 0});
    Object {
        keys,
        required,
        own: vec![
            (
                "slack_factor",
                "How far behind the best, as a share of it.",
                slack(),
            ),
            (
                "slack_amount",
                "How far behind the best, as a difference.",
                slack(),
            ),
            (
                "truncation_percentage",
                "The share that ends, in percent.",
                integer(1, 99),
            ),
            (
                "evaluation_interval",
                "The policy applies every so many reports of the metric.",
                integer(0, MAX_INTERVALS),
            ),
            (
                "delay_evaluation",
                "And not before so many of them.",
                integer(0, MAX_INTERVALS),
            ),
        ],
    }
    .closed()
}

fn hyperparameter() -> Schema {
    by_type(
        "The distribution.",
        words(search_space::TYPES),
        None,
        &[
            (word("choice"), reference("choice")),
            (word("randint"), reference("randint")),
            (words(&["uniform", "loguniform"]), reference("range")),
            (
                words(&["quniform", "qloguniform"]),
                reference("roundedRange"),
            ),
            (words(&["normal", "lognormal"]), reference("bell")),
            (words(&["qnormal", "qlognormal"]), reference("roundedBell")),
        ],
    )
}

fn choice() -> Schema {
    let sampled = map_or(reference("hyperparameter"), literal());
    let value = map_or(data::named_values(sampled), literal());
    let values = json!({"type": "array", "minItems": 1, "items": value});
    Object {
        keys: search_space::CHOICE_KEYS,
        required: &["values"],
        own: vec![("values", "The values, of which one is chosen.", values)],
    }
    .closed()
}

fn randint() -> Schema {
    Object {
        keys: search_space::RANDINT_KEYS,
        required: &["upper"],
        own: vec![(
            "upper",
            "The bound: integers from 0 on, below it.",
            integer(1, i64::MAX),
        )],
    }
    .closed()
}

fn range(keys: &'static [&'static str], required: &[&str]) -> Schema {
    Object {
        keys,
        required,
        own: vec![
            (
                "min_value",
                "The least value; an exponent for logarithmic ones.",
                number(),
            ),
            (
                "max_value",
                "The greatest value; an exponent for logarithmic ones.",
                number(),
            ),
            ("q", "Values are rounded to multiples of this.", positive()),
        ],
    }
    .closed()
}

fn bell(keys: &'static [&'static str], required: &[&str]) -> Schema {
    Object {
        keys,
        required,
        own: vec![
            ("mu", "The mean.", number()),
            ("sigma", "The standard deviation.", positive()),
            ("q", "Values are rounded to multiples of this.", positive()),
        ],
    }
    .closed()
}
