//! Writes a job in the flat form of the SDK's `dump` (azureml.md §6): keys sorted, the type and
//! the usual mappings always there, paths and booleans as they are.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::component::Component;
use super::literal::BIG;
use super::{CommandJob, Job};
use crate::yaml::Tree;

/// The mappings that a dump always has.
const ALWAYS: &[&str] = &["inputs", "outputs", "properties", "tags"];
/// The same for the dump of a command.
const ALWAYS_OF_COMMAND: &[&str] = &["environment_variables", "parameters"];

/// A command job as YAML; [`read`](super::read) reads it back as the same job.
pub fn dump(job: &CommandJob) -> String {
    // A job is plain data with text keys: it always has a JSON form.
    let mut json = serde_json::to_value(job).unwrap_or_default();
    json["type"] = "command".into();
    write(&json)
}

/// A job of any type as YAML; [`read`](super::read) reads it back as the same job.
pub fn dump_job(job: &Job) -> String {
    // As above.
    write(&serde_json::to_value(job).unwrap_or_default())
}

/// A component as YAML; [`read_component`](super::read_component) reads it back as the same.
pub fn dump_component(component: &Component) -> String {
    // As above.
    tree(&serde_json::to_value(component).unwrap_or_default()).to_string()
}

fn write(json: &Json) -> String {
    let Tree::Map(mut map) = tree(json) else {
        return String::new();
    };
    let command = ALWAYS_OF_COMMAND
        .iter()
        .filter(|_| json["type"] == "command");
    for key in ALWAYS.iter().chain(command) {
        map.entry((*key).into())
            .or_insert_with(|| Tree::Map(BTreeMap::new()));
    }
    Tree::Map(map).to_string()
}

/// JSON as YAML, with the large integers of literals as integers.
fn tree(json: &Json) -> Tree {
    match json {
        Json::Array(items) => Tree::Seq(items.iter().map(tree).collect()),
        Json::Object(map) => match map.get(BIG).and_then(Json::as_str) {
            Some(digits) => Tree::Plain(digits.into()),
            None => Tree::Map(
                map.iter()
                    .map(|(key, value)| (key.clone(), tree(value)))
                    .collect(),
            ),
        },
        scalar => scalar.into(),
    }
}
