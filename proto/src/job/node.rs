//! The steps of a pipeline (azureml.md §8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::component::{ComponentRef, Declaration};
use super::field::Field;
use super::name::Owner;
use super::references::Names;
use super::sweep::Sweep;
use super::task::{self, Task};
use super::{
    Distribution, Environment, Fields, Identity, Input, Limits, Literal, Output, QueueSettings,
    Resources, Service, base, json, name, suggest,
};
use crate::diagnostic::Severity;
use crate::yaml::Value;

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Node {
    /// One command: of a component or its own.
    Command(Box<CommandNode>),
    /// One command tried with many values.
    Sweep(Box<SweepNode>),
    /// Another pipeline.
    Pipeline(Box<PipelineNode>),
    /// A type that jobd cannot run, as read.
    #[serde(untagged)]
    Other(Map<String, Json>),
}

/// What steps of every known type have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Free text by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Option<String>>,
    /// Free text by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Option<String>>,
    /// The compute's name, or a binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<String>,
    /// Inputs by name; a text that is an expression is a binding.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Input>,
    /// Outputs by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, NodeOutput>,
    /// Whose rights the step has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

/// An output of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NodeOutput {
    /// `${{parent.outputs.NAME}}`: it is an output of the pipeline.
    Binding(String),
    /// An output of its own.
    Output(Output),
    /// Nothing said: as the component declares it, else a folder. Null in a file.
    Declared,
}

/// A command step: of a component, or with a command and an environment of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandNode {
    /// What steps have.
    #[serde(flatten)]
    pub step: Step,
    /// The component that is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentRef>,
    /// The step's own command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The step's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The step's own environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// The step's own variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment_variables: BTreeMap<String, Option<Literal>>,
    /// Instance count, shared memory and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// How many processes, and of which framework.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// The time limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Interactive services by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<BTreeMap<String, Service>>,
    /// Tier and priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_settings: Option<QueueSettings>,
}

/// A sweep step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepNode {
    /// What steps have.
    #[serde(flatten)]
    pub step: Step,
    /// What every trial runs.
    pub trial: ComponentRef,
    /// How it is searched.
    #[serde(flatten)]
    pub sweep: Sweep,
    /// The resources of every trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Tier and priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_settings: Option<QueueSettings>,
}

/// A step that is a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineNode {
    /// What steps have.
    #[serde(flatten)]
    pub step: Step,
    /// The pipeline.
    pub component: ComponentRef,
}

pub(super) const TYPES: &[&str] = &[
    "command",
    "sweep",
    "pipeline",
    "parallel",
    "automl",
    "spark",
    "import",
    "data_transfer",
    "do_while",
    "if_else",
    "parallel_for",
];
pub(super) const COMMAND_KEYS: &[&str] = &[
    "$schema",
    "type",
    "name",
    "display_name",
    "description",
    "comment",
    "tags",
    "properties",
    "compute",
    "inputs",
    "outputs",
    "identity",
    "component",
    "command",
    "code",
    "environment",
    "environment_variables",
    "resources",
    "distribution",
    "limits",
    "services",
    "queue_settings",
];
pub(super) const SWEEP_KEYS: &[&str] = &[
    "$schema",
    "type",
    "name",
    "display_name",
    "description",
    "comment",
    "tags",
    "properties",
    "compute",
    "inputs",
    "outputs",
    "identity",
    "trial",
    "search_space",
    "sampling_algorithm",
    "objective",
    "limits",
    "early_termination",
    "resources",
    "queue_settings",
];
pub(super) const PIPELINE_KEYS: &[&str] = &[
    "$schema",
    "type",
    "name",
    "display_name",
    "description",
    "comment",
    "tags",
    "properties",
    "compute",
    "inputs",
    "outputs",
    "identity",
    "component",
    "settings",
];

impl Node {
    /// Reads one step; a step without a type is a command.
    pub(super) fn read(field: &Field<'_>) -> Option<Node> {
        let kind = match field.peek("type") {
            Some(kind) => kind.word(TYPES)?,
            None => "command",
        };
        match kind {
            "command" => CommandNode::read(field).map(Box::new).map(Node::Command),
            "sweep" => SweepNode::read(field).map(Box::new).map(Node::Sweep),
            "pipeline" => PipelineNode::read(field).map(Box::new).map(Node::Pipeline),
            _ => {
                let mut map = json::map(field)?;
                map.insert("type".into(), kind.into());
                Some(Node::Other(map))
            }
        }
    }

