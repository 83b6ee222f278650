//! What is run: a command with its code, environment and variables. Jobs, trials of sweeps,
//! components and steps of pipelines each hold one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::field::Field;
use super::references::{self, Names};
use super::{Distribution, Environment, Fields, Literal, Resources, name};
use crate::yaml::Value;

/// Bytes of a command at most: Linux takes no longer argument (`MAX_ARG_STRLEN`, execve(2)).
pub const COMMAND_BYTES_MAX: usize = 128 * 1024 - 1;

/// What is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
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
    /// Instance count, shared memory and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// How many processes, and of which framework.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
}

/// What to write where an environment is missing.
const ENVIRONMENT_HELP: &str =
    "write `environment: azureml:NAME@latest` or `environment: {image: NAME}`";

impl Task {
    /// Reads a task's keys. Where one is missing or wrong that is reported, and the task has
    /// something empty in its place so that the other keys can be checked.
    pub(super) fn read(fields: &Fields<'_>) -> Task {
        let environment = fields.require("environment", ENVIRONMENT_HELP);
        let environment = environment.and_then(|field| Environment::read(&field));
        Task {
            command: command(fields).unwrap_or_default(),
            code: fields.read("code", code),
            environment: environment.unwrap_or(Environment::Reference(String::new())),
            environment_variables: fields
                .read("environment_variables", variables)
                .unwrap_or_default(),
            resources: fields.read("resources", Resources::read),
            distribution: fields.read("distribution", Distribution::read),
        }
    }

    /// Checks what the command refers to.
    pub(super) fn check_references(&self, fields: &Fields<'_>, names: &Names) {
        if let Some(field) = fields.get("command") {
            references::check_command(&field, &self.command, names);
        }
    }
}

/// The command: there must be one, and Linux must be able to take it.
pub(super) fn command(fields: &Fields<'_>) -> Option<String> {
    let field = fields.require("command", "write `command: echo hello`")?;
    let text = field.filled_text()?;
    if text.len() > COMMAND_BYTES_MAX {
        let message = format!(
            "the command has {} bytes, more than {COMMAND_BYTES_MAX}",
            text.len()
        );
        field.error("too-large", message, "move it into a script under `code`");
        return None;
    }
    Some(text)
}

/// The code: a path, a URL or an asset, but no git repository, which Azure ML refuses too.
pub(super) fn code(field: &Field<'_>) -> Option<String> {
    let text = field.path_text()?;
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

/// Environment variables by name.
pub(super) fn variables(field: &Field<'_>) -> Option<BTreeMap<String, Option<Literal>>> {
    let read = |(key, value): (String, Field<'_>)| {
        let named = name::variable(&value, &key);
        let literal = match value.node.value {
            Value::Null => None,
            // The SDK's text of a date is the date as written.
            Value::Date(_) => Some(Literal::Str(value.node.raw.to_string())),
            _ => Some(value.literal()?),
        };
        named.then_some((key, literal))
    };
    Some(field.entries()?.into_iter().filter_map(read).collect())
}
