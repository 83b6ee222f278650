//! Registered assets: data, models and outputs of jobs under a name and a version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::CreationContext;

/// A registered version of an asset: the attributes of Azure ML's `Data` under their names, and
/// jobd's own beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// The id in the form of an ARM id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// `uri_file`, `uri_folder`, `mltable`, `custom_model`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// An absolute path or a URI.
    pub path: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// For people and their scripts.
    pub tags: BTreeMap<String, String>,
    /// Who made it, and when.
    pub creation_context: CreationContext,
    /// Whether it is hidden from lists and from `@latest`.
    pub archived: bool,
    /// `sha256:…` of the contents, where they passed through our hands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Bytes of the contents, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The job that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The output of the job that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// Registers data under a name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateData {
    /// The name.
    pub name: String,
    /// The version, which must be new; the next number when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `uri_file`, `uri_folder`, `mltable`, `custom_model`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// An absolute path or a URI.
    pub path: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// For people and their scripts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
}

/// A registered version of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownData {
    /// The asset.
    pub data: Data,
}

/// Asks for a page of assets, newest first: the newest version of each name, or all versions of
/// one name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListData {
    /// The name whose versions are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The page's size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<usize>,
    /// The `next_before` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// Archived assets too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_archived: Option<bool>,
    /// Archived assets only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_only: Option<bool>,
}

/// A page of assets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedData {
    /// Newest first.
    pub data: Vec<Data>,
    /// Ask with this as `before` for the next page; none on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_before: Option<i64>,
}

/// Asks for a version of an asset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowData {
    /// The name.
    pub name: String,
    /// The version; the newest that is not archived when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Hides an asset from lists and from `@latest`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveData {
    /// The name.
    pub name: String,
    /// The version; all of them when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Shows an archived asset again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreData {
    /// The name.
    pub name: String,
    /// The version; all of them when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}
