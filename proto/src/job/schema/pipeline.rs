//! Pipelines: steps, settings and components.

use serde_json::{Map, json};

use super::build::{
    Object, Schema, boolean, by_type, exactly, filled, free_map, list_of, map_or, reference, word,
    words,
};
use super::{data, sweep};
use crate::job::pipeline::{FLAGS, SETTINGS, STEPS_MAX};
use crate::job::{component, node};

/// `job::name::step`.
const STEP_NAME: &str = "^[a-z_][a-z0-9_]{0,199}$";

/// Adds the definitions.
pub(super) fn define(definitions: &mut Map<String, Schema>) {
    for (name, schema) in [
        ("step", step()),
        ("commandStep", command_step()),
        ("sweepStep", sweep_step()),
        ("pipelineStep", pipeline_step()),
        ("settings", settings()),
        ("component", component()),
        ("commandComponent", command_component()),
        ("pipelineComponent", pipeline_component()),
    ] {
        definitions.insert(name.into(), schema);
    }
}

/// `jobs`.
pub(super) fn steps() -> (&'static str, &'static str, Schema) {
    let steps = json!({"type": "object", "minProperties": 1, "maxProperties": STEPS_MAX,
        "propertyNames": {"pattern": STEP_NAME}, "additionalProperties": reference("step")});
    (
        "jobs",
        "The steps by name. What a step reads of another makes it wait for that one.",
        steps,
    )
}

/// `component`: a registered one, a file, or the component itself.
pub(super) fn component_of(key: &'static str) -> (&'static str, &'static str, Schema) {
    (
        key,
        "What is run: `./file.yml`, `azureml:NAME:VERSION`, a registry's URI, or a component.",
        map_or(reference("component"), filled()),
    )
}

/// `settings`.
pub(super) fn settings_key() -> (&'static str, &'static str, Schema) {
    ("settings", "Defaults of the steps.", reference("settings"))
}

fn settings() -> Schema {
    let own = |key: &&'static str| match FLAGS.contains(key) {
        true => (*key, "True or false.", boolean()),
        false => (*key, "A default of the steps.", json!({})),
    };
    // Unknown settings are accepted with a warning, as the SDK accepts them.
    Object {
        keys: SETTINGS,
        required: &[],
        own: SETTINGS.iter().map(own).collect(),
    }
    .open()
}

fn step() -> Schema {
    let known = ["command", "sweep", "pipeline"];
    let other: Vec<_> = node::TYPES
        .iter()
        .copied()
        .filter(|kind| !known.contains(kind))
        .collect();
    by_type(
        "What the step is; a command when absent.",
        words(node::TYPES),
        Some(&reference("commandStep")),
        &[
            (word("command"), reference("commandStep")),
            (word("sweep"), reference("sweepStep")),
            (word("pipeline"), reference("pipelineStep")),
            (words(&other), free_map()),
        ],
    )
}

/// What steps of every type have beside the common keys.
fn step_keys() -> Vec<(&'static str, &'static str, Schema)> {
    let mut own = vec![("name", "Ignored: a step is named by its key.", json!({}))];
    own.extend(data::of_step());
    own
}

fn command_step() -> Schema {
    let mut own = step_keys();
    own.push(component_of("component"));
    let mut schema = Object {
        keys: node::COMMAND_KEYS,
        required: &[],
        own,
    }
    .open();
    schema["if"] = json!({"required": ["component"]});
    schema["then"] = json!({"not": {"required": ["command"]}});
    schema["else"] = json!({"required": ["command", "environment"]});
    schema
}

fn sweep_step() -> Schema {
    let mut own = step_keys();
    own.extend(sweep::keys());
    own.push(component_of("trial"));
    Object {
        keys: node::SWEEP_KEYS,
        required: &sweep::REQUIRED,
        own,
    }
    .open()
}

fn pipeline_step() -> Schema {
    let mut own = step_keys();
    own.push(component_of("component"));
    own.push(("settings", "Defaults of the steps.", json!({})));
    Object {
        keys: node::PIPELINE_KEYS,
        required: &["component"],
        own,
    }
    .open()
}

fn component() -> Schema {
    // Components of other types are kept as they are.
    json!({"type": "object",
    "if": {"not": {"required": ["type"]}},
    "then": {"if": {"anyOf": [{"required": ["flow"]}, {"required": ["nodes"]}]},
        "then": true, "else": reference("commandComponent")},
    "else": by_type("What the component is.", json!({}), Some(&json!({})), &[
        (exactly(&["command"]), reference("commandComponent")),
        (exactly(&["pipeline"]), reference("pipelineComponent")),
    ])})
}

/// What components of every type have beside the common keys.
fn component_keys() -> Vec<(&'static str, &'static str, Schema)> {
    let mut own = vec![
        ("name", "The component's name.", filled()),
        (
            "version",
            "The component's version.",
            json!({"type": ["string", "number"], "pattern": r"\S"}),
        ),
        ("properties", "Read-only: accepted and dropped.", json!({})),
        (
            "is_deterministic",
            "Whether the same inputs give the same outputs, so that a result may be used again.",
            boolean(),
        ),
    ];
    own.extend(data::of_component());
    own
}

fn command_component() -> Schema {
    let mut own = component_keys();
    own.push((
        "additional_includes",
        "More files and folders that go beside the code.",
        list_of(filled()),
    ));
    own.push((
        "type",
        "A command, also when absent.",
        exactly(&["command"]),
    ));
    Object {
        keys: component::COMMAND_KEYS,
        required: &["command", "environment"],
        own,
    }
    .closed()
}

fn pipeline_component() -> Schema {
    let mut own = component_keys();
    own.extend([steps(), ("type", "A pipeline.", exactly(&["pipeline"]))]);
    Object {
        keys: component::PIPELINE_KEYS,
        required: &["jobs"],
        own,
    }
    .closed()
}
