//! `outputs` (azureml.md §1.6): folders or files that the job writes.

use serde::{Deserialize, Serialize};

/// An output of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// `uri_folder` (the default), `uri_file`, `mltable`, `mlflow_model`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// `rw_mount`, `upload`, `direct`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Where it goes, as written; a folder of the job when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The asset to register it as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The asset's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}
