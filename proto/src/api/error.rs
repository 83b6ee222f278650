//! The errors of the socket: stable names, each with what a program needs to act on it.

use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;

/// Why a call was refused. The serialized form is a Varlink error reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", content = "parameters")]
pub enum ApiError {
    /// A job file was refused; nothing of the call was submitted.
    #[error("{}", first_line(diagnostics))]
    #[serde(rename = "io.jobd.InvalidJob")]
    InvalidJob {
        /// All findings, errors first.
        diagnostics: Vec<Diagnostic>,
    },
    /// A job of that name exists.
    #[error("a job named {name:?} already exists; choose another name or leave it out")]
    #[serde(rename = "io.jobd.NameTaken")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// No job of that name is visible to the caller.
    #[error("no job is named {name:?}")]
    #[serde(rename = "io.jobd.NoSuchJob")]
    NoSuchJob {
        /// The name as it was asked for.
        name: String,
    },
    /// The prefix fits several jobs.
    #[error("{name:?} is the beginning of several names: {}", candidates.join(", "))]
    #[serde(rename = "io.jobd.AmbiguousName")]
    AmbiguousName {
        /// The prefix.
        name: String,
        /// Some of the names that begin with it.
        candidates: Vec<String>,
    },
    /// That version of an asset exists.
    #[error("{name}:{version} already exists; choose another version or leave it out")]
    #[serde(rename = "io.jobd.AssetExists")]
    AssetExists {
        /// The asset's name.
        name: String,
        /// The version.
        version: String,
    },
    /// No such asset is registered.
    #[error("no asset is registered as {name:?}")]
    #[serde(rename = "io.jobd.NoSuchAsset")]
    NoSuchAsset {
        /// The name, with the version where one was asked for.
        name: String,
    },
    /// No such environment is registered, or its file is refused.
    #[error("{reason}")]
    #[serde(rename = "io.jobd.NoSuchEnvironment")]
    NoSuchEnvironment {
        /// The name.
        name: String,
        /// Why it cannot be had.
        reason: String,
    },
    /// The job's status does not allow it.
    #[error("job {name} is {status}: {reason}")]
    #[serde(rename = "io.jobd.BadStatus")]
    BadStatus {
        /// The job's name.
        name: String,
        /// Its status.
        status: String,
        /// What is allowed instead.
        reason: String,
    },
    /// A named limit was reached.
    #[error("the limit {limit} of {max} is reached")]
    #[serde(rename = "io.jobd.LimitReached")]
    LimitReached {
        /// The limit's name, as in the README's table.
        limit: String,
        /// Its value.
        max: i64,
    },
    /// The caller may not do this.
    #[error("not allowed: {reason}")]
    #[serde(rename = "io.jobd.NotAllowed")]
    NotAllowed {
        /// Who may.
        reason: String,
    },
    /// The daemon cannot do it now; nothing was changed.
    #[error("jobd cannot do this now: {reason}")]
    #[serde(rename = "io.jobd.Unavailable")]
    Unavailable {
        /// Why, such as a full disk.
        reason: String,
    },
    /// The interface is not served here.
    #[error("the interface {interface} is not served here")]
    #[serde(rename = "org.varlink.service.InterfaceNotFound")]
    InterfaceNotFound {
        /// The interface's name.
        interface: String,
    },
    /// The method does not exist.
    #[error("the method {method} does not exist; is the daemon older than this client?")]
    #[serde(rename = "org.varlink.service.MethodNotFound")]
    MethodNotFound {
        /// The method's name.
        method: String,
    },
    /// A parameter is missing or of the wrong type.
    #[error("invalid parameter: {parameter}")]
    #[serde(rename = "org.varlink.service.InvalidParameter")]
    InvalidParameter {
        /// Which, and what is wrong with it.
        parameter: String,
    },
}

fn first_line(diagnostics: &[Diagnostic]) -> String {
    match diagnostics {
        [] => "the job file is invalid".into(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}
