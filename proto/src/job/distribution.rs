//! `distribution` (azureml.md §1.4): which framework's processes, and how many of them.

use serde::{Deserialize, Serialize};

use super::field::Field;

/// Processes of one kind at most.
pub const PROCESSES_MAX: i64 = 10_000;

/// How a command is distributed. Counts are at least 1 unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Distribution {
    /// `torch.distributed`.
    PyTorch {
        /// Processes on every node; 1 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        process_count_per_instance: Option<u32>,
    },
    /// MPI.
    Mpi {
        /// Processes on every node; 1 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        process_count_per_instance: Option<u32>,
    },
    /// `TF_CONFIG`.
    TensorFlow {
        /// Workers; the instance count when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worker_count: Option<u32>,
        /// Parameter servers; 0 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parameter_server_count: Option<u32>,
    },
    /// A Ray cluster.
    Ray(Ray),
}

/// A Ray cluster's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ray {
    /// The head's port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The head's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether the dashboard is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_dashboard: Option<bool>,
    /// The dashboard's port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dashboard_port: Option<u16>,
    /// More arguments for the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_node_additional_args: Option<String>,
    /// More arguments for the workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_node_additional_args: Option<String>,
}

pub(super) const TYPES: &[&str] = &["pytorch", "mpi", "tensorflow", "ray"];
const ALL_KEYS: &[&str] = &[
    "type",
    "process_count_per_instance",
    "worker_count",
    "parameter_server_count",
    "port",
    "address",
    "include_dashboard",
    "dashboard_port",
    "head_node_additional_args",
    "worker_node_additional_args",
];
pub(super) const PROCESS_KEYS: &[&str] = &["type", "process_count_per_instance"];
pub(super) const TENSORFLOW_KEYS: &[&str] = &["type", "worker_count", "parameter_server_count"];
pub(super) const RAY_KEYS: &[&str] = &[
    "type",
    "port",
    "address",
    "include_dashboard",
    "dashboard_port",
    "head_node_additional_args",
    "worker_node_additional_args",
];

impl Distribution {
    /// Reads `distribution`: the type decides which keys there are.
    pub(super) fn read(field: &Field<'_>) -> Option<Distribution> {
        let Some(kind) = field.peek("type").and_then(|kind| kind.word(TYPES)) else {
            field
                .fields(ALL_KEYS)?
                .require("type", "write one of pytorch, mpi, tensorflow, ray");
            return None;
        };
        let count = |field: Option<Field<'_>>, least| {
            field.and_then(|count| count.integer_within(least, PROCESSES_MAX))
        };
        match kind {
            "tensorflow" => {
                let fields = field.fields(TENSORFLOW_KEYS)?;
                Some(Distribution::TensorFlow {
                    worker_count: count(fields.get("worker_count"), 1),
                    // The SDK's dump has the default too.
                    parameter_server_count: count(fields.get("parameter_server_count"), 0)
                        .or(Some(0)),
                })
            }
            "ray" => Ray::read(field).map(Distribution::Ray),
            kind => {
                let fields = field.fields(PROCESS_KEYS)?;
                let process_count_per_instance = count(fields.get("process_count_per_instance"), 1);
                Some(match kind {
                    "mpi" => Distribution::Mpi {
                        process_count_per_instance,
                    },
                    _ => Distribution::PyTorch {
                        process_count_per_instance,
                    },
                })
            }
        }
    }
}

impl Ray {
    fn read(field: &Field<'_>) -> Option<Ray> {
        let fields = field.fields(RAY_KEYS)?;
        let text = |key| fields.get(key).and_then(|text| text.text());
        let port = |key| {
            fields
                .get(key)
                .and_then(|port| port.integer_within(1, i64::from(u16::MAX)))
        };
        Some(Ray {
            port: port("port"),
            address: text("address"),
            include_dashboard: fields
                .get("include_dashboard")
                .and_then(|flag| flag.boolean()),
            dashboard_port: port("dashboard_port"),
            head_node_additional_args: text("head_node_additional_args"),
            worker_node_additional_args: text("worker_node_additional_args"),
        })
    }
}
