//! `identity` (azureml.md §1.7): whose rights a job has.

use serde::{Deserialize, Serialize};

use super::field::Field;
use super::suggest;

/// Whose rights a job has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Identity {
    /// A managed identity of the compute.
    ManagedIdentity {
        /// The identity's client id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        /// The identity's object id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        object_id: Option<String>,
        /// The identity's resource id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        msi_resource_id: Option<String>,
    },
    /// A token of the job's own.
    AmlToken,
    /// The submitter.
    UserIdentity,
}

pub(super) const ALL_KEYS: &[&str] = &["type", "client_id", "object_id", "msi_resource_id"];
pub(super) const ONLY_TYPE: &[&str] = &["type"];
pub(super) const TYPES: &[&str] = &["managed_identity", "managed", "aml_token", "user_identity"];

impl Identity {
    /// Reads `identity`. Types are taken in snake case and in camel case, as the SDK takes them.
    pub(super) fn read(field: &Field<'_>) -> Option<Identity> {
        let Some(kind) = field.peek("type") else {
            field
                .fields(ALL_KEYS)?
                .require("type", "write one of managed, aml_token, user_identity");
            return None;
        };
        let word = kind.text()?;
        let only_type = |identity| field.fields(ONLY_TYPE).map(|_| identity);
        match word.replace('_', "").to_ascii_lowercase().as_str() {
            "managed" | "managedidentity" => Identity::managed(field),
            "amltoken" => only_type(Identity::AmlToken),
            "useridentity" => only_type(Identity::UserIdentity),
            _ => {
                kind.error(
                    "unknown-value",
                    format!("`{word}` is not an identity"),
                    suggest::help(&word, TYPES),
                );
                None
            }
        }
    }

    fn managed(field: &Field<'_>) -> Option<Identity> {
        let fields = field.fields(ALL_KEYS)?;
        let text = |key| fields.get(key).and_then(|text| text.text());
        Some(Identity::ManagedIdentity {
            client_id: text("client_id"),
            object_id: text("object_id"),
            msi_resource_id: text("msi_resource_id"),
        })
    }
}
