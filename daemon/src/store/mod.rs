//! The store: one SQLite file that holds every job's definition, state and history.
//!
//! One [`Store`] writes, owned by the engine's thread, and its commit is the only point of
//! durability (WAL with `synchronous=FULL`: one fsync a commit, however many jobs are in it).
//! Any number of [`Reader`]s read what is committed.

mod reader;
mod row;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{Page, Reader, Resolution};
pub use row::Row;
pub use writer::{Store, Write};

use std::path::PathBuf;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened.
    #[error("open the store {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file was written by a newer release.
    #[error("the store {} has version {found}, this release knows {known}: start the newer jobd again; nothing was changed", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's version.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// A statement failed.
    #[error("{operation}: {source}")]
    Sql {
        /// What was to be done.
        operation: &'static str,
        /// Why it failed.
        source: rusqlite::Error,
    },
    /// A row holds what this release cannot read.
    #[error("read the row of job {id}: {source}")]
    Row {
        /// The job's number.
        id: i64,
        /// Why.
        source: serde_json::Error,
    },
    /// A value has no stored form.
    #[error("write the row of job {id}: {source}")]
    Encode {
        /// The job's number.
        id: i64,
        /// Why.
        source: serde_json::Error,
    },
}

impl StoreError {
    /// Whether the disk itself failed, so that what was written before is in doubt too. After a
    /// failed fsync nothing may be tried again in the same process: the kernel forgets the error.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        let StoreError::Sql { source, .. } = self else {
            return false;
        };
        match source.sqlite_error() {
            Some(error) => {
                error.extended_code == rusqlite::ffi::SQLITE_IOERR_FSYNC
                    || matches!(
                        error.code,
                        rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase
                    )
            }
            None => false,
        }
    }
}

/// Names the operation that failed.
fn sql(operation: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| StoreError::Sql { operation, source }
}
