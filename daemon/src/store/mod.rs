//! The store: one SQLite file that holds every job's definition, state and history.
//!
//! One [`Store`] writes, owned by the engine's thread, and its commit is the only point of
//! durability (WAL with `synchronous=FULL`: one fdatasync a commit, however many jobs are in it).
//! Any number of [`Reader`]s read what is committed.

mod assets;
mod inspect;
mod reader;
mod room;
mod row;
mod salvage;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

pub use assets::{AssetPage, NewAsset, Registered, number};
pub use inspect::{Access, Inspection, inspect};
pub use reader::{Kept, Page, Reader, Resolution};
pub use row::{Reports, Row};
pub use salvage::{Salvage, Salvaged, faults, salvage};
pub use schema::{Missing, beside};
pub use writer::{Store, Write};

use std::path::{Path, PathBuf};

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
    /// The file is damaged.
    #[error("the store {} is damaged ({reason}); nothing was changed; `jobd recover` rebuilds it from the jobs' folders and from what can be read of it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// The file is missing or empty, and jobs have been here.
    #[error("the store {} is missing, but there are folders of jobs; `jobd recover` rebuilds it from them", path.display())]
    Lost {
        /// The file.
        path: PathBuf,
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
    /// The copy that is made before a store of an older release is changed cannot be made.
    #[error("copy the store to {}: {source}", path.display())]
    Copy {
        /// The copy.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is a log, and not the index that is needed to read it without a change.
    #[error("read the store {}: its log has no index beside it", path.display())]
    Unindexed {
        /// The file.
        path: PathBuf,
    },
    /// A statement failed.
    #[error("{operation}: {source}{}", advice(source))]
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
        let fsync =
            |error: &rusqlite::ffi::Error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_FSYNC;
        is_damage(source) || source.sqlite_error().is_some_and(fsync)
    }

    /// What it means that a file of this path cannot be opened.
    fn of_open(path: &Path, source: rusqlite::Error) -> StoreError {
        let path = path.into();
        let lacks_table = source
            .sqlite_error()
            .is_some_and(|error| error.code == rusqlite::ErrorCode::Unknown);
        if is_damage(&source) || lacks_table {
            let reason = source.to_string();
            return StoreError::Damaged { path, reason };
        }
        StoreError::Open { path, source }
    }
}

/// Whether the file's content is at fault.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    let damage =
        |error: &rusqlite::ffi::Error| matches!(error.code, DatabaseCorrupt | NotADatabase);
    error.sqlite_error().is_some_and(damage)
}

/// Added to a message about a file that is damaged: what to do.
fn advice(error: &rusqlite::Error) -> &'static str {
    if is_damage(error) {
        "; the store is damaged: `jobd recover` rebuilds it"
    } else {
        ""
    }
}

/// Whether a job is stored under that name; for the reader and the writer.
fn has_name(connection: &rusqlite::Connection, name: &str) -> Result<bool, StoreError> {
    exists(connection, "SELECT 1 FROM jobs WHERE name = ?1", name)
}

/// Whether a query about jobs with that value finds any.
fn exists(
    connection: &rusqlite::Connection,
    query: &'static str,
    value: &str,
) -> Result<bool, StoreError> {
    connection
        .prepare_cached(query)
        .and_then(|mut statement| statement.exists([value]))
        .map_err(sql("look up a job"))
}

/// Names the operation that failed.
fn sql(operation: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| StoreError::Sql { operation, source }
}
