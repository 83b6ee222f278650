//! Writes a job in the flat form of the SDK's `dump` (azureml.md §6): keys sorted, the type and
//! the usual mappings always there, paths and booleans as they are.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::CommandJob;
use crate::yaml::Tree;

/// The mappings that a dump always has.
const ALWAYS: &[&str] = &[
    "environment_variables",
    "inputs",
    "outputs",
    "parameters",
    "properties",
    "tags",
];
/// The mappings that hold literals, whose large integers JSON writes as `{"big": "…"}`.
const WITH_LITERALS: &[&str] = &["environment_variables", "inputs"];

/// A command job as YAML; [`read`](super::read) reads it back as the same job.
pub fn dump(job: &CommandJob) -> String {
    // A job is plain data with text keys: it always has a JSON form.
    let json = serde_json::to_value(job).unwrap_or_default();
    let mut map = match Tree::from(&json) {
        Tree::Map(map) => map,
        _ => BTreeMap::new(),
    };
    for key in ALWAYS {
        map.entry((*key).into())
            .or_insert_with(|| Tree::Map(BTreeMap::new()));
    }
    for key in WITH_LITERALS {
        restore_integers(&json[key], map.get_mut(*key));
    }
    map.insert("type".into(), Tree::Str("command".into()));
    Tree::Map(map).to_string()
}

fn restore_integers(json: &Json, tree: Option<&mut Tree>) {
    let (Some(Tree::Map(map)), Json::Object(values)) = (tree, json) else {
        return;
    };
    for (key, value) in values {
        if let Some(digits) = value.get("big").and_then(Json::as_str) {
            map.insert(key.clone(), Tree::Plain(digits.into()));
        }
    }
}
