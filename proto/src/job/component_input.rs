//! What a component declares of its inputs and outputs, and whether a value fits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::field::Field;
use super::{Literal, name};
use crate::diagnostic::Severity;

/// A declared input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComponentInput {
    /// `string`, `integer`, `number`, `boolean`, or a type of data.
    #[serde(rename = "type")]
    pub kind: String,
    /// The value where a step gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Literal>,
    /// Whether there may be no value at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
    /// The least number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Literal>,
    /// The greatest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Literal>,
    /// The only values.
    #[serde(rename = "enum", default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Literal>>,
    /// Text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How data is brought to the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// A declared output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentOutput {
    /// A type of data, or in preview a type of literals.
    #[serde(rename = "type")]
    pub kind: String,
    /// How data is taken from the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether the output counts before the step has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_available: Option<bool>,
}

/// `path` is the word of older components for data of any type.
const TYPES: &[&str] = &[
    "string",
    "integer",
    "number",
    "boolean",
    "uri_folder",
    "uri_file",
    "mltable",
    "mlflow_model",
    "custom_model",
    "triton_model",
    "path",
];
const INPUT_KEYS: &[&str] = &[
    "type",
    "default",
    "optional",
    "min",
    "max",
    "enum",
    "description",
    "mode",
];
const OUTPUT_KEYS: &[&str] = &["type", "mode", "description", "early_available"];
const INPUT_MODES: &[&str] = &[
    "ro_mount",
    "download",
    "direct",
    "eval_mount",
    "eval_download",
];
const OUTPUT_MODES: &[&str] = &["rw_mount", "mount", "upload", "direct"];

impl ComponentInput {
    /// Reads `inputs` of a component.
    pub(super) fn read_all(field: &Field<'_>) -> Option<BTreeMap<String, ComponentInput>> {
        let read = |(key, value): (String, Field<'_>)| {
            let named = name::pipeline_input(&value, &key);
            let input = ComponentInput::read(&value)?;
            named.then_some((key, input))
        };
        Some(field.entries()?.into_iter().filter_map(read).collect())
    }

    fn read(field: &Field<'_>) -> Option<ComponentInput> {
        let fields = field.fields(INPUT_KEYS)?;
        let kind = fields
            .require("type", "write a type such as string or uri_folder")?
            .word(TYPES)?;
        let values = |list: &Field<'_>| list.items()?.iter().map(Field::literal).collect();
        let mut input = ComponentInput {
            kind: kind.into(),
            default: None,
            optional: fields.read("optional", Field::boolean),
            min: fields.read("min", Field::literal),
            max: fields.read("max", Field::literal),
            values: fields.read("enum", values),
            description: fields.text("description"),
            mode: fields
                .read("mode", |mode| mode.word(INPUT_MODES))
                .map(str::to_owned),
        };
        let default = fields
            .get("default")
            .filter(|default| default.node.value != crate::yaml::Value::Null);
        input.default = default.and_then(|default| {
            let literal = default.literal()?;
            input.check(&default, &literal);
            Some(literal)
        });
        Some(input)
    }

    /// Whether a step may leave it out.
    pub(super) fn may_be_absent(&self) -> bool {
        self.default.is_some() || self.optional == Some(true)
    }

    /// Warns of a value that does not fit: Azure ML's client reads it. Text that reads as a number counts as one, because
    /// YAML 1.1 takes `1e-3` for text.
    pub(super) fn check(&self, field: &Field<'_>, value: &Literal) {
        let text = value.to_string();
        let number = match value {
            Literal::Bool(_) => None,
            _ => text.trim().parse::<f64>().ok(),
        };
        let fits = match self.kind.as_str() {
            "integer" => number.is_some_and(|number| number.fract() == 0.0),
            "number" => number.is_some(),
            "boolean" => {
                matches!(value, Literal::Bool(_))
                    || matches!(text.to_ascii_lowercase().as_str(), "true" | "false")
            }
            _ => true,
        };
        if !fits {
            field.report(
                Severity::Warning,
                "wrong-type",
                format!("`{text}` does not fit the component's type {}", self.kind),
                "",
            );
        } else if self
            .values
            .as_ref()
            .is_some_and(|values| values.iter().all(|known| known.to_string() != text))
        {
            let values: Vec<_> = self
                .values
                .iter()
                .flatten()
                .map(ToString::to_string)
                .collect();
            field.report(
                Severity::Warning,
                "unknown-value",
                format!("`{text}` is not among the component's values"),
                format!("allowed: {}", values.join(", ")),
            );
        } else if let Some(number) = number {
            self.check_bounds(field, number);
        }
    }

    fn check_bounds(&self, field: &Field<'_>, number: f64) {
        let bound = |bound: &Option<Literal>| {
            bound
                .as_ref()
                .and_then(|bound| bound.to_string().parse::<f64>().ok())
        };
        let (least, most) = (bound(&self.min), bound(&self.max));
        if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
            field.report(
                Severity::Warning,
                "out-of-range",
                format!("{number} is outside the component's bounds"),
                "",
            );
        }
    }
}

impl ComponentOutput {
    /// Reads `outputs` of a component.
    pub(super) fn read_all(field: &Field<'_>) -> Option<BTreeMap<String, ComponentOutput>> {
        let read = |(key, value): (String, Field<'_>)| {
            let named = name::pipeline_input(&value, &key);
            let output = ComponentOutput::read(&value)?;
            named.then_some((key, output))
        };
        Some(field.entries()?.into_iter().filter_map(read).collect())
    }

    fn read(field: &Field<'_>) -> Option<ComponentOutput> {
        let fields = field.fields(OUTPUT_KEYS)?;
        let kind = fields
            .require("type", "write a type such as uri_folder")?
            .word(TYPES)?;
        let mode = fields.read("mode", |mode| mode.word(OUTPUT_MODES));
        let mode = mode.map(|mode| if mode == "mount" { "rw_mount" } else { mode });
        Some(ComponentOutput {
            kind: kind.into(),
            mode: mode.map(str::to_owned),
            description: fields.text("description"),
            early_available: fields.read("early_available", Field::boolean),
        })
    }
}
