//! `inputs` (azureml.md §1.5): literals and data.

use serde::{Deserialize, Serialize};

/// A value with the type that YAML 1.1 gave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Literal {
    /// Plain `true`, `yes`, `on`, …
    Bool(bool),
    /// An integer of ordinary size.
    Int(i64),
    /// A finite floating-point number.
    Float(f64),
    /// Text, and integers too large for `Int` (as `{"big": "…"}`).
    Str(String),
    /// An integer of any size, in decimal digits.
    Big {
        /// The digits, with a sign where negative.
        big: String,
    },
}

/// An input of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// A value that is put into the command.
    Literal(Literal),
    /// A file or folder.
    Data(DataInput),
}

/// A file or folder as input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataInput {
    /// `uri_folder`, `uri_file`, `mltable`, `mlflow_model`, `custom_model`, `triton_model`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is, as written.
    pub path: String,
    /// `ro_mount`, `download`, `direct`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The datastore to upload to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datastore: Option<String>,
    /// Where the job wants to see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_on_compute: Option<String>,
}
