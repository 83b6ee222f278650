//! What a command needs: environment, resources, distribution, identity, services, queue.

use serde_json::{Map, json};

use super::build::{
    Object, Schema, boolean, by_type, filled, free_map, integer, list_of, loosely, map_or,
    matching, reference, text, word, words,
};
use super::keys::{instances, seconds};
use crate::job::distribution::{PROCESS_KEYS, PROCESSES_MAX, RAY_KEYS, TENSORFLOW_KEYS};
use crate::job::{environment, identity, limits, resources, service};

/// Adds the definitions.
pub(super) fn define(definitions: &mut Map<String, Schema>) {
    for (name, schema) in [
        ("environment", environment()),
        ("inlineEnvironment", inline_environment()),
        ("environmentBuild", environment_build()),
        ("resources", resources()),
        ("limits", limits()),
        ("queueSettings", queue_settings()),
        ("distribution", distribution()),
        ("processDistribution", process_distribution()),
        ("tensorflowDistribution", tensorflow_distribution()),
        ("rayDistribution", ray_distribution()),
        ("identity", identity()),
        ("managedIdentity", managed_identity()),
        ("otherIdentity", other_identity()),
        ("service", service()),
        ("plainService", plain_service()),
        ("sshService", ssh_service()),
        ("tensorBoardService", tensor_board_service()),
    ] {
        definitions.insert(name.into(), schema);
    }
}

fn environment() -> Schema {
    map_or(
        reference("inlineEnvironment"),
        matching(r"^(azureml|file):\s*\S"),
    )
}

fn inline_environment() -> Schema {
    let mut own = vec![
        ("image", "The image of a container.", filled()),
        (
            "conda_file",
            "The conda environment: a path, or its content.",
            map_or(free_map(), filled()),
        ),
        (
            "build",
            "How the image is built.",
            reference("environmentBuild"),
        ),
        (
            "os_type",
            "The operating system.",
            words(environment::SYSTEMS),
        ),
        ("description", "Text for people.", filled()),
        ("datastore", "Where the build's context is put.", filled()),
        (
            "name",
            "Dropped: an inline environment has no name.",
            json!({}),
        ),
        (
            "version",
            "Dropped: an inline environment has no version.",
            json!({}),
        ),
    ];
    own.extend(
        environment::FREE_KEYS
            .iter()
            .map(|key| (*key, "Kept as it is.", free_map())),
    );
    let mut schema = Object {
        keys: environment::KEYS,
        required: &[],
        own,
    }
    .closed();
    schema["oneOf"] = json!([{"required": ["image"]}, {"required": ["build"]}]);
    schema
}

fn environment_build() -> Schema {
    Object {
        keys: environment::BUILD_KEYS,
        required: &["path"],
        own: vec![
            ("path", "The folder that is the build's context.", filled()),
            (
                "dockerfile_path",
                "The Dockerfile, seen from the context; `Dockerfile` when absent.",
                filled(),
            ),
        ],
    }
    .closed()
}

fn resources() -> Schema {
    Object {
        keys: resources::KEYS,
        required: &[],
        own: vec![
            ("instance_count", "Nodes; 1 when absent.", instances()),
            (
                "instance_type",
                "The size of a node, in a cloud's words.",
                text(),
            ),
            (
                "shm_size",
                "The size of `/dev/shm`: a number and b, k, m or g.",
                matching("^0*[1-9][0-9]*[bkmgBKMG]$"),
            ),
            (
                "docker_args",
                "Arguments for a container runtime: one text, or a list.",
                json!({"if": {"type": "array"}, "then": list_of(text()), "else": text()}),
            ),
            ("properties", "Whatever a compute understands.", free_map()),
            ("locations", "Regions of a cloud.", list_of(text())),
            (
                "max_instance_count",
                "Nodes that an elastic job may grow to.",
                instances(),
            ),
        ],
    }
    .closed()
}

fn limits() -> Schema {
    Object {
        keys: limits::KEYS,
        required: &[],
        own: vec![(
            "timeout",
            "Seconds that the command may run; no limit when absent.",
            seconds(),
        )],
    }
    .closed()
}

fn queue_settings() -> Schema {
    Object {
        keys: limits::QUEUE_KEYS,
        required: &[],
        own: vec![
            ("job_tier", "The tier.", words(limits::TIERS)),
            (
                "priority",
                "Jobs of a higher priority start first; medium when absent.",
                words(limits::PRIORITIES),
            ),
        ],
    }
    .closed()
}

