//! `search_space` (azureml.md §7): the values that hyperparameters may take.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::field::Field;
use super::{Fields, Literal, name};
use crate::yaml::Value;

/// The distribution of a hyperparameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Hyperparameter {
    /// One of some values.
    Choice {
        /// The values; at least one.
        values: Vec<Choice>,
    },
    /// An integer from 0, below a bound.
    RandInt {
        /// The bound; at least 1.
        upper: i64,
    },
    /// Any number of a range.
    Uniform(Range),
    /// A number of a range, rounded to a multiple of `q`.
    QUniform(Range),
    /// The exponential of a number of a range.
    LogUniform(Range),
    /// The same, rounded to a multiple of `q`.
    QLogUniform(Range),
    /// A normally distributed number.
    Normal(Bell),
    /// The same, rounded to a multiple of `q`.
    QNormal(Bell),
    /// The exponential of a normally distributed number.
    LogNormal(Bell),
    /// The same, rounded to a multiple of `q`.
    QLogNormal(Bell),
}

/// The bounds of a uniform distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The least value.
    pub min_value: f64,
    /// The greatest value, not below the least.
    pub max_value: f64,
    /// The step of the distributions that round: above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<f64>,
}

/// The shape of a normal distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bell {
    /// The mean.
    pub mu: f64,
    /// The standard deviation: above 0.
    pub sigma: f64,
    /// The step of the distributions that round: above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<f64>,
}

/// One of the values of a choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Choice {
    /// A value.
    Literal(Literal),
    /// Values that belong together, some of them again to be chosen.
    Conditional(BTreeMap<String, Sampled>),
}

/// A value that stands fixed or is chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Sampled {
    /// Fixed.
    Literal(Literal),
    /// Chosen.
    Hyperparameter(Hyperparameter),
}

/// The types of distributions.
pub(super) const TYPES: &[&str] = &[
    "choice",
    "randint",
    "uniform",
    "quniform",
    "loguniform",
    "qloguniform",
    "normal",
    "qnormal",
    "lognormal",
    "qlognormal",
];

/// Reads `search_space`.
pub(super) fn read_all(field: &Field<'_>) -> Option<BTreeMap<String, Hyperparameter>> {
    let entries = field.entries()?;
    if entries.is_empty() {
        field.error("empty", "a sweep needs a hyperparameter", "");
    }
    let read = |(key, value): (String, Field<'_>)| {
        let named = name::input(&value, &key);
        let parameter = Hyperparameter::read(&value)?;
        named.then_some((key, parameter))
    };
    Some(entries.into_iter().filter_map(read).collect())
}

impl Hyperparameter {
    fn read(field: &Field<'_>) -> Option<Hyperparameter> {
        let Some(kind) = field.peek("type").and_then(|kind| kind.word(TYPES)) else {
            if field.fields(ALL_KEYS)?.get("type").is_none() {
                field.error(
                    "missing-key",
                    "the key `type` is required",
                    format!("one of {}", TYPES.join(", ")),
                );
            }
            return None;
        };
        Some(match kind {
            "choice" => Hyperparameter::Choice {
                values: choices(&field.fields(CHOICE_KEYS)?)?,
            },
            "randint" => {
                let upper = field
                    .fields(RANDINT_KEYS)?
                    .require("upper", "write the bound, which is never reached")?;
                Hyperparameter::RandInt {
                    upper: upper.integer_within(1, i64::MAX)?,
                }
            }
            "uniform" => Hyperparameter::Uniform(Range::read(field, false)?),
            "quniform" => Hyperparameter::QUniform(Range::read(field, true)?),
            "loguniform" => Hyperparameter::LogUniform(Range::read(field, false)?),
            "qloguniform" => Hyperparameter::QLogUniform(Range::read(field, true)?),
            "normal" => Hyperparameter::Normal(Bell::read(field, false)?),
            "qnormal" => Hyperparameter::QNormal(Bell::read(field, true)?),
            "lognormal" => Hyperparameter::LogNormal(Bell::read(field, false)?),
            _ => Hyperparameter::QLogNormal(Bell::read(field, true)?),
        })
    }
}

pub(super) const CHOICE_KEYS: &[&str] = &["type", "values"];
pub(super) const RANDINT_KEYS: &[&str] = &["type", "upper"];
pub(super) const RANGE_KEYS: &[&str] = &["type", "min_value", "max_value"];
pub(super) const QRANGE_KEYS: &[&str] = &["type", "min_value", "max_value", "q"];
pub(super) const BELL_KEYS: &[&str] = &["type", "mu", "sigma"];
pub(super) const QBELL_KEYS: &[&str] = &["type", "mu", "sigma", "q"];
const ALL_KEYS: &[&str] = &[
    "type",
    "values",
    "upper",
    "min_value",
    "max_value",
    "mu",
    "sigma",
    "q",
];

fn choices(fields: &Fields<'_>) -> Option<Vec<Choice>> {
    let values = fields.require("values", "write a list of values")?;
    let items = values.items()?;
    if items.is_empty() {
        values.error("empty", "a choice needs a value", "");
    }
    items.iter().map(Choice::read).collect()
}

impl Choice {
    fn read(field: &Field<'_>) -> Option<Choice> {
        if !matches!(field.node.value, Value::Map(_)) {
            return field.literal().map(Choice::Literal);
        }
        let read = |(key, value): (String, Field<'_>)| {
            let named = name::input(&value, &key);
            let sampled = match value.node.value {
                Value::Map(_) => Hyperparameter::read(&value).map(Sampled::Hyperparameter),
                _ => value.literal().map(Sampled::Literal),
            };
            sampled.filter(|_| named).map(|sampled| (key, sampled))
        };
        Some(Choice::Conditional(
            field.entries()?.into_iter().filter_map(read).collect(),
        ))
    }
}

impl Range {
    fn read(field: &Field<'_>, rounds: bool) -> Option<Range> {
        let keys = if rounds { QRANGE_KEYS } else { RANGE_KEYS };
        let fields = field.fields(keys)?;
        let (min_value, max_value) = (number(&fields, "min_value"), number(&fields, "max_value"));
        let q = if rounds {
            Some(positive(&fields, "q")?)
        } else {
            None
        };
        let (min_value, max_value) = (min_value?, max_value?);
        if min_value > max_value {
            field.error(
                "out-of-range",
                format!("min_value {min_value} is above max_value {max_value}"),
                "",
            );
        }
        Some(Range {
            min_value,
            max_value,
            q,
        })
    }
}

impl Bell {
    fn read(field: &Field<'_>, rounds: bool) -> Option<Bell> {
        let keys = if rounds { QBELL_KEYS } else { BELL_KEYS };
        let fields = field.fields(keys)?;
        let (mu, sigma) = (number(&fields, "mu"), positive(&fields, "sigma"));
        let q = if rounds {
            Some(positive(&fields, "q")?)
        } else {
            None
        };
        Some(Bell {
            mu: mu?,
            sigma: sigma?,
            q,
        })
    }
}

fn number(fields: &Fields<'_>, key: &str) -> Option<f64> {
    fields.require(key, "write a number")?.number()
}

fn positive(fields: &Fields<'_>, key: &str) -> Option<f64> {
    let field = fields.require(key, "write a number above 0")?;
    let value = field.number()?;
    if value <= 0.0 {
        field.error("out-of-range", format!("{value} is not above 0"), "");
    }
    Some(value)
}
