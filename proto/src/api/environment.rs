//! The registry of environments.

use serde::{Deserialize, Serialize};

use crate::stage::{EnvironmentDetail, EnvironmentRefusal, EnvironmentSummary};

/// Asks for a page of what is registered: the environments, then the files that were refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListEnvironments {
    /// The page's size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<usize>,
    /// The `next_from` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<usize>,
}

/// A page of what is registered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedEnvironments {
    /// By name.
    pub environments: Vec<EnvironmentSummary>,
    /// The files of the registry that were refused.
    pub refused: Vec<EnvironmentRefusal>,
    /// Ask with this as `from` for the next page; none on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_from: Option<usize>,
}

/// Asks for a version of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowEnvironment {
    /// The name.
    pub name: String,
    /// The version; the latest when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A version of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownEnvironment {
    /// The environment.
    pub environment: EnvironmentDetail,
}
