//! Components (azureml.md §8): what a step of a pipeline runs, in a file of its own or inline.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::component_input::{ComponentInput, ComponentOutput};
use super::field::Field;
use super::files::Loaded;
use super::findings::Findings;
use super::path::{PathForm, classify_path};
use super::references::Names;
use super::task::Task;
use super::{Fields, Node, base, json, pipeline};
use crate::yaml::{self, Source, Value};

/// A component of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ComponentRef {
    /// A registered one, or a file that was not loaded, as written.
    Reference(String),
    /// The component itself; one from a file has its paths seen from the job file's folder.
    Inline(Box<Component>),
}

/// A component.
#[expect(
    clippy::large_enum_variant,
    reason = "it stands in a box wherever it is kept"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Component {
    /// A command with declared inputs and outputs.
    Command(CommandComponent),
    /// Steps with declared inputs and outputs.
    Pipeline(PipelineComponent),
    /// A type that jobd cannot run, as read.
    #[serde(untagged)]
    Other(Map<String, Json>),
}

/// What components of every type have in common.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Declaration {
    /// The component's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The component's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Free text by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Option<String>>,
    /// Whether the same inputs give the same outputs; true when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_deterministic: Option<bool>,
    /// Declared inputs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, ComponentInput>,
    /// Declared outputs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, ComponentOutput>,
}

/// A command component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandComponent {
    /// Its name, inputs and outputs.
    #[serde(flatten)]
    pub declaration: Declaration,
    /// What it runs.
    #[serde(flatten)]
    pub task: Task,
    /// More files and folders that go beside the code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_includes: Vec<String>,
}

/// A pipeline component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineComponent {
    /// Its name, inputs and outputs.
    #[serde(flatten)]
    pub declaration: Declaration,
    /// Its steps by name.
    pub jobs: BTreeMap<String, Node>,
}

pub(super) const COMMAND_KEYS: &[&str] = &[
    "$schema",
    "type",
    "name",
    "version",
    "display_name",
    "description",
    "tags",
    "is_deterministic",
    "inputs",
    "outputs",
    "command",
    "code",
    "environment",
    "environment_variables",
    "resources",
    "distribution",
    "additional_includes",
    // Read-only: dropped.
    "id",
    "creation_context",
    "properties",
];
pub(super) const PIPELINE_KEYS: &[&str] = &[
    "$schema",
    "type",
    "name",
    "version",
    "display_name",
    "description",
    "tags",
    "is_deterministic",
    "inputs",
    "outputs",
    "jobs",
    // Read-only: dropped.
    "id",
    "creation_context",
    "properties",
];

impl ComponentRef {
    /// Reads `component` or `trial`: a reference, the name of a file, or the component itself.
    /// `search_space` names the hyperparameters of the sweep that it is the trial of.
    pub(super) fn read(
        field: &Field<'_>,
        search_space: Option<&BTreeSet<String>>,
    ) -> Option<ComponentRef> {
        if matches!(field.node.value, Value::Map(_)) {
            return Component::read(field, search_space)
                .map(Box::new)
                .map(ComponentRef::Inline);
        }
        let text = field.filled_text()?;
        let PathForm::Local(path) = classify_path(&text) else {
            return Some(ComponentRef::Reference(text));
        };
        match field.findings.files.load(&path) {
            None => Some(ComponentRef::Reference(text)),
            Some(Ok(loaded)) => from_file(field, &loaded, search_space)
                .map(Box::new)
                .map(ComponentRef::Inline),
            Some(Err(why)) => {
                field.error(
                    "no-file",
                    format!("{text}: {why}"),
                    "paths are relative to the file that names them",
                );
                None
            }
        }
    }

    /// The inputs and outputs that it declares, where they are known.
    pub(super) fn declaration(&self) -> Option<&Declaration> {
        let ComponentRef::Inline(component) = self else {
            return None;
        };
        match component.as_ref() {
            Component::Command(command) => Some(&command.declaration),
            Component::Pipeline(pipeline) => Some(&pipeline.declaration),
            Component::Other(_) => None,
        }
    }
}

