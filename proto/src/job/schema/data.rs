//! Inputs and outputs of jobs, steps and components.

use serde_json::{Map, json};

use super::build::{
    Object, Schema, boolean, filled, list_of, literal, map_or, named, nullable, reference, word,
    words,
};
use crate::job::{component_input, input, output};

/// `job::name::is_input_name`.
const INPUT_NAME: &str = "^[A-Za-z_][A-Za-z0-9_]{0,199}$";
/// The same for pipelines, where a name may be a path of names.
const PIPELINE_INPUT_NAME: &str = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$";
/// `job::name::asset`.
const ASSET: &str = "^[A-Za-z0-9][A-Za-z0-9_.-]*$";

/// Adds the definitions.
pub(super) fn define(definitions: &mut Map<String, Schema>) {
    for (name, schema) in [
        ("input", input_of("dataInput")),
        ("dataInput", data_input(&["path"])),
        ("pipelineInput", input_of("pipelineDataInput")),
        ("pipelineDataInput", data_input(&[])),
        ("valueInput", value_input()),
        ("output", nullable(reference("dataOutput"))),
        ("dataOutput", data_output()),
        ("componentInput", component_input()),
        ("componentOutput", component_output()),
    ] {
        definitions.insert(name.into(), schema);
    }
}

/// `inputs` and `outputs` of a command or sweep job.
pub(super) fn of_job() -> [(&'static str, &'static str, Schema); 2] {
    ports(
        named(INPUT_NAME, reference("input")),
        named(INPUT_NAME, reference("output")),
    )
}

/// `inputs` and `outputs` of a pipeline.
pub(super) fn of_pipeline() -> [(&'static str, &'static str, Schema); 2] {
    ports(
        named(PIPELINE_INPUT_NAME, reference("pipelineInput")),
        named(PIPELINE_INPUT_NAME, reference("output")),
    )
}

/// `inputs` and `outputs` of a step, which may be bindings.
pub(super) fn of_step() -> [(&'static str, &'static str, Schema); 2] {
    let output = json!({"if": {"type": "string"}, "then": filled(), "else": reference("output")});
    ports(
        named(PIPELINE_INPUT_NAME, reference("pipelineInput")),
        named(PIPELINE_INPUT_NAME, output),
    )
}

/// `inputs` and `outputs` of a component.
pub(super) fn of_component() -> [(&'static str, &'static str, Schema); 2] {
    ports(
        named(PIPELINE_INPUT_NAME, reference("componentInput")),
        named(PIPELINE_INPUT_NAME, reference("componentOutput")),
    )
}

/// A name for hyperparameters.
pub(super) fn named_values(values: Schema) -> Schema {
    named(INPUT_NAME, values)
}

fn ports(inputs: Schema, outputs: Schema) -> [(&'static str, &'static str, Schema); 2] {
    [
        (
            "inputs",
            "Values and data by name; a command reads them as `${{inputs.NAME}}`.",
            inputs,
        ),
        (
            "outputs",
            "Files and folders that are written, by name; nothing means a folder.",
            outputs,
        ),
    ]
}

fn input_of(data: &str) -> Schema {
    let value = json!({"if": {"required": ["value"]}, "then": reference("valueInput"),
        "else": reference(data)});
    map_or(value, literal())
}

fn value_input() -> Schema {
    Object {
        keys: input::VALUE_KEYS,
        required: &["value"],
        own: vec![("value", "The value.", literal())],
    }
    .closed()
}

fn data_input(required: &[&str]) -> Schema {
    let mut schema = Object {
        keys: input::KEYS,
        required,
        own: vec![
            (
                "type",
                "The type of data; uri_folder when absent.",
                words(input::DATA_TYPES),
            ),
            (
                "path",
                "A local path (from this file's folder), a URI, or `azureml:NAME:VERSION`.",
                filled(),
            ),
            (
                "mode",
                "How the data is brought to the job; ro_mount when absent.",
                words(input::MLTABLE_MODES),
            ),
            ("datastore", "The datastore to upload to.", filled()),
            (
                "path_on_compute",
                "Where the job wants to see it.",
                filled(),
            ),
        ],
    }
    .closed();
    let is_table = json!({"required": ["type"], "properties": {"type": word("mltable")}});
    let modes = json!({"properties": {"mode": words(input::MODES)}});
    schema["if"] = is_table;
    schema["else"] = modes;
    schema
}

fn data_output() -> Schema {
    let version = json!({"type": ["string", "integer"], "pattern": ASSET});
    let mut schema = Object {
        keys: output::KEYS,
        required: &[],
        own: vec![
            (
                "type",
                "The type of data; uri_folder when absent.",
                words(input::DATA_TYPES),
            ),
            (
                "mode",
                "How the data is taken from the job; rw_mount when absent.",
                words(output::MODES),
            ),
            (
                "path",
                "Where it goes; a folder of the job when absent.",
                filled(),
            ),
            ("name", "The asset to register it as.", version.clone()),
            ("version", "The asset's version; needs a name.", version),
        ],
    }
    .closed();
    schema["dependencies"] = json!({"version": ["name"]});
    schema
}

fn component_input() -> Schema {
    Object {
        keys: component_input::INPUT_KEYS,
        required: &["type"],
        own: vec![
            (
                "type",
                "A type of literals or of data.",
                words(component_input::TYPES),
            ),
            (
                "default",
                "The value where a step gives none.",
                nullable(literal()),
            ),
            (
                "optional",
                "Whether there may be no value at all.",
                boolean(),
            ),
            ("min", "The least number.", literal()),
            ("max", "The greatest number.", literal()),
            ("enum", "The only values.", list_of(literal())),
            (
                "mode",
                "How data is brought to the step.",
                words(component_input::INPUT_MODES),
            ),
        ],
    }
    .closed()
}

fn component_output() -> Schema {
    Object {
        keys: component_input::OUTPUT_KEYS,
        required: &["type"],
        own: vec![
            ("type", "A type of data.", words(component_input::TYPES)),
            (
                "mode",
                "How data is taken from the step.",
                words(component_input::OUTPUT_MODES),
            ),
            (
                "early_available",
                "Whether the output counts before the step has ended.",
                boolean(),
            ),
        ],
    }
    .closed()
}
