//! The schema of a whole file.

use std::collections::BTreeSet;

use serde_json::{Map, json};

use super::build::{self, Object, Schema, described, exactly, reference};
use super::{data, pipeline, sweep, task};
use crate::job::{command, reading};

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaKind {
    /// A job of any type.
    Job,
    /// A command job.
    Command,
    /// A sweep job.
    Sweep,
    /// A pipeline job.
    Pipeline,
    /// A component.
    Component,
}

impl SchemaKind {
    /// The definition of it, and its title.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            SchemaKind::Job => ("job", "Azure ML job"),
            SchemaKind::Command => ("commandJob", "Azure ML command job"),
            SchemaKind::Sweep => ("sweepJob", "Azure ML sweep job"),
            SchemaKind::Pipeline => ("pipelineJob", "Azure ML pipeline job"),
            SchemaKind::Component => ("component", "Azure ML component"),
        }
    }
}

/// The JSON Schema (draft 7) of a file.
pub fn schema(kind: SchemaKind) -> serde_json::Value {
    let (definition, title) = kind.names();
    let mut definitions = Map::new();
    for (name, schema) in [
        ("job", job()),
        ("commandJob", command_job()),
        ("sweepJob", sweep_job()),
        ("pipelineJob", pipeline_job()),
    ] {
        definitions.insert(name.into(), schema);
    }
    task::define(&mut definitions);
    data::define(&mut definitions);
    sweep::define(&mut definitions);
    pipeline::define(&mut definitions);
    let used = reachable(definition, &definitions);
    definitions.retain(|name, _| used.contains(name));
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        "allOf": [reference(definition)],
        "definitions": definitions,
    })
}

/// A definition and all that it refers to.
fn reachable(name: &str, definitions: &Map<String, Schema>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        if let Some(definition) = definitions.get(&name)
            && found.insert(name)
        {
            references(definition, &mut open);
        }
    }
    found
}

/// The names of the definitions that a schema refers to.
fn references(schema: &Schema, found: &mut Vec<String>) {
    match schema {
        Schema::Object(map) => {
            let name = map.get("$ref").and_then(Schema::as_str);
            found.extend(name.and_then(build::referenced).map(str::to_owned));
            map.values().for_each(|value| references(value, found));
        }
        Schema::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// A job of any type: without one it is a command.
fn job() -> Schema {
    let is = |kind: &str| json!({"required": ["type"], "properties": {"type": {"const": kind}}});
    let hover = "What the job is; a command when absent.";
    json!({
        "type": "object",
        "properties": {"type": described(exactly(reading::TYPES), hover)},
        "if": is("sweep"), "then": reference("sweepJob"), "else": {
            "if": is("pipeline"), "then": reference("pipelineJob"), "else": reference("commandJob"),
        },
    })
}

fn command_job() -> Schema {
    let mut own = vec![(
        "type",
        "A command job, also when absent.",
        exactly(&["command"]),
    )];
    own.extend(data::of_job());
    Object {
        keys: command::KEYS,
        required: &["command", "environment"],
        own,
    }
    .closed()
}

fn sweep_job() -> Schema {
    let mut own = sweep::keys();
    own.push(("type", "A sweep job.", exactly(&["sweep"])));
    own.push(("trial", "What every trial runs.", reference("trial")));
    own.extend(data::of_job());
    let mut required = vec!["type"];
    required.extend(sweep::REQUIRED);
    Object {
        keys: crate::job::sweep::KEYS,
        required: &required,
        own,
    }
    .closed()
}

fn pipeline_job() -> Schema {
    let mut own = vec![("type", "A pipeline job.", exactly(&["pipeline"]))];
    own.extend([
        pipeline::steps(),
        pipeline::component_of("component"),
        pipeline::settings_key(),
    ]);
    own.extend(data::of_pipeline());
    let mut schema = Object {
        keys: crate::job::pipeline::KEYS,
        required: &["type"],
        own,
    }
    .closed();
    schema["oneOf"] = json!([{"required": ["jobs"]}, {"required": ["component"]}]);
    schema
}
