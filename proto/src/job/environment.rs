//! `environment` (azureml.md §1.2): a reference to a registered one, or an inline definition.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where a command wants to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Environment {
    /// `azureml:NAME:VERSION`, `azureml:NAME@LABEL`, a registry URI or an ARM id, as written.
    Reference(String),
    /// `image`, `conda_file`, `build`, …: checked and normalized.
    Inline(Map<String, Value>),
}
