//! The command job (azureml.md §1.1): one command, its inputs, outputs and limits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::field::Field;
use super::references::{self, Names};
use super::{
    Distribution, Environment, Fields, Identity, Input, Limits, Literal, Output, QueueSettings,
    Resources, Service, name, notes,
};
use crate::yaml::Value;

/// A command job as the user wrote it: paths are as written, relative to the base path that
/// travels beside the job; values have the types that Azure ML's reader gives them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandJob {
    /// The job's name; chosen by the daemon when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The experiment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment_name: Option<String>,
    /// Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Free text by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Option<String>>,
    /// Free text by name, not to be changed later.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Option<String>>,
    /// The command, with its expressions unresolved.
    pub command: String,
    /// A local file or folder, a URL, or an asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Where the command wants to run.
    pub environment: Environment,
    /// Variable → value; null is a variable without a value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment_variables: BTreeMap<String, Option<Literal>>,
    /// The compute's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<String>,
    /// Instance count, shared memory and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// The time limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// How many processes, and of which framework.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// Inputs by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Input>,
    /// Outputs by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, Output>,
    /// Whose rights the job has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Interactive services by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<BTreeMap<String, Service>>,
    /// Tier and priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_settings: Option<QueueSettings>,
    /// Makes the job a child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_job_name: Option<String>,
}

/// Bytes of a command at most: Linux takes no longer argument (`MAX_ARG_STRLEN`, execve(2)).
pub const MAX_COMMAND_BYTES: usize = 128 * 1024 - 1;

/// The keys of a command job.
const KEYS: &[&str] = &[
    "$schema",
    "type",
    "name",
    "display_name",
    "experiment_name",
    "description",
    "tags",
    "properties",
    "command",
    "code",
    "environment",
    "environment_variables",
    "compute",
    "resources",
    "limits",
    "distribution",
    "inputs",
    "outputs",
    "identity",
    "services",
    "queue_settings",
    "parent_job_name",
    // Read-only: what a dump or `show` prints, dropped here as the SDK drops it.
    "id",
    "status",
    "log_files",
    "creation_context",
    "parameters",
];

impl CommandJob {
    /// Reads a command job; every finding goes to the field's findings.
    pub(super) fn read(root: &Field<'_>) -> Option<CommandJob> {
        let fields = root.fields(KEYS)?;
        let text = |key| fields.get(key).and_then(|text| text.text());
        let filled = |key| fields.get(key).and_then(|text| text.filled_text());
        let texts = |key| {
            fields
                .get(key)
                .and_then(|map| text_map(&map))
                .unwrap_or_default()
        };
        let inputs = fields
            .get("inputs")
            .and_then(|map| Input::read_all(&map))
            .unwrap_or_default();
        let outputs = fields
            .get("outputs")
            .and_then(|map| Output::read_all(&map))
            .unwrap_or_default();
        let environment = fields.require(
            "environment",
            "write `environment: azureml:NAME@latest` or `environment: {image: NAME}`",
        );
        let job = CommandJob {
            name: fields.get("name").and_then(|name| name::job(&name)),
            display_name: text("display_name"),
            experiment_name: fields
                .get("experiment_name")
                .and_then(|name| name::experiment(&name)),
            description: text("description"),
            tags: texts("tags"),
            properties: texts("properties"),
            command: command(&fields).unwrap_or_default(),
            code: fields.get("code").and_then(|code| self::code(&code)),
            environment: environment
                .and_then(|field| Environment::read(&field))
                .unwrap_or(Environment::Reference(String::new())),
            environment_variables: fields
                .get("environment_variables")
                .and_then(|map| variables(&map))
                .unwrap_or_default(),
            compute: filled("compute"),
            resources: fields
                .get("resources")
                .and_then(|field| Resources::read(&field)),
            limits: fields.get("limits").and_then(|field| Limits::read(&field)),
            distribution: fields
                .get("distribution")
                .and_then(|field| Distribution::read(&field)),
            inputs: inputs.into_iter().collect(),
            outputs: outputs.into_iter().collect(),
            identity: fields
                .get("identity")
                .and_then(|field| Identity::read(&field)),
            services: fields.get("services").and_then(|map| services(&map)),
            queue_settings: fields
                .get("queue_settings")
                .and_then(|field| QueueSettings::read(&field)),
            parent_job_name: fields
                .get("parent_job_name")
                .and_then(|name| name::job(&name)),
        };
        job.check_references(&fields);
        notes::note_all(&fields, &job);
        (!root.findings.failed()).then_some(job)
    }

    /// The names come from the file, so that an input with an error does not make its
    /// references errors too.
    fn check_references(&self, fields: &Fields<'_>) {
        let names = |key| {
            fields
                .get(key)
                .map(|map| map.children())
                .unwrap_or_default()
        };
        let (inputs, outputs) = (names("inputs"), names("outputs"));
        let inputs: Vec<_> = inputs.iter().map(|(name, _)| name.as_str()).collect();
        let outputs: Vec<_> = outputs.iter().map(|(name, _)| name.as_str()).collect();
        if let Some(field) = fields.get("command") {
            let names = Names {
                inputs: &inputs,
                outputs: &outputs,
                search_space: None,
            };
            references::check_command(&field, &self.command, names);
        }
    }
}

/// The command: there must be one, and Linux must be able to take it.
fn command(fields: &Fields<'_>) -> Option<String> {
    let field = fields.require("command", "write `command: echo hello`")?;
    let text = field.filled_text()?;
    if text.len() > MAX_COMMAND_BYTES {
        let message = format!(
            "the command has {} bytes, more than {MAX_COMMAND_BYTES}",
            text.len()
        );
        field.error("too-large", message, "move it into a script under `code`");
        return None;
    }
    Some(text)
}

/// The code: a path, a URL or an asset, but no git repository, which Azure ML refuses too.
fn code(field: &Field<'_>) -> Option<String> {
    let text = field.filled_text()?;
    if text.starts_with("git+") {
        field.error(
            "unsupported-value",
            "code cannot come from git",
            "clone it and name the folder",
        );
        return None;
    }
    Some(text)
}

/// `tags` and `properties`: text or nothing by name.
fn text_map(field: &Field<'_>) -> Option<BTreeMap<String, Option<String>>> {
    let entries = field.entries()?.into_iter();
    Some(
        entries
            .filter_map(|(key, value)| Some((key, value.nullable_text()?)))
            .collect(),
    )
}

fn variables(field: &Field<'_>) -> Option<BTreeMap<String, Option<Literal>>> {
    let read = |(key, value): (String, Field<'_>)| {
        let named = name::variable(&value, &key);
        let literal = match value.node.value {
            Value::Null => None,
            _ => Some(value.literal()?),
        };
        named.then_some((key, literal))
    };
    Some(field.entries()?.into_iter().filter_map(read).collect())
}

fn services(field: &Field<'_>) -> Option<BTreeMap<String, Service>> {
    let entries = field.entries()?.into_iter();
    Some(
        entries
            .filter_map(|(key, value)| Some((key, Service::read(&value)?)))
            .collect(),
    )
}
