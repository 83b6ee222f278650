//! Why data is not where it should be: one readable cause, without a secret.

use std::io;
use std::path::{Path, PathBuf};

use super::cause::Cause;

/// The cause.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The daemon could not tell what an asset or another job's output is.
    #[error("{0}")]
    Unresolved(String),
    /// A path that means nothing here.
    #[error("the path `{path}` cannot be used: {why}")]
    Form {
        /// As written, without secrets.
        path: String,
        /// Why, and what to write instead.
        why: String,
    },
    /// A datastore that the configuration has not.
    #[error("there is no datastore `{name}` in the configuration ({known})")]
    Datastore {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A file of credentials that cannot be trusted or read.
    #[error("the credentials file {} is not used: {why}", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why, never what is in it.
        why: String,
    },
    /// Nothing is there.
    #[error("there is no file or folder {0}")]
    Missing(String),
    /// Something else is there.
    #[error("{path} is {found}, but {kind} needs {wanted}")]
    Kind {
        /// Where.
        path: String,
        /// What it is.
        found: &'static str,
        /// The type of the input or output.
        kind: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// The file system refused.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// The operation.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A store or a web server failed.
    #[error("{what} {place}: {cause}")]
    Store {
        /// The operation.
        what: &'static str,
        /// The address without secrets.
        place: String,
        /// Why.
        cause: Cause,
    },
    /// A rerun must have what the first run had.
    #[error("{path} has changed: the run that is repeated had {wanted}, and there is {found} now")]
    Changed {
        /// Where.
        path: String,
        /// The digest it had.
        wanted: String,
        /// The digest it has.
        found: String,
    },
    /// An output that is needed is not there.
    #[error("the command has not written the file {}", .0.display())]
    NotWritten(PathBuf),
    /// Some of an output has arrived and the rest has not.
    #[error("{done} of {all} files are at {place}, the rest is not: {source}; nothing is deleted")]
    Partly {
        /// Files that arrived.
        done: usize,
        /// Files in all.
        all: usize,
        /// Where they were to go.
        place: String,
        /// Why the next did not.
        source: Box<DataError>,
    },
    /// A store that is not even asked.
    #[error("the credentials or the settings of this store cannot be used: {0}")]
    Unusable(String),
    /// The machinery for requests cannot be made.
    #[error("start the client for stores: {0}")]
    Client(String),
}

impl DataError {
    /// What there was no room for on its disk.
    pub(super) fn found_no_room_for(&self) -> Option<&Path> {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        match self {
            DataError::Io { source, path, .. } => {
                matches!(source.kind(), StorageFull | QuotaExceeded).then_some(path)
            }
            _ => None,
        }
    }

    /// Whether a store has nothing at the address.
    pub(super) fn is_not_found(&self) -> bool {
        let is_nothing = |cause: &Cause| matches!(cause, Cause::NotFound | Cause::Hidden(_));
        matches!(self, DataError::Store { cause, .. } if is_nothing(cause))
    }
}

/// For `map_err`: the operation and its object.
pub(super) fn io_of(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DataError {
    move |source| DataError::Io {
        what,
        path: path.into(),
        source,
    }
}
