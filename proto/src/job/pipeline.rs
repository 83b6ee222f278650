//! The pipeline job (azureml.md §8): steps that wait for each other's outputs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::base::Base;
use super::bindings;
use super::component::{Component, ComponentRef};
use super::field::Field;
use super::name::Owner;
use super::{Fields, Node, declared, json, name, suggest};
use crate::diagnostic::Severity;

/// Steps of a pipeline at most.
pub const STEPS_MAX: usize = 1000;

/// A pipeline job as the user wrote it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineJob {
    /// What it has in common with other jobs.
    #[serde(flatten)]
    pub base: Base,
    /// The steps by name; none where a component is run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub jobs: BTreeMap<String, Node>,
    /// The component that is run instead of steps: a registered one, or one with an optional
    /// input that has no value or an output that is no data. Of any other the steps are the job's own, as in the SDK's dumps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentRef>,
    /// Defaults of the steps.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Json>,
}

pub(super) const KEYS: &[&str] = &[
    "$schema",
    "type",
    "name",
    "display_name",
    "experiment_name",
    "description",
    "tags",
    "properties",
    "compute",
    "inputs",
    "outputs",
    "identity",
    "services",
    "parent_job_name",
    "jobs",
    "component",
    "settings",
    // Read-only: dropped.
    "id",
    "status",
    "log_files",
    "creation_context",
    "parameters",
];
pub(super) const SETTINGS: &[&str] = &[
    "default_compute",
    "default_datastore",
    "continue_on_step_failure",
    "force_rerun",
    "on_init",
    "on_finalize",
];
/// Settings that are true or false.
pub(super) const FLAGS: &[&str] = &["continue_on_step_failure", "force_rerun"];

impl PipelineJob {
    /// Reads a pipeline job.
    pub(super) fn read(root: &Field<'_>) -> Option<PipelineJob> {
        let fields = root.fields(KEYS)?;
        let mut base = Base::read(&fields, Owner::Pipeline);
        let settings = fields.read("settings", settings).unwrap_or_default();
        let component = fields.get("component");
        let own = match (&component, fields.get("jobs")) {
            (Some(_), None) => Some(BTreeMap::new()),
            (Some(_), Some(jobs)) => {
                jobs.error(
                    "bad-pairing",
                    "a pipeline has steps or a component, not both",
                    "",
                );
                None
            }
            (None, _) => read_steps(&fields),
        };
        let component = component.map(|component| ComponentRef::read(&component, None));
        let component = match component {
            Some(read) => Some(read?),
            None => None,
        };
        let (jobs, component) = match component {
            Some(component) => unfold(root, &fields, component, &mut base),
            None => (own?, None),
        };
        Some(PipelineJob {
            base,
            jobs,
            component,
            settings,
        })
    }
}

/// The steps of a component as steps of the job that is one, where that says the same.
fn unfold(
    root: &Field<'_>,
    fields: &Fields<'_>,
    component: ComponentRef,
    base: &mut Base,
) -> (BTreeMap<String, Node>, Option<ComponentRef>) {
    let ComponentRef::Inline(inline) = &component else {
        return (BTreeMap::new(), Some(component));
    };
    let Component::Pipeline(pipeline) = inline.as_ref() else {
        return (BTreeMap::new(), Some(component));
    };
    let declared = &pipeline.declaration;
    declared::settle_inputs(fields, &declared.inputs, &mut base.inputs);
    let all_given = (declared.inputs.keys()).all(|name| base.inputs.contains_key(name));
    if !all_given || !declared::are_data(&declared.outputs) {
        return (BTreeMap::new(), Some(component));
    }
    declared::settle_outputs(root, &declared.outputs, &mut base.outputs);
    (pipeline.jobs.clone(), None)
}

/// Reads the steps of a pipeline or of its component and checks how they are bound.
pub(super) fn read_steps(fields: &Fields<'_>) -> Option<BTreeMap<String, Node>> {
    let jobs = fields.require(
        "jobs",
        "write a step: `jobs: {hello: {command: …, environment: …}}`",
    )?;
    let entries = jobs.entries()?;
    if entries.is_empty() || entries.len() > STEPS_MAX {
        jobs.error(
            "out-of-range",
            format!(
                "a pipeline has 1 to {STEPS_MAX} steps, not {}",
                entries.len()
            ),
            "",
        );
        return None;
    }
    let read = |(key, field): &(String, Field<'_>)| {
        let named = name::step(field, key);
        let node = Node::read(field)?;
        named.then(|| (key.clone(), node))
    };
    let nodes = entries.iter().filter_map(read).collect();
    bindings::check(fields, &entries, &nodes);
    Some(nodes)
}

/// Settings: the SDK accepts unknown ones, so they are kept and warned of.
fn settings(field: &Field<'_>) -> Option<Map<String, Json>> {
    for (key, value) in field.children() {
        if !SETTINGS.contains(&key.as_str()) {
            let message = format!("unknown setting `{key}`: it has no effect");
            value.report_at(
                value.key,
                Severity::Warning,
                "unknown-key",
                message,
                suggest::help(&key, SETTINGS),
            );
        } else if FLAGS.contains(&key.as_str()) {
            value.boolean();
        }
    }
    json::map(field)
}
