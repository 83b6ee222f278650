//! What a stage has done, or why not. The daemon keeps it: it is what a job's provenance is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The whole report; a stage that failed says so here and ends with exit code 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum StageReport {
    /// It is prepared.
    Prepared(Box<PrepareReport>),
    /// It is finalized.
    Finalized(FinalizeReport),
    /// It is not.
    Failed(Failure),
}

/// One readable cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What it was about, such as `inputs.data`, `code`, `environment` or `outputs.model`.
    pub field: String,
    /// A lowercase fragment that names the object and the cause. Never a credential.
    pub reason: String,
}

/// What the command finds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepareReport {
    /// The snapshot of the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeReport>,
    /// The data inputs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, InputReport>,
    /// Where each output is written: what `${{outputs.NAME}}` stands for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
    /// The environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentReport>,
    /// Where it was prepared, and by what.
    #[serde(default)]
    pub by: Worker,
    /// What the user should know, such as that the machine's own environment was taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Who did it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// The machine's name.
    pub host: String,
    /// The release of jobd.
    pub version: String,
}

/// A snapshot of code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeReport {
    /// `sha256:…` of the tree: its paths, kinds, modes and contents.
    pub digest: String,
    /// Files in it.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// `azureml.git.*` and `mlflow.source.git.*` (azureml.md), where the code is in a git tree.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
}

/// One data input as the command finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputReport {
    /// What `${{inputs.NAME}}` stands for: a path, or a URI in mode `direct`.
    pub text: String,
    /// Where it came from: a path or a URI without credentials.
    pub source: String,
    /// `sha256:…` of the contents, where they passed through our hands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The version of a registered asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Bytes of it, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What the supervisor is to mount before the command starts, where the machine permits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount: Option<Mount>,
}

/// A file or folder that the command sees in another place, read-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// What is seen.
    pub source: PathBuf,
    /// Where: there is a file or folder of the same kind.
    pub target: PathBuf,
}

/// The environment that the command runs in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentReport {
    /// What was asked for.
    pub name: String,
    /// `host`, `venv`, `conda` or `container`.
    pub backend: String,
    /// `sha256:…` of the definition; none for `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Folders that are put before `PATH`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<PathBuf>,
    /// Variables that are set below the job's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// The words that are put before the command (`podman run … IMAGE`); empty for none. `--env
    /// NAME` for each variable of the job is put where a word is `{env}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrapper: Vec<String>,
    /// The words that force the end of what the wrapper started (`podman rm --force NAME`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kill: Vec<String>,
    /// How the name of what the wrapper starts begins. That name, which no other step nor attempt
    /// has, is put where a word of the wrapper or of its end is `{container}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

/// What became of the outputs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalizeReport {
    /// The named outputs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, OutputReport>,
    /// Where it was finalized, and by what.
    #[serde(default)]
    pub by: Worker,
    /// What the user should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One output where it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputReport {
    /// An absolute path or a URI without credentials.
    pub path: String,
    /// `sha256:…` of the contents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Bytes of it.
    pub bytes: u64,
    /// Files in it.
    pub files: u64,
}