/// Reads a component's file; its findings name it.
fn from_file(
    field: &Field<'_>,
    loaded: &Loaded<'_>,
    search_space: Option<&BTreeSet<String>>,
) -> Option<Component> {
    let name = Some(loaded.name.as_str());
    let source = match Source::new(&loaded.bytes) {
        Ok(source) => source,
        Err(mut problem) => {
            problem.file = name.map(str::to_owned);
            field.findings.add_foreign(vec![*problem]);
            return None;
        }
    };
    let (root, problems) = yaml::read(&source);
    let findings = Findings::new(&source, problems, loaded.files.clone());
    let root = root.as_ref().map(|node| Field {
        node,
        key: source.span(0, 0),
        path: String::new(),
        findings: &findings,
    });
    let component = root.and_then(|root| Component::read(&root, search_space));
    field.findings.add_foreign(findings.finish(name));
    component
}

/// Keys that components have and jobs have not.
const OWN_KEYS: &[&str] = &["version", "is_deterministic", "additional_includes"];
/// Keys that jobs have and components have not.
const JOB_KEYS: &[&str] = &[
    "experiment_name",
    "compute",
    "limits",
    "identity",
    "services",
    "queue_settings",
    "parent_job_name",
    "settings",
    "trial",
];

/// Whether a file's root looks like a component: by its keys, or by its `$schema`.
pub(super) fn is_component(root: &Field<'_>) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|key| root.peek(key).is_some());
    let schema = root
        .peek("$schema")
        .map(|schema| schema.node.text().to_ascii_lowercase());
    let says = |word: &str| schema.as_ref().is_some_and(|schema| schema.contains(word));
    match (says("component"), has(OWN_KEYS)) {
        (true, true) => true,
        (true, false) => !has(JOB_KEYS),
        (false, true) => !has(JOB_KEYS) && !says("job"),
        (false, false) => false,
    }
}

impl Component {
    /// Reads a component of any type; `search_space` as for [`ComponentRef::read`].
    pub(super) fn read(
        field: &Field<'_>,
        search_space: Option<&BTreeSet<String>>,
    ) -> Option<Component> {
        let kind = field
            .peek("type")
            .and_then(|kind| kind.node.as_str().map(str::to_owned));
        match kind.as_deref() {
            Some("command") => CommandComponent::read(field, search_space).map(Component::Command),
            None if field.peek("type").is_none()
                && field.peek("flow").is_none()
                && field.peek("nodes").is_none() =>
            {
                CommandComponent::read(field, search_space).map(Component::Command)
            }
            Some("pipeline") => PipelineComponent::read(field).map(Component::Pipeline),
            _ => json::map(field).map(Component::Other),
        }
    }
}

impl Declaration {
    fn read(fields: &Fields<'_>) -> Declaration {
        Declaration {
            name: fields.read("name", Field::filled_text),
            version: fields.read("version", version),
            display_name: fields.text("display_name"),
            description: fields.text("description"),
            tags: fields.read("tags", base::text_map).unwrap_or_default(),
            is_deterministic: fields.read("is_deterministic", Field::boolean),
            inputs: fields
                .read("inputs", ComponentInput::read_all)
                .unwrap_or_default(),
            outputs: fields
                .read("outputs", ComponentOutput::read_all)
                .unwrap_or_default(),
        }
    }
}

/// A version, which looks like a number as often as not: its text is what counts.
fn version(field: &Field<'_>) -> Option<String> {
    match field.node.value {
        Value::Int(_) | Value::Float(_) => Some(field.node.raw.clone()),
        _ => field.filled_text(),
    }
}

impl CommandComponent {
    /// Reads a command component; `search_space` as for [`ComponentRef::read`].
    pub(super) fn read(
        field: &Field<'_>,
        search_space: Option<&BTreeSet<String>>,
    ) -> Option<CommandComponent> {
        let fields = field.fields(COMMAND_KEYS)?;
        let task = Task::read(&fields);
        let search_space = search_space.cloned();
        task.check_references(
            &fields,
            &Names {
                search_space,
                ..Names::of(&fields)
            },
        );
        let includes = |field: &Field<'_>| field.items()?.iter().map(Field::path_text).collect();
        Some(CommandComponent {
            declaration: Declaration::read(&fields),
            task,
            additional_includes: fields
                .read("additional_includes", includes)
                .unwrap_or_default(),
        })
    }
}

impl PipelineComponent {
    fn read(field: &Field<'_>) -> Option<PipelineComponent> {
        let fields = field.fields(PIPELINE_KEYS)?;
        let jobs = pipeline::read_steps(&fields)?;
        Some(PipelineComponent {
            declaration: Declaration::read(&fields),
            jobs,
        })
    }
}
