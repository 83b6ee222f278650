//! Looks at a store without changing a byte on the disk: neither the file nor what lies beside
//! it. SQLite's own reading would make an index beside a log that nobody has open.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use super::{StoreError, salvage, schema};
use crate::core::Job;

/// Who else has the file open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A daemon: its locks and its index of the log are used.
    Shared,
    /// Nobody: the log's index is made anew in memory.
    Alone,
}

/// What a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The version of its tables.
    pub version: i64,
    /// What is wrong with it; nothing when it is whole.
    pub faults: Vec<String>,
    /// When the newest job last changed, in microseconds since the Unix epoch.
    pub newest: Option<i64>,
}

/// Inspects the store.
///
/// # Errors
/// `Lost` when nothing is in it, `Newer` when it is of a newer release, `Damaged` and others when it cannot be read at all.
pub fn inspect(path: &Path, access: Access) -> Result<Inspection, StoreError> {
    let connection = open(path, access)?;
    let version = schema::version(&connection).map_err(|e| StoreError::of_open(path, e))?;
    if version == 0 {
        return Err(StoreError::Lost { path: path.into() });
    }
    if version > schema::VERSION {
        return Err(StoreError::Newer {
            path: path.into(),
            found: version,
            known: schema::VERSION,
        });
    }
    let mut faults = salvage::check(&connection).or_else(|error| match error {
        StoreError::Sql { source, .. } if super::is_damage(&source) => Ok(vec![source.to_string()]),
        error => Err(error),
    })?;
    if let Err(error) = schema::check(&connection) {
        faults.push(error.to_string());
    }
    Ok(Inspection {
        version,
        newest: newest(&connection),
        faults,
    })
}

fn open(path: &Path, access: Access) -> Result<Connection, StoreError> {
    match access {
        Access::Shared => schema::open_reader(path),
        Access::Alone => schema::open_uri(path, &uri(path, alone(path)?)),
    }
}

/// How a file is read that nobody else has open (<https://sqlite.org/walformat.html>, "WAL-mode
/// read-only databases"). Without a log the file is all there is. With one, an index that is not
/// written is taken for stale, and a new one is made in memory; but it must be there.
fn alone(path: &Path) -> Result<&'static str, StoreError> {
    let length = |suffix| {
        schema::beside(path, suffix)
            .metadata()
            .map(|found| found.len())
            .ok()
    };
    match (length("-wal"), length("-shm")) {
        (None | Some(0), _) => Ok("?mode=ro&immutable=1"),
        (Some(_), Some(_)) => Ok("?mode=ro&readonly_shm=1"),
        (Some(_), None) => Err(StoreError::Unindexed { path: path.into() }),
    }
}

fn uri(path: &Path, parameters: &str) -> PathBuf {
    let mut uri = b"file:".to_vec();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            // What ends or escapes a part of a URI (RFC 3986).
            b'%' | b'?' | b'#' => uri.extend(format!("%{byte:02X}").bytes()),
            byte => uri.push(*byte),
        }
    }
    uri.extend(parameters.bytes());
    OsString::from_vec(uri).into()
}

/// A row that cannot be read has no time: it is among the faults, or of no use here.
fn newest(connection: &Connection) -> Option<i64> {
    let state: Option<String> = connection
        .query_row(
            "SELECT state FROM jobs ORDER BY id DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()
        .ok()?;
    let job: Job = serde_json::from_str(&state?).ok()?;
    job.history.last().map(|transition| transition.at)
}
