//! The registry of environments.

use serde::{Deserialize, Serialize};

use crate::stage::{EnvironmentDetail, EnvironmentRefusal, EnvironmentSummary};

/// Asks which environments are registered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListEnvironments {}

/// What is registered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedEnvironments {
    /// By name.
    pub environments: Vec<EnvironmentSummary>,
    /// The files of the registry that were refused.
    pub refused: Vec<EnvironmentRefusal>,
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
