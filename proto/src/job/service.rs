//! `services` (azureml.md §1.8): what can be reached while a job runs.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::field::Field;
use super::{json, suggest};
use crate::diagnostic::Severity;

/// A service beside a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ServiceKind,
    /// The port that it listens on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `all` for every node; the first node when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<String>,
    /// The folder that TensorBoard shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_dir: Option<String>,
    /// The keys that SSH lets in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_public_keys: Option<String>,
    /// More settings.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Value>,
}

/// The kinds of services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceKind {
    /// A shell.
    Ssh,
    /// TensorBoard.
    TensorBoard,
    /// VS Code.
    VsCode,
    /// `JupyterLab`.
    JupyterLab,
    /// Something of the user's own.
    Custom,
    /// The experiment tracking that Azure ML sets.
    #[serde(rename = "Tracking")]
    Tracking,
    /// The job's page that Azure ML sets.
    #[serde(rename = "Studio")]
    Studio,
    /// Ray's dashboard that Azure ML sets.
    #[serde(rename = "RayDashboard")]
    RayDashboard,
}

pub(super) const KINDS: &[(&str, ServiceKind)] = &[
    ("ssh", ServiceKind::Ssh),
    ("tensor_board", ServiceKind::TensorBoard),
    ("vs_code", ServiceKind::VsCode),
    ("jupyter_lab", ServiceKind::JupyterLab),
    ("custom", ServiceKind::Custom),
    ("Tracking", ServiceKind::Tracking),
    ("Studio", ServiceKind::Studio),
    ("RayDashboard", ServiceKind::RayDashboard),
];

pub(super) const NODES: &[&str] = &["all"];
/// What every service has; the last three are read-only and dropped.
pub(super) const KEYS: &[&str] = &[
    "type",
    "port",
    "nodes",
    "properties",
    "endpoint",
    "status",
    "error_message",
];
pub(super) const SSH_KEYS: &[&str] = &[
    "type",
    "port",
    "nodes",
    "properties",
    "ssh_public_keys",
    "endpoint",
    "status",
    "error_message",
];
pub(super) const TENSOR_BOARD_KEYS: &[&str] = &[
    "type",
    "port",
    "nodes",
    "properties",
    "log_dir",
    "endpoint",
    "status",
    "error_message",
];
const ALL_KEYS: &[&str] = &[
    "type",
    "port",
    "nodes",
    "properties",
    "log_dir",
    "ssh_public_keys",
    "endpoint",
    "status",
    "error_message",
];

impl Service {
    /// Reads one service: its type decides which keys there are.
    pub(super) fn read(field: &Field<'_>) -> Option<Service> {
        let kind = service_kind(field)?;
        let fields = field.fields(match kind {
            ServiceKind::Ssh => SSH_KEYS,
            ServiceKind::TensorBoard => TENSOR_BOARD_KEYS,
            _ => KEYS,
        })?;
        let text = |of, key| {
            if kind == of {
                fields.get(key)?.text()
            } else {
                None
            }
        };
        Some(Service {
            kind,
            port: fields
                .get("port")
                .and_then(|port| port.integer_within(1, i64::from(u16::MAX))),
            nodes: fields
                .get("nodes")
                .and_then(|nodes| nodes.word(NODES))
                .map(str::to_owned),
            log_dir: text(ServiceKind::TensorBoard, "log_dir"),
            ssh_public_keys: text(ServiceKind::Ssh, "ssh_public_keys"),
            properties: fields
                .get("properties")
                .and_then(|map| json::map(&map))
                .unwrap_or_default(),
        })
    }
}

/// The kind of a service. One without a type is SSH, as the SDK takes it.
fn service_kind(field: &Field<'_>) -> Option<ServiceKind> {
    if !matches!(field.node.value, crate::yaml::Value::Map(_)) {
        field.fields(ALL_KEYS)?;
    }
    let Some(kind) = field.peek("type") else {
        field.report(
            Severity::Warning,
            "missing-key",
            "a service without a type is ssh",
            "write `type: ssh`",
        );
        return Some(ServiceKind::Ssh);
    };
    let word = kind.text()?;
    let found = KINDS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&word));
    if found.is_none() {
        let names: Vec<_> = KINDS.iter().map(|(name, _)| *name).collect();
        kind.error(
            "unknown-value",
            format!("`{word}` is not a service"),
            suggest::help(&word, &names),
        );
    }
    found.map(|(_, kind)| *kind)
}
