//! `inputs` (azureml.md §1.5): literals and data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::field::Field;
use super::name::Owner;
use super::path::{PathForm, classify_path};
use super::{Literal, secret, suggest};
use crate::diagnostic::Severity;
use crate::yaml::Value;

/// An input of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// A value that is put into the command.
    Literal(Literal),
    /// A file or folder.
    Data(DataInput),
}

/// A file or folder as input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataInput {
    /// `uri_folder`, `uri_file`, `mltable`, `mlflow_model`, `custom_model`, `triton_model`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is, as written; empty where a pipeline leaves it open.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// `ro_mount`, `download`, `direct`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The datastore to upload to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datastore: Option<String>,
    /// Where the job wants to see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_on_compute: Option<String>,
}

/// The types of data, for inputs and outputs.
pub const DATA_TYPES: &[&str] = &[
    "uri_folder",
    "uri_file",
    "mltable",
    "mlflow_model",
    "custom_model",
    "triton_model",
];
/// The types of a component's literal inputs, which a job has not.
const LITERAL_TYPES: &[&str] = &["string", "number", "integer", "boolean"];
pub(super) const MODES: &[&str] = &["ro_mount", "download", "direct"];
pub(super) const MLTABLE_MODES: &[&str] = &[
    "ro_mount",
    "download",
    "direct",
    "eval_mount",
    "eval_download",
];
pub(super) const VALUE_KEYS: &[&str] = &["value"];
pub(super) const KEYS: &[&str] = &["type", "path", "mode", "datastore", "path_on_compute"];

impl Input {
    /// Reads `inputs`.
    pub(super) fn read_all(field: &Field<'_>, owner: Owner) -> Option<BTreeMap<String, Input>> {
        let entries = field.entries()?;
        let read = |(key, value): (String, Field<'_>)| {
            let named = owner.names(&value, &key);
            let input = Input::read(&value, owner)?;
            named.then_some((key, input))
        };
        Some(entries.into_iter().filter_map(read).collect())
    }

    /// Reads one input.
    fn read(field: &Field<'_>, owner: Owner) -> Option<Input> {
        match &field.node.value {
            Value::Map(_) if field.peek("value").is_some() => {
                let value = field.fields(VALUE_KEYS)?.get("value")?;
                value.literal().map(Input::Literal)
            }
            Value::Map(_) => DataInput::read(field, owner).map(Input::Data),
            Value::Null => {
                field.error(
                    "wrong-type",
                    "an input must have a value",
                    "write \"\" for an empty text, or {type: uri_folder, path: …}",
                );
                None
            }
            _ => field.literal().map(Input::Literal),
        }
    }
}

impl DataInput {
    fn read(field: &Field<'_>, owner: Owner) -> Option<DataInput> {
        let kind = match field.peek("type") {
            Some(kind) => data_type(&kind, field)?,
            None => "uri_folder",
        };
        let fields = field.fields(KEYS)?;
        let modes = if kind == "mltable" {
            MLTABLE_MODES
        } else {
            MODES
        };
        let mode = fields.get("mode").and_then(|mode| mode.word(modes));
        let text = |key| fields.get(key).and_then(|text| text.filled_text());
        let (datastore, path_on_compute) = (text("datastore"), text("path_on_compute"));
        let path = match fields.get("path") {
            Some(path) => {
                secret::check(&path);
                path.path_text()?
            }
            None => no_path(field, owner)?,
        };
        Some(DataInput {
            kind: kind.into(),
            path: unmangled(path),
            mode: mode.map(str::to_owned),
            datastore,
            path_on_compute,
        })
    }
}

/// A path without the `azureml:` that the SDK's dump puts before local paths and URIs.
fn unmangled(text: String) -> String {
    match (text.strip_prefix("azureml:"), classify_path(&text)) {
        (Some(rest), PathForm::Local(_)) => rest.to_owned(),
        (Some(rest), PathForm::Uri(_)) if !rest.starts_with("//") => rest.to_owned(),
        _ => text,
    }
}

/// Azure ML reads data without a path, and refuses a job at submission where one is lacking.
fn no_path(field: &Field<'_>, owner: Owner) -> Option<String> {
    let help = "write `path:` with a local path, a URI or azureml:NAME:VERSION";
    match owner {
        Owner::Job => {
            field.error("missing-key", "the key `path` is required", help);
            None
        }
        Owner::Pipeline => {
            let message = "there is no path yet: the pipeline cannot be submitted so";
            field.report(Severity::Warning, "missing-key", message, help);
            Some(String::new())
        }
    }
}

/// A type of data; a component's literal type gets a help of its own.
fn data_type(kind: &Field<'_>, input: &Field<'_>) -> Option<&'static str> {
    let text = kind.text()?;
    let lower = text.to_ascii_lowercase();
    let found = DATA_TYPES.iter().find(|known| **known == lower);
    if found.is_none() {
        let help = match LITERAL_TYPES.contains(&lower.as_str()) {
            true => literal_help(input),
            false => suggest::help(&text, DATA_TYPES),
        };
        kind.error(
            "unknown-value",
            format!("`{text}` is not a type of a job's input"),
            help,
        );
    }
    found.copied()
}

fn literal_help(input: &Field<'_>) -> String {
    let name = input.path.rsplit('.').next().unwrap_or_default();
    let value = input
        .peek("default")
        .map_or("VALUE", |value| value.node.text())
        .to_owned();
    format!("types of literals belong to components; in a job write `{name}: {value}`")
}
