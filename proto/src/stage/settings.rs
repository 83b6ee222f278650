//! What the configuration says about data and environments. The order carries it to the stage.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything a stage needs of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSettings {
    /// Datastore name → where it is.
    #[serde(default)]
    pub datastores: BTreeMap<String, Datastore>,
    /// The datastore that `${{default_datastore}}` means; none for the job's own folder.
    #[serde(default)]
    pub default_datastore: Option<String>,
    /// URL prefix → the folder or URL that takes its place; the longest prefix wins.
    #[serde(default)]
    pub mirrors: BTreeMap<String, String>,
    /// A folder of Azure ML environment files, above the ones that jobd brings.
    #[serde(default)]
    pub environments: Option<PathBuf>,
    /// What to do where an environment cannot be had.
    #[serde(default)]
    pub environment_policy: EnvironmentPolicy,
    /// The most bytes of a snapshot of code; none for the default.
    #[serde(default)]
    pub code_bytes_max: Option<u64>,
    /// The most bytes of the cache of data; none for the default.
    #[serde(default)]
    pub cache_bytes_max: Option<u64>,
    /// The most bytes of the environments in the cache; none for the default.
    #[serde(default)]
    pub environments_bytes_max: Option<u64>,
    /// Seconds without a byte after which a store counts as stalled; none for the default.
    #[serde(default)]
    pub stall_secs: Option<u64>,
}

/// A place for data. Credentials are never here: they come from the user's environment or from
/// a file that only the user can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Datastore {
    /// A folder of this machine.
    Folder {
        /// Absolute.
        path: PathBuf,
    },
    /// A container of Azure Blob Storage or Data Lake Gen2.
    AzureBlob {
        /// The storage account.
        account: String,
        /// The container.
        container: String,
        /// Another endpoint than `https://ACCOUNT.blob.core.windows.net`.
        #[serde(default)]
        endpoint: Option<String>,
        /// A file of `NAME=VALUE` lines, mode 0600.
        #[serde(default)]
        credentials_file: Option<PathBuf>,
    },
    /// A bucket of S3.
    S3 {
        /// The bucket.
        bucket: String,
        /// The region.
        #[serde(default)]
        region: Option<String>,
        /// Another endpoint than Amazon's.
        #[serde(default)]
        endpoint: Option<String>,
        /// A file of `NAME=VALUE` lines, mode 0600.
        #[serde(default)]
        credentials_file: Option<PathBuf>,
    },
    /// A bucket of Google Cloud Storage.
    Gcs {
        /// The bucket.
        bucket: String,
        /// Another endpoint than Google's.
        #[serde(default)]
        endpoint: Option<String>,
        /// A file of `NAME=VALUE` lines, mode 0600.
        #[serde(default)]
        credentials_file: Option<PathBuf>,
    },
}

/// What to do where an environment cannot be had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentPolicy {
    /// Take the machine's own and say so.
    #[default]
    BestEffort,
    /// The job fails.
    Strict,
    /// Take the machine's own, whatever a job asks for, and say so: nothing is built.
    Host,
}
