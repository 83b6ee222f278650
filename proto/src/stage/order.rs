//! What a stage is to do. Everything that only the daemon knows is looked up before.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::settings::StageSettings;
use crate::job::{DataInput, Environment, Output, Resources};

/// The whole order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageOrder {
    /// The name of the job.
    pub job: String,
    /// Its working folder.
    pub folder: PathBuf,
    /// The folder against which the job's relative paths resolve.
    pub base_path: PathBuf,
    /// Where whatever many jobs need is kept once. Made by the stage.
    pub cache: PathBuf,
    /// What the configuration says.
    pub settings: StageSettings,
    /// Which half.
    pub work: Work,
    /// Who else uses what is in the cache; none where nobody could tell.
    #[serde(default)]
    pub others: Option<Others>,
}

/// The jobs that were prepared, or being prepared, when the order was written: what they use of
/// the cache in its place is not given up. Whoever is not among them and whose own order is older
/// has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Others {
    /// When that was: milliseconds of `CLOCK_MONOTONIC`.
    pub at_ms: u64,
    /// Their names.
    pub jobs: Vec<String>,
}

/// Which half of the work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Work {
    /// Before the command.
    Prepare(Box<PrepareOrder>),
    /// After the command has succeeded.
    Finalize(FinalizeOrder),
}

/// What is to be there when the command starts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PrepareOrder {
    /// `code` of the job file: a local path or a URI; its snapshot goes into the working folder.
    pub code: Option<String>,
    /// The digest of the snapshot that a rerun must use, instead of `code`.
    #[serde(default)]
    pub snapshot: Option<String>,
    /// The data inputs; literals are none of the stage's business.
    pub inputs: BTreeMap<String, InputOrder>,
    /// The named outputs.
    pub outputs: BTreeMap<String, OutputOrder>,
    /// The environment, where the job may have one that is not the machine itself: the stage looks.
    pub environment: Option<Environment>,
    /// `shm_size` and `docker_args` of the job, for a container.
    #[serde(default)]
    pub resources: Option<Resources>,
    /// Local data that the command reads where it is: absolute paths, for a container.
    #[serde(default)]
    pub read_in_place: Vec<PathBuf>,
    /// The digest that the environment must have, for a rerun.
    #[serde(default)]
    pub environment_digest: Option<String>,
}

/// One data input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputOrder {
    /// As in the job file.
    pub input: DataInput,
    /// What `azureml:NAME:VERSION`, `azureml:NAME@latest` or `azureml://jobs/…` stands for, or why
    /// it stands for nothing; none for a path that needs no such look.
    pub resolved: Option<Result<Asset, String>>,
    /// The digest that the data must have, for a rerun.
    #[serde(default)]
    pub digest: Option<String>,
}

/// A registered asset, or an output of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Its name; empty for an output that is not registered.
    pub name: String,
    /// Its version; empty likewise.
    pub version: String,
    /// `uri_file`, `uri_folder`, `mltable`, `custom_model`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// An absolute path or a URI.
    pub path: String,
}

/// One named output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputOrder {
    /// As in the job file.
    pub output: Output,
    /// Where the job writes it: a path below the working folder.
    pub path: PathBuf,
}

/// What is to be done with what the command has written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FinalizeOrder {
    /// The named outputs.
    pub outputs: BTreeMap<String, OutputOrder>,
}
