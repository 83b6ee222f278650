//! `early_termination` (azureml.md §7): which trials end before they are done.

use serde::{Deserialize, Serialize};

use super::Fields;
use super::field::Field;
use crate::yaml::Value;

/// Intervals of a policy at most.
pub(super) const MAX_INTERVALS: i64 = 1_000_000;

/// Which trials end early. One interval is one report of the primary metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EarlyTermination {
    /// Those too far behind the best.
    Bandit {
        /// How far as a share of the best.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slack_factor: Option<f64>,
        /// How far as a difference.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slack_amount: Option<f64>,
        /// When the policy applies.
        #[serde(flatten)]
        when: When,
    },
    /// Those worse than the median.
    MedianStopping {
        /// When the policy applies.
        #[serde(flatten)]
        when: When,
    },
    /// The worst share of all.
    TruncationSelection {
        /// The share in percent: 1 to 99.
        truncation_percentage: u32,
        /// When the policy applies.
        #[serde(flatten)]
        when: When,
    },
}

/// When a policy applies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// Every so many intervals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation_interval: Option<u32>,
    /// Not before so many intervals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_evaluation: Option<u32>,
}

pub(super) const TYPES: &[&str] = &["bandit", "median_stopping", "truncation_selection"];
const ALL_KEYS: &[&str] = &[
    "type",
    "slack_factor",
    "slack_amount",
    "truncation_percentage",
    "evaluation_interval",
    "delay_evaluation",
];
pub(super) const BANDIT_KEYS: &[&str] = &[
    "type",
    "slack_factor",
    "slack_amount",
    "evaluation_interval",
    "delay_evaluation",
];
pub(super) const MEDIAN_KEYS: &[&str] = &["type", "evaluation_interval", "delay_evaluation"];
pub(super) const TRUNCATION_KEYS: &[&str] = &[
    "type",
    "truncation_percentage",
    "evaluation_interval",
    "delay_evaluation",
];

impl EarlyTermination {
    /// Reads `early_termination`: the type decides which keys there are.
    pub(super) fn read(field: &Field<'_>) -> Option<EarlyTermination> {
        let Some(kind) = field.peek("type") else {
            field.fields(ALL_KEYS)?.require(
                "type",
                "write bandit, median_stopping or truncation_selection",
            );
            return None;
        };
        match kind.word(TYPES)? {
            "bandit" => EarlyTermination::bandit(&field.fields(BANDIT_KEYS)?),
            "median_stopping" => {
                let when = When::read(&field.fields(MEDIAN_KEYS)?);
                Some(EarlyTermination::MedianStopping { when })
            }
            _ => {
                let fields = field.fields(TRUNCATION_KEYS)?;
                let when = When::read(&fields);
                let percentage =
                    fields.require("truncation_percentage", "write a number from 1 to 99")?;
                let truncation_percentage = percentage.integer_within(1, 99)?;
                Some(EarlyTermination::TruncationSelection {
                    truncation_percentage,
                    when,
                })
            }
        }
    }

    /// The SDK writes both, one of them 0: that is none.
    fn bandit(fields: &Fields<'_>) -> Option<EarlyTermination> {
        let given = |key| fields.get(key).filter(|field| !is_nothing(field));
        match (given("slack_factor"), given("slack_amount")) {
            (Some(_), Some(amount)) => amount.error(
                "bad-pairing",
                "a bandit has a slack_factor or a slack_amount, not both",
                "",
            ),
            (None, None) => fields.whole.error(
                "missing-key",
                "a bandit needs a slack_factor or a slack_amount",
                "",
            ),
            _ => {}
        }
        Some(EarlyTermination::Bandit {
            slack_factor: given("slack_factor").and_then(|field| slack(&field)),
            slack_amount: given("slack_amount").and_then(|field| slack(&field)),
            when: When::read(fields),
        })
    }
}

fn is_nothing(field: &Field<'_>) -> bool {
    matches!(
        field.node.value,
        Value::Null | Value::Int(0) | Value::Float(0.0)
    )
}

fn slack(field: &Field<'_>) -> Option<f64> {
    let value = field.number()?;
    if value < 0.0 {
        field.error("out-of-range", format!("{value} is below 0"), "");
    }
    Some(value)
}

impl When {
    fn read(fields: &Fields<'_>) -> When {
        let count = |key| fields.read(key, |count| count.integer_within(0, MAX_INTERVALS));
        When {
            evaluation_interval: count("evaluation_interval"),
            delay_evaluation: count("delay_evaluation"),
        }
    }
}
