//! The form in which the SDK dumps `command(…)` and what its `load_job` returned: what the job
//! runs lies under `component`, beside values for the inputs that the component declares. The
//! SDK itself does not read it back (azureml.md §6); here it is read as the job that was meant.

use std::collections::BTreeMap;

use super::base::Base;
use super::command::CommandJob;
use super::component::CommandComponent;
use super::component_input::{ComponentInput, ComponentOutput};
use super::field::Field;
use super::input::DATA_TYPES;
use super::task::{self, Task};
use super::{
    Distribution, Environment, Fields, Input, Limits, Literal, Output, QueueSettings, Resources,
    name, notes, suggest,
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
    let mut base = Base::read(&fields, name::input);
    let component = CommandComponent::read(field, None)?;
    let declared = component.declaration;
    settle_inputs(&fields, &declared.inputs, &mut base.inputs);
    settle_outputs(field, &declared.outputs, &mut base.outputs);
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
        base.tags = declared.tags;
    }
    Some(CommandJob {
        name: base.name.or_else(named),
        display_name: base.display_name.or(declared.display_name),
        experiment_name: base.experiment_name,
        description: base.description.or(declared.description),
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

/// Gives each declared input its value: the job's, else the default. The SDK's dump writes
/// booleans as integers; the declaration tells them apart.
fn settle_inputs(
    fields: &Fields<'_>,
    declared: &BTreeMap<String, ComponentInput>,
    inputs: &mut BTreeMap<String, Input>,
) {
    let given = fields.get("inputs");
    let names = given.as_ref().map(Field::keys).unwrap_or_default();
    for (name, input) in declared {
        match (inputs.get_mut(name), &input.default) {
            (Some(Input::Literal(value)), _) => restore(value, &input.kind),
            (Some(Input::Data(_)), _) => {}
            (None, Some(default)) => {
                let mut value = default.clone();
                restore(&mut value, &input.kind);
                inputs.insert(name.clone(), Input::Literal(value));
            }
            // One that is there with an error has been reported.
            (None, None) if input.optional == Some(true) || names.contains(name) => {}
            (None, None) => fields.whole.error(
                "missing-key",
                format!("the input `{name}`, which the component declares, has no value"),
                format!("add `{name}:` under `inputs`"),
            ),
        }
    }
    let known = declared.keys().cloned().collect();
    let undeclared = given.iter().flat_map(Field::children);
    for (name, value) in undeclared
        .filter(|(name, _)| !declared.contains_key(name))
        .take_while(|_| !fields.whole.findings.is_over())
    {
        let message = format!("the component has no input `{name}`");
        let help = suggest::defined(&name, &known);
        value.error("unknown-reference", message, help);
    }
}

/// A boolean that became a number or a text on its way through a dump.
fn restore(value: &mut Literal, kind: &str) {
    if kind != "boolean" {
        return;
    }
    match value {
        Literal::Int(number @ (0 | 1)) => *value = Literal::Bool(*number == 1),
        Literal::Str(text) if text.eq_ignore_ascii_case("true") => *value = Literal::Bool(true),
        Literal::Str(text) if text.eq_ignore_ascii_case("false") => *value = Literal::Bool(false),
        _ => {}
    }
}

/// Every declared output is one of the job, whether the job says more about it or not.
fn settle_outputs(
    component: &Field<'_>,
    declared: &BTreeMap<String, ComponentOutput>,
    outputs: &mut BTreeMap<String, Output>,
) {
    for (name, output) in declared {
        if !DATA_TYPES.contains(&output.kind.as_str()) {
            let message = format!("`{}` is not a type of a job's output", output.kind);
            let field = component.peek("outputs").and_then(|map| map.peek(name));
            field.as_ref().unwrap_or(component).error(
                "unknown-value",
                message,
                suggest::help(&output.kind, DATA_TYPES),
            );
        }
        outputs.entry(name.clone()).or_insert_with(|| Output {
            kind: output.kind.clone(),
            mode: output.mode.clone(),
            ..Output::default()
        });
    }
}
