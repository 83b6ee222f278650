//! The keys that mean the same wherever they stand.

use super::build::{Schema, filled, integer, map_of, matching, named, reference, text};
use crate::job::limits::TIMEOUT_SECS_MAX;
use crate::job::resources::INSTANCES_MAX;
use serde_json::json;

/// The name of a job: `job::name::is_job_name`.
const JOB_NAME: &str = "^[A-Za-z0-9][A-Za-z0-9_-]{0,254}$";

/// A key's text for hover and its schema; of an unknown key nothing is said.
pub(super) fn common(key: &str) -> (&'static str, Schema) {
    identification(key)
        .or_else(|| execution(key))
        .or_else(|| read_only(key))
        .unwrap_or(("", json!({})))
}

fn identification(key: &str) -> Option<(&'static str, Schema)> {
    Some(match key {
        "$schema" => (
            "The schema that the file claims to follow. Ignored.",
            json!({}),
        ),
        "type" => ("What it is.", text()),
        "name" => (
            "The job's name: letters, digits, `_` and `-`, at most 255. Generated when absent.",
            matching(JOB_NAME),
        ),
        "display_name" => ("The name for people; the job's name when absent.", text()),
        "experiment_name" => (
            "The experiment that the job belongs to; the working folder's name when absent.",
            filled(),
        ),
        "description" => ("Text for people, in Markdown.", text()),
        "comment" => ("Text for people.", text()),
        "tags" => ("Free text by name.", text_map()),
        "properties" => ("Free text by name, not to be changed later.", text_map()),
        "parent_job_name" => ("The job that this one is a child of.", matching(JOB_NAME)),
        _ => return None,
    })
}

fn execution(key: &str) -> Option<(&'static str, Schema)> {
    Some(match key {
        "command" => (
            "What is run, by a shell. `${{inputs.NAME}}` and `${{outputs.NAME}}` stand for values \
             and paths; `$[[…]]` vanishes when an optional input in it has no value.",
            filled(),
        ),
        "code" => (
            "A local file or folder that is copied into the job's working folder, a URL, or an asset.",
            json!({"type": "string", "pattern": r"^(?!git\+)\s*\S"}),
        ),
        "environment" => (
            "Where the command wants to run: `azureml:NAME:VERSION`, `azureml:NAME@latest`, a \
             registry's URI, `file:PATH`, or an image or build.",
            reference("environment"),
        ),
        "environment_variables" => (
            "Variables of the command's environment.",
            named(
                "^[^=\u{0}]+$",
                json!({"type": ["string", "number", "boolean", "null"]}),
            ),
        ),
        "compute" => (
            "Where to run: `local`, or a compute of Azure ML, which is this machine here.",
            filled(),
        ),
        "resources" => (
            "How much of the machine the job asks for.",
            reference("resources"),
        ),
        "limits" => ("How long the job may run.", reference("limits")),
        "distribution" => (
            "Which framework's processes run the command, and how many.",
            reference("distribution"),
        ),
        "identity" => ("Whose rights the job has.", reference("identity")),
        "services" => (
            "What can be reached while the job runs, by name.",
            map_of(reference("service")),
        ),
        "queue_settings" => ("Which job comes first.", reference("queueSettings")),
        _ => return None,
    })
}

/// What a dump or `show` prints: accepted and dropped.
fn read_only(key: &str) -> Option<(&'static str, Schema)> {
    let known = [
        "id",
        "status",
        "log_files",
        "creation_context",
        "parameters",
        "endpoint",
        "error_message",
    ];
    known
        .contains(&key)
        .then(|| ("Read-only: accepted and dropped.", json!({})))
}

/// Text or nothing by name.
pub(super) fn text_map() -> Schema {
    map_of(json!({"type": ["string", "null"]}))
}

/// A time limit in seconds.
pub(super) fn seconds() -> Schema {
    integer(1, TIMEOUT_SECS_MAX)
}

/// A count of nodes.
pub(super) fn instances() -> Schema {
    integer(1, INSTANCES_MAX)
}
