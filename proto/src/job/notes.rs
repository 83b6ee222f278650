//! What is accepted although it has no effect on this machine: one note each.

use super::field::Field;
use super::task::Task;
use super::{Environment, Fields, Resources};
use crate::diagnostic::Severity;

/// Keys of `resources` among them.
const UNUSED_RESOURCES: &[&str] = &[
    "locations",
    "instance_type",
    "max_instance_count",
    "properties",
];
/// Keys of `resources` that are a container's.
const OF_CONTAINERS: &[&str] = &["docker_args", "shm_size"];

/// Keys of a task: of a command job itself, or of what runs in another job.
pub(super) fn note_task(fields: &Fields<'_>, task: &Task, compute: Option<&str>) {
    // What becomes of the environment depends on the machine.
    if let (Some(field), Some(name)) = (fields.whole.peek("compute"), elsewhere(compute)) {
        note(
            &field,
            &format!("{name} is not used: the job runs on this machine"),
        );
    }
    fields
        .get("distribution")
        .inspect(|field| note(field, "the command runs as one process, rank 0 of 1"));
    if let Some(resources) = fields.get("resources") {
        note_resources(&resources, task.resources.as_ref());
        let is_image = matches!(&task.environment, Environment::Inline(keys)
            if keys.contains_key("image") || keys.contains_key("build"));
        for key in OF_CONTAINERS.iter().filter(|_| !is_image) {
            let field = resources.peek(key);
            field.inspect(|field| note(field, "has an effect in a container only"));
        }
    }
}

/// Keys of `resources`.
pub(super) fn note_resources(field: &Field<'_>, resources: Option<&Resources>) {
    let count = resources
        .and_then(|resources| resources.instance_count)
        .filter(|count| *count > 1);
    if let (Some(count), Some(field)) = (count, field.peek("instance_count")) {
        note(
            &field,
            &format!("this is one machine, not {count}: the command runs once"),
        );
    }
    for key in UNUSED_RESOURCES {
        field.peek(key).inspect(no_effect);
    }
}

/// Keys that jobs of every type have.
pub(super) fn note_base(fields: &Fields<'_>) {
    let queue = fields.get("queue_settings");
    let tier = queue.and_then(|queue| queue.peek("job_tier"));
    tier.inspect(no_effect);
    fields
        .get("identity")
        .inspect(|field| note(field, "is not used: the job has your own rights"));
    fields
        .get("services")
        .inspect(|field| note(field, "are not started on this machine"));
    for (name, key) in [
        ("inputs", "datastore"),
        ("inputs", "path_on_compute"),
        ("outputs", "mode"),
    ] {
        fields.get(name).inspect(|map| note_each(map, key));
    }
}

/// The name of a compute that is not this machine.
fn elsewhere(compute: Option<&str>) -> Option<&str> {
    let name = compute.map(|name| name.strip_prefix("azureml:").unwrap_or(name));
    name.filter(|name| !name.eq_ignore_ascii_case("local"))
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
