//! What is accepted although it has no effect on this machine: one note each.

use super::field::Field;
use super::{CommandJob, Fields};
use crate::diagnostic::Severity;

/// The top-level keys among them.
const UNUSED: &[(&str, &str)] = &[
    (
        "distribution",
        "is not used: the command runs as one process",
    ),
    ("identity", "is not used: the job has your own rights"),
    ("services", "are not started on this machine"),
];

/// Notes all of them.
pub(super) fn note_all(fields: &Fields<'_>, job: &CommandJob) {
    note_place(fields, job);
    for (key, message) in UNUSED {
        fields.get(key).inspect(|field| note(field, message));
    }
    if let Some(resources) = fields.get("resources") {
        note_instances(&resources, job);
        for key in [
            "docker_args",
            "locations",
            "instance_type",
            "max_instance_count",
            "shm_size",
            "properties",
        ] {
            resources.peek(key).inspect(no_effect);
        }
    }
    for (name, input) in [
        ("inputs", "datastore"),
        ("inputs", "path_on_compute"),
        ("outputs", "mode"),
    ] {
        fields.get(name).inspect(|map| note_each(map, input));
    }
}

/// One note for environment and compute, which say the same: where the command runs.
fn note_place(fields: &Fields<'_>, job: &CommandJob) {
    let compute = job
        .compute
        .as_deref()
        .map(|name| name.strip_prefix("azureml:").unwrap_or(name));
    let elsewhere = compute.filter(|name| !name.eq_ignore_ascii_case("local"));
    let compute = elsewhere
        .map(|name| format!(" and compute {name}"))
        .unwrap_or_default();
    let message = format!(
        "environment {}{compute}: runs on this host as it is",
        job.environment.summary()
    );
    if let Some(field) = fields.get("environment") {
        field.report(Severity::Note, "no-effect", message, "");
    }
}

fn note_instances(resources: &Field<'_>, job: &CommandJob) {
    let count = job
        .resources
        .as_ref()
        .and_then(|resources| resources.instance_count)
        .filter(|count| *count > 1);
    if let (Some(count), Some(field)) = (count, resources.peek("instance_count")) {
        note(
            &field,
            &format!("this is one machine, not {count}: the command runs once"),
        );
    }
}

/// Notes a key of every input or output; for outputs only the mode that copies.
fn note_each(map: &Field<'_>, key: &str) {
    for (_, value) in map.children() {
        let field = value.peek(key);
        let found =
            field.filter(|field| key != "mode" || field.node.text().eq_ignore_ascii_case("upload"));
        found.inspect(no_effect);
    }
}

fn no_effect(field: &Field<'_>) {
    note(field, "has no effect on this machine");
}

fn note(field: &Field<'_>, message: &str) {
    field.report(Severity::Note, "no-effect", message, "");
}
