//! `outputs` (azureml.md §1.6): folders or files that the job writes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::field::Field;
use super::input::DATA_TYPES;
use super::name::Owner;
use super::{name, references, secret};
use crate::yaml::Value;

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

pub(super) const MODES: &[&str] = &["rw_mount", "mount", "upload", "direct"];
pub(super) const KEYS: &[&str] = &["type", "mode", "path", "name", "version"];

impl Default for Output {
    fn default() -> Output {
        Output {
            kind: "uri_folder".into(),
            mode: None,
            path: None,
            name: None,
            version: None,
        }
    }
}

impl Output {
    /// Reads `outputs`.
    pub(super) fn read_all(field: &Field<'_>, owner: Owner) -> Option<BTreeMap<String, Output>> {
        let entries = field.entries()?;
        let read = |(key, value): (String, Field<'_>)| {
            let named = owner.names(&value, &key);
            let output = Output::read(&value, false)?;
            named.then_some((key, output))
        };
        Some(entries.into_iter().filter_map(read).collect())
    }

    /// Reads one output; nothing means a folder. The path of a step's output may also be an
    /// output of the pipeline.
    pub(super) fn read(field: &Field<'_>, of_step: bool) -> Option<Output> {
        if field.node.value == Value::Null {
            return Some(Output::default());
        }
        let fields = field.fields(KEYS)?;
        let kind = fields
            .get("type")
            .map_or(Some("uri_folder"), |kind| kind.word(DATA_TYPES));
        let mode = fields.get("mode").and_then(|mode| mode.word(MODES));
        let path = fields.get("path");
        path.iter().for_each(secret::check);
        let path = path.and_then(|path| references::check_output_path(&path, of_step));
        let asset = |key| fields.get(key).and_then(|asset| name::asset(&asset));
        let (name, version) = (asset("name"), asset("version"));
        if let (Some(version), None) = (fields.get("version"), fields.get("name")) {
            version.error(
                "missing-key",
                "a version needs a name",
                "add `name:`, the asset to register",
            );
        }
        // `mount` is another word for `rw_mount`.
        let mode = mode.map(|mode| if mode == "mount" { "rw_mount" } else { mode });
        Some(Output {
            kind: kind?.into(),
            mode: mode.map(str::to_owned),
            path,
            name,
            version,
        })
    }
}
