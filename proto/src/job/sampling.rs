//! `sampling_algorithm` (azureml.md §7): how values are chosen, and from which distributions.

use serde::{Deserialize, Serialize};

use super::field::Field;
use super::{Literal, search_space, suggest};
use crate::yaml::Value;

/// How values are chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub enum Sampling {
    /// By chance.
    Random {
        /// The seed of the chance.
        seed: Option<i64>,
        /// `random` or `sobol`.
        rule: Option<String>,
        /// The base of logarithms for Sobol: a number, or the text `e`.
        logbase: Option<Literal>,
    },
    /// Every combination.
    Grid,
    /// From what earlier trials showed.
    Bayesian,
}

pub(super) const TYPES: &[&str] = &["random", "grid", "bayesian"];
pub(super) const ONLY_TYPE: &[&str] = &["type"];
pub(super) const RULES: &[&str] = &["random", "sobol"];
pub(super) const RANDOM_KEYS: &[&str] = &["type", "seed", "rule", "logbase"];

/// How it is written: a word where that says all, as the SDK dumps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Word(Word),
    Settings {
        #[serde(rename = "type")]
        word: Word,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seed: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        logbase: Option<Literal>,
    },
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Random,
    Grid,
    Bayesian,
}

impl From<Sampling> for Form {
    fn from(sampling: Sampling) -> Form {
        match sampling {
            Sampling::Random {
                seed: None,
                rule: None,
                logbase: None,
            } => Form::Word(Word::Random),
            Sampling::Random {
                seed,
                rule,
                logbase,
            } => Form::Settings {
                word: Word::Random,
                seed,
                rule,
                logbase,
            },
            Sampling::Grid => Form::Word(Word::Grid),
            Sampling::Bayesian => Form::Word(Word::Bayesian),
        }
    }
}

impl From<Form> for Sampling {
    fn from(form: Form) -> Sampling {
        let (word, seed, rule, logbase) = match form {
            Form::Word(word) => (word, None, None, None),
            Form::Settings {
                word,
                seed,
                rule,
                logbase,
            } => (word, seed, rule, logbase),
        };
        match word {
            Word::Random => Sampling::Random {
                seed,
                rule,
                logbase,
            },
            Word::Grid => Sampling::Grid,
            Word::Bayesian => Sampling::Bayesian,
        }
    }
}

/// The distributions that Bayesian sampling knows (Azure ML's documentation).
const BAYESIAN: &[&str] = &["choice", "uniform", "quniform"];

impl Sampling {
    /// Reads `sampling_algorithm`: a word, or a mapping with more settings.
    pub(super) fn read(field: &Field<'_>) -> Option<Sampling> {
        let kind = match &field.node.value {
            Value::Map(_) => field.peek("type"),
            _ => Some(field.clone()),
        };
        let Some(kind) = kind else {
            field
                .fields(RANDOM_KEYS)?
                .require("type", "write random, grid or bayesian");
            return None;
        };
        match (kind.word(TYPES)?, &field.node.value) {
            ("random", Value::Map(_)) => Sampling::random(field),
            ("random", _) => Some(Sampling::Random {
                seed: None,
                rule: None,
                logbase: None,
            }),
            (kind, value) => {
                if matches!(value, Value::Map(_)) {
                    field.fields(ONLY_TYPE)?;
                }
                Some(if kind == "grid" {
                    Sampling::Grid
                } else {
                    Sampling::Bayesian
                })
            }
        }
    }

    fn random(field: &Field<'_>) -> Option<Sampling> {
        let fields = field.fields(RANDOM_KEYS)?;
        let rule = fields.read("rule", |rule| rule.word(RULES));
        Some(Sampling::Random {
            seed: fields.read("seed", Field::integer),
            rule: rule.map(str::to_owned),
            logbase: fields.read("logbase", logbase),
        })
    }

    /// Refuses the distributions of a search space that this way of choosing does not know.
    /// Azure ML's client does not check this (azureml.md §11).
    pub(super) fn check(&self, space: &Field<'_>) {
        let (word, known): (_, &[&str]) = match self {
            Sampling::Random { .. } => return,
            Sampling::Grid => ("grid", &["choice"]),
            Sampling::Bayesian => ("bayesian", BAYESIAN),
        };
        for (_, parameter) in space.children() {
            let Some(kind) = parameter.peek("type") else {
                continue;
            };
            let text = kind.node.text().to_ascii_lowercase();
            if search_space::TYPES.contains(&text.as_str()) && !known.contains(&text.as_str()) {
                let message = format!("{word} sampling does not know the distribution `{text}`");
                kind.error("bad-pairing", message, suggest::help("", known));
            }
        }
    }
}

/// A number above 0, or the text `e`.
fn logbase(field: &Field<'_>) -> Option<Literal> {
    let literal = field.literal()?;
    let sound = match &literal {
        Literal::Int(value) => *value > 0,
        Literal::Float(value) => *value > 0.0,
        Literal::Str(text) => text == "e",
        _ => false,
    };
    if !sound {
        field.error(
            "unknown-value",
            format!("`{literal}` is not a base of logarithms"),
            "write a number above 0, or e",
        );
    }
    Some(literal)
}
