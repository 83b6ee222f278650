//! The form in which the SDK dumps `command(…)` and what its `load_job` returned: what the job
//! runs lies under `component`, beside values for the inputs that the component declares. The
//! SDK itself does not read it back (azureml.md §6); here it is read as the job that was meant.

use super::base::Base;
use super::command::CommandJob;
use super::component::CommandComponent;
use super::field::Field;
use super::name::Owner;
use super::task::{self, Task};
use super::{
    Distribution, Environment, Fields, Limits, QueueSettings, Resources, declared, name, notes,
};
use crate::yaml::Value;

/// The name that the SDK gives to the component of a job without a name.
const ANONYMOUS: &str = "azureml_anonymous";

/// The keys of the job around its component.
const KEYS: &[&str] = &[
    "$schema",
    "type",
    "component",
    "name",
    "display_name",
    "experiment_name",
    "description",
    "tags",
    "properties",
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
    // Read-only: dropped.
    "id",
    "status",
    "log_files",
    "creation_context",
    "parameters",
];

/// The component of a job in this form; nothing where the job has the usual one.
pub(super) fn component<'a>(root: &Field<'a>) -> Option<Field<'a>> {
    root.peek("component")
        .filter(|field| matches!(field.node.value, Value::Map(_)) && root.peek("command").is_none())
}

/// Reads a job in this form.
pub(super) fn read(root: &Field<'_>, field: &Field<'_>) -> Option<CommandJob> {
    let fields = root.fields(KEYS)?;
    check_type(field)?;
    let mut base = Base::read(&fields, Owner::Job);
    let component = CommandComponent::read(field, None)?;
    let declaration = component.declaration;
    declared::settle_inputs(&fields, &declaration.inputs, &mut base.inputs);
    declared::settle_outputs(field, &declaration.outputs, &mut base.outputs);
    let task = overridden(component.task, &fields);
    let outer = fields.get("environment").is_some();
    let noted = if outer {
        fields.whole.fields_with_others(KEYS)
    } else {
        field.fields_with_others(KEYS)
    };
    notes::note_task(&noted?, &task, base.compute.as_deref());
    notes::note_base(&fields);
    let named = || {
        let name = field.peek("name")?;
        (name.node.as_str() != Some(ANONYMOUS)).then(|| name::job(&name))?
    };
    if base.tags.is_empty() {
        base.tags = declaration.tags;
    }
    Some(CommandJob {
        name: base.name.or_else(named),
        display_name: base.display_name.or(declaration.display_name),
        experiment_name: base.experiment_name,
        description: base.description.or(declaration.description),
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

/// Only a command can be the component of a command.
fn check_type(field: &Field<'_>) -> Option<()> {
    match field.peek("type") {
        Some(kind) => kind.word(&["command"]).map(|_| ()),
        None => Some(()),
    }
}

/// What the component runs, with what the job says itself in its place.
fn overridden(component: Task, fields: &Fields<'_>) -> Task {
    let variables = fields.read("environment_variables", task::variables);
    let environment = fields.read("environment", Environment::read);
    let resources = fields.read("resources", Resources::read);
    let distribution = fields.read("distribution", Distribution::read);
    Task {
        command: component.command,
        code: fields.read("code", task::code).or(component.code),
        environment: environment.unwrap_or(component.environment),
        environment_variables: variables.unwrap_or(component.environment_variables),
        resources: resources.or(component.resources),
        distribution: distribution.or(component.distribution),
    }
}