    /// What the step's component declares, where that is known.
    pub(super) fn declaration(&self) -> Option<&Declaration> {
        match self {
            Node::Command(node) => node.component.as_ref()?.declaration(),
            Node::Sweep(node) => node.trial.declaration(),
            Node::Pipeline(node) => node.component.declaration(),
            Node::Other(_) => None,
        }
    }
}

impl Step {
    fn read(fields: &Fields<'_>) -> Step {
        Step {
            display_name: fields.text("display_name"),
            description: fields.text("description"),
            comment: fields.text("comment"),
            tags: fields.read("tags", base::text_map).unwrap_or_default(),
            properties: fields
                .read("properties", base::text_map)
                .unwrap_or_default(),
            compute: fields.read("compute", Field::filled_text),
            inputs: fields
                .read("inputs", |map| Input::read_all(map, Owner::Pipeline))
                .unwrap_or_default(),
            outputs: fields
                .read("outputs", NodeOutput::read_all)
                .unwrap_or_default(),
            identity: fields.read("identity", Identity::read),
        }
    }
}

impl NodeOutput {
    fn read_all(field: &Field<'_>) -> Option<BTreeMap<String, NodeOutput>> {
        let read = |(key, value): (String, Field<'_>)| {
            let named = name::pipeline_input(&value, &key);
            let output = match value.node.value {
                Value::Str(_) => value.filled_text().map(NodeOutput::Binding),
                Value::Null => Some(NodeOutput::Declared),
                _ => Output::read(&value, true).map(NodeOutput::Output),
            };
            output.filter(|_| named).map(|output| (key, output))
        };
        Some(field.entries()?.into_iter().filter_map(read).collect())
    }
}

impl CommandNode {
    fn read(field: &Field<'_>) -> Option<CommandNode> {
        let fields = known_fields(field, COMMAND_KEYS)?;
        let component = fields.get("component");
        let own = match &component {
            Some(_) => None,
            None => {
                let task = Task::read(&fields);
                task.check_references(&fields, &Names::of(&fields));
                Some(task)
            }
        };
        if let (Some(_), Some(command)) = (&component, fields.get("command")) {
            command.error(
                "bad-pairing",
                "a step has a component or a command, not both",
                "",
            );
        }
        let (command, environment) = own.map(|task| (task.command, task.environment)).unzip();
        Some(CommandNode {
            step: Step::read(&fields),
            component: component.and_then(|component| ComponentRef::read(&component, None)),
            command,
            code: fields.read("code", task::code),
            environment: environment.or_else(|| fields.read("environment", Environment::read)),
            environment_variables: fields
                .read("environment_variables", task::variables)
                .unwrap_or_default(),
            resources: fields.read("resources", Resources::read),
            distribution: fields.read("distribution", Distribution::read),
            limits: fields.read("limits", Limits::read),
            services: fields.read("services", base::services),
            queue_settings: fields.read("queue_settings", QueueSettings::read),
        })
    }
}

impl SweepNode {
    fn read(field: &Field<'_>) -> Option<SweepNode> {
        let fields = known_fields(field, SWEEP_KEYS)?;
        let space = fields
            .get("search_space")
            .map(|map| map.keys())
            .unwrap_or_default();
        let trial = fields.require("trial", "write `trial: ./component.yml`");
        let trial = trial.and_then(|trial| ComponentRef::read(&trial, Some(&space)));
        let (step, sweep) = (Step::read(&fields), Sweep::read(&fields));
        Some(SweepNode {
            step,
            trial: trial?,
            sweep: sweep?,
            resources: fields.read("resources", Resources::read),
            queue_settings: fields.read("queue_settings", QueueSettings::read),
        })
    }
}

impl PipelineNode {
    fn read(field: &Field<'_>) -> Option<PipelineNode> {
        let fields = known_fields(field, PIPELINE_KEYS)?;
        let component = fields.require("component", "write `component: ./pipeline.yml`");
        let component = component.and_then(|component| ComponentRef::read(&component, None));
        let step = Step::read(&fields);
        Some(PipelineNode {
            step,
            component: component?,
        })
    }
}

/// A step's fields. The SDK accepts unknown keys in steps, so they are warned of and dropped.
fn known_fields<'a>(field: &Field<'a>, known: &'static [&'static str]) -> Option<Fields<'a>> {
    for (key, value) in field
        .children()
        .into_iter()
        .filter(|(key, _)| !known.contains(&key.as_str()))
    {
        let message = format!("unknown key `{key}`: it is ignored");
        value.report_at(
            value.key,
            Severity::Warning,
            "unknown-key",
            message,
            suggest::help(&key, known),
        );
    }
    field.fields_with_others(known)
}
