//! The command job (azureml.md §1.1): one command, its inputs, outputs and limits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::field::Field;
use super::name::Owner;
use super::references::Names;
use super::task::Task;
use super::{
    Distribution, Environment, Identity, Input, Limits, Literal, Output, QueueSettings, Resources,
    Service, nested, notes,
};

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

/// The keys of a command job.
pub(super) const KEYS: &[&str] = &[
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
        if let Some(component) = nested::component(root) {
            return nested::read(root, &component);
        }
        let fields = root.fields(KEYS)?;
        let base = Base::read(&fields, Owner::Job);
        let task = Task::read(&fields);
        task.check_references(&fields, &Names::of(&fields));
        notes::note_task(&fields, &task, base.compute.as_deref());
        notes::note_base(&fields);
        Some(CommandJob {
            name: base.name,
            display_name: base.display_name,
            experiment_name: base.experiment_name,
            description: base.description,
            tags: base.tags,
            properties: base.properties,
            command: task.command,
            code: task.code,
            environment: task.environment,
            environment_variables: task.environment_variables,
            compute: base.compute,
            resources: task.resources,
            limits: fields.read("limits", Limits::read),
            distribution: task.distribution,
            inputs: base.inputs,
            outputs: base.outputs,
            identity: base.identity,
            services: base.services,
            queue_settings: fields.read("queue_settings", QueueSettings::read),
            parent_job_name: base.parent_job_name,
        })
    }
}
