//! What jobs of every type have in common (azureml.md §1.1).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::field::Field;
use super::name::Owner;
use super::{Fields, Identity, Input, Output, Service, heartbeat, name};

/// What jobs of every type have in common.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Base {
    /// The job's name; chosen by the daemon when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The experiment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment_name: Option<String>,
    /// Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Free text by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Option<String>>,
    /// Free text by name, not to be changed later.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Option<String>>,
    /// The compute's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<String>,
    /// Inputs by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Input>,
    /// Outputs by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, Output>,
    /// Whose rights the job has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Interactive services by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<BTreeMap<String, Service>>,
    /// Makes the job a child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_job_name: Option<String>,
}

impl Base {
    /// Reads the common keys.
    pub(super) fn read(fields: &Fields<'_>, owner: Owner) -> Base {
        Base {
            name: fields.read("name", name::job),
            display_name: fields.text("display_name"),
            experiment_name: fields.read("experiment_name", name::experiment),
            description: fields.text("description"),
            tags: fields.read("tags", text_map).unwrap_or_default(),
            properties: fields
                .read("properties", |field| {
                    heartbeat::check(field);
                    text_map(field)
                })
                .unwrap_or_default(),
            compute: fields.read("compute", Field::filled_text),
            inputs: fields
                .read("inputs", |map| Input::read_all(map, owner))
                .unwrap_or_default(),
            outputs: fields
                .read("outputs", |map| Output::read_all(map, owner))
                .unwrap_or_default(),
            identity: fields.read("identity", Identity::read),
            services: fields.read("services", services),
            parent_job_name: fields.read("parent_job_name", name::job),
        }
    }
}

/// `tags` and `properties`: text or nothing by name.
pub(super) fn text_map(field: &Field<'_>) -> Option<BTreeMap<String, Option<String>>> {
    let entries = field.entries()?.into_iter();
    Some(
        entries
            .filter_map(|(key, value)| Some((key, value.nullable_text()?)))
            .collect(),
    )
}

pub(super) fn services(field: &Field<'_>) -> Option<BTreeMap<String, Service>> {
    let entries = field.entries()?.into_iter();
    Some(
        entries
            .filter_map(|(key, value)| Some((key, Service::read(&value)?)))
            .collect(),
    )
}