fn distribution() -> Schema {
    by_type(
        "The framework.",
        words(crate::job::distribution::TYPES),
        None,
        &[
            (words(&["pytorch", "mpi"]), reference("processDistribution")),
            (word("tensorflow"), reference("tensorflowDistribution")),
            (word("ray"), reference("rayDistribution")),
        ],
    )
}

fn process_distribution() -> Schema {
    Object {
        keys: PROCESS_KEYS,
        required: &[],
        own: vec![(
            "process_count_per_instance",
            "Processes on every node; 1 when absent.",
            integer(1, PROCESSES_MAX),
        )],
    }
    .closed()
}

fn tensorflow_distribution() -> Schema {
    Object {
        keys: TENSORFLOW_KEYS,
        required: &[],
        own: vec![
            (
                "worker_count",
                "Workers; the instance count when absent.",
                integer(1, PROCESSES_MAX),
            ),
            (
                "parameter_server_count",
                "Parameter servers; 0 when absent.",
                integer(0, PROCESSES_MAX),
            ),
        ],
    }
    .closed()
}

fn ray_distribution() -> Schema {
    Object {
        keys: RAY_KEYS,
        required: &[],
        own: vec![
            ("port", "The head's port.", port()),
            ("address", "The head's address.", text()),
            (
                "include_dashboard",
                "Whether the dashboard is started.",
                boolean(),
            ),
            ("dashboard_port", "The dashboard's port.", port()),
            (
                "head_node_additional_args",
                "More arguments for the head.",
                text(),
            ),
            (
                "worker_node_additional_args",
                "More arguments for the workers.",
                text(),
            ),
        ],
    }
    .closed()
}

fn port() -> Schema {
    integer(1, i64::from(u16::MAX))
}

fn identity() -> Schema {
    let kind = json!({"anyOf": [{"enum": identity::TYPES}, loosely(identity::TYPES)]});
    by_type(
        "Managed by the compute, a token of the job's own, or the submitter.",
        kind,
        None,
        &[
            (
                loosely(&["managed", "managed_identity"]),
                reference("managedIdentity"),
            ),
            (
                loosely(&["aml_token", "user_identity"]),
                reference("otherIdentity"),
            ),
        ],
    )
}

fn managed_identity() -> Schema {
    Object {
        keys: identity::ALL_KEYS,
        required: &[],
        own: vec![
            ("client_id", "The identity's client id.", text()),
            ("object_id", "The identity's object id.", text()),
            ("msi_resource_id", "The identity's resource id.", text()),
        ],
    }
    .closed()
}

fn other_identity() -> Schema {
    Object {
        keys: identity::ONLY_TYPE,
        required: &[],
        own: Vec::new(),
    }
    .closed()
}

fn service() -> Schema {
    let kinds: Vec<_> = service::KINDS.iter().map(|(name, _)| *name).collect();
    let has_own = |name: &&str| ["ssh", "tensor_board"].contains(name);
    let plain: Vec<_> = kinds
        .iter()
        .copied()
        .filter(|name| !has_own(name))
        .collect();
    by_type(
        "What the service is.",
        words(&kinds),
        Some(&reference("sshService")),
        &[
            (words(&plain), reference("plainService")),
            (word("ssh"), reference("sshService")),
            (word("tensor_board"), reference("tensorBoardService")),
        ],
    )
}

fn plain_service() -> Schema {
    a_service(service::KEYS, Vec::new())
}

fn ssh_service() -> Schema {
    let own = ("ssh_public_keys", "The keys that are let in.", text());
    a_service(service::SSH_KEYS, vec![own])
}

fn tensor_board_service() -> Schema {
    let own = ("log_dir", "The folder that is shown.", text());
    a_service(service::TENSOR_BOARD_KEYS, vec![own])
}

fn a_service(
    keys: &'static [&'static str],
    mut own: Vec<(&'static str, &'static str, Schema)>,
) -> Schema {
    own.extend([
        ("port", "The port that it listens on.", port()),
        (
            "nodes",
            "`all` for every node; the first when absent.",
            words(service::NODES),
        ),
        ("properties", "More settings.", free_map()),
    ]);
    Object {
        keys,
        required: &[],
        own,
    }
    .closed()
}
