//! `environment` (azureml.md §1.2): a reference to a registered one, or an inline definition.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::field::Field;
use super::{Fields, json};
use crate::diagnostic::Severity;
use crate::yaml::Value;

/// Where a command wants to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Environment {
    /// `azureml:NAME:VERSION`, `azureml:NAME@LABEL`, a registry URI, an ARM id, or `file:` and
    /// the path of a definition, as written.
    Reference(String),
    /// `image`, `conda_file`, `build`, …: checked and normalized.
    Inline(Map<String, Json>),
}

pub(super) const KEYS: &[&str] = &[
    "$schema",
    "image",
    "conda_file",
    "build",
    "os_type",
    "inference_config",
    "tags",
    "description",
    "datastore",
    "auto_delete_setting",
    "name",
    "version",
    "id",
    "creation_context",
];
pub(super) const BUILD_KEYS: &[&str] = &["path", "dockerfile_path"];
pub(super) const SYSTEMS: &[&str] = &["linux", "windows"];
/// Kept as they are.
pub(super) const FREE_KEYS: &[&str] = &["inference_config", "tags", "auto_delete_setting"];
/// The name that Azure ML gives to inline environments; it comes back in dumps.
const ANONYMOUS: &str = "CliV2AnonymousEnvironment";

impl Environment {
    /// Reads `environment`.
    pub(super) fn read(field: &Field<'_>) -> Option<Environment> {
        match &field.node.value {
            Value::Map(_) => inline(field).map(Environment::Inline),
            Value::Str(text) if is_reference(text) => {
                // A registered environment stays as it is, a file is seen from the job's folder.
                let file = text
                    .starts_with("file:")
                    .then(|| field.findings.files.rebase(text.clone()));
                let file = file.map(|path| {
                    if path.starts_with("file:") {
                        path
                    } else {
                        format!("file:{path}")
                    }
                });
                Some(Environment::Reference(file.unwrap_or_else(|| text.clone())))
            }
            Value::Str(text) if text.trim().is_empty() => {
                field.filled_text().map(Environment::Reference)
            }
            Value::Str(text) => {
                let message = format!("`{text}` is not a reference to an environment");
                let help = format!(
                    "write azureml:{text}@latest for a registered one, or {{image: {text}}} for an image"
                );
                field.error("bad-environment", message, help);
                None
            }
            _ => field.text().map(Environment::Reference),
        }
    }

    /// The environment in a few words, for messages.
    pub fn summary(&self) -> &str {
        match self {
            Environment::Reference(text) => text,
            Environment::Inline(map) => {
                let build = || map.get("build").and_then(|build| build.get("path"));
                map.get("image")
                    .or_else(build)
                    .and_then(Json::as_str)
                    .unwrap_or("inline")
            }
        }
    }
}

fn is_reference(text: &str) -> bool {
    let rest = text
        .strip_prefix("azureml:")
        .or_else(|| text.strip_prefix("file:"));
    rest.is_some_and(|rest| !rest.trim().is_empty())
}

fn inline(field: &Field<'_>) -> Option<Map<String, Json>> {
    let fields = field.fields(KEYS)?;
    let mut map = Map::new();
    let mut keep = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            map.insert(key.into(), value);
        }
    };
    let text = |key: &str| {
        fields
            .get(key)
            .and_then(|text| text.filled_text())
            .map(Json::from)
    };
    for key in ["image", "description", "datastore"] {
        keep(key, text(key));
    }
    for key in FREE_KEYS {
        keep(
            key,
            fields
                .get(key)
                .and_then(|map| json::map(&map))
                .map(Json::Object),
        );
    }
    let system = fields
        .get("os_type")
        .and_then(|system| system.word(SYSTEMS));
    keep("os_type", system.map(Json::from));
    keep(
        "conda_file",
        fields.get("conda_file").and_then(|file| conda(&file)),
    );
    keep(
        "build",
        fields.get("build").and_then(|context| build(&context)),
    );
    check_source(&fields);
    warn_of_name(&fields);
    Some(map)
}

/// A conda file's path or its content.
fn conda(field: &Field<'_>) -> Option<Json> {
    match field.node.value {
        Value::Map(_) => json::map(field).map(Json::Object),
        _ => field.path_text().map(Json::from),
    }
}

fn build(field: &Field<'_>) -> Option<Json> {
    let fields = field.fields(BUILD_KEYS)?;
    let mut map = Map::new();
    if let Some(path) = fields
        .get("dockerfile_path")
        .and_then(|path| path.filled_text())
    {
        map.insert("dockerfile_path".into(), path.into());
    }
    let path = fields.require("path", "write the folder that is the build's context")?;
    map.insert("path".into(), path.path_text()?.into());
    Some(Json::Object(map))
}

/// An environment comes from an image or from a build, not from both.
fn check_source(fields: &Fields<'_>) {
    match (fields.get("image"), fields.get("build")) {
        (None, None) => fields.whole.error(
            "bad-environment",
            "an environment needs an image or a build",
            "add `image: NAME`, even beside a conda_file",
        ),
        (Some(_), Some(build)) => build.error(
            "bad-environment",
            "an environment has an image or a build, not both",
            "",
        ),
        _ => {}
    }
}

fn warn_of_name(fields: &Fields<'_>) {
    let anonymous = fields
        .get("name")
        .is_some_and(|name| name.node.as_str() == Some(ANONYMOUS));
    for field in ["name", "version"]
        .iter()
        .filter_map(|key| fields.get(key))
        .filter(|_| !anonymous)
    {
        field.report(
            Severity::Warning,
            "ignored-key",
            "an inline environment has no name and no version: this is dropped",
            "",
        );
    }
}
