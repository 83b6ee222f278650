//! The tables, and how a file of an older release becomes one of this.
//!
//! Versions (SQLite's `user_version`): 1 first version.

use std::path::Path;

use rusqlite::Connection;

use super::{StoreError, sql};

/// The newest version that this release knows.
pub const VERSION: i64 = 1;
/// How long a reader waits for a checkpoint that is in its way, in milliseconds.
const BUSY_MS: u64 = 5_000;
/// SQLite's page cache for each connection, in KiB.
const CACHE_KIB: i64 = 2_048;

/// `jobs` has what is looked for and what changes, `definitions` what is written once: an update
/// of a job's state does not write its definition again.
const TABLES: &str = "
CREATE TABLE jobs (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    uid       INTEGER NOT NULL,
    status    TEXT NOT NULL,
    live      INTEGER NOT NULL,
    archived  INTEGER NOT NULL DEFAULT 0,
    spool_key TEXT,
    state     TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_live ON jobs (id) WHERE live = 1;
CREATE UNIQUE INDEX jobs_spool_key ON jobs (spool_key) WHERE spool_key IS NOT NULL;
CREATE TABLE definitions (
    id         INTEGER PRIMARY KEY,
    definition TEXT NOT NULL
) STRICT;
CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
";

/// Opens the file for writing; makes it when it is not there.
pub fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let open = |source| StoreError::Open {
        path: path.into(),
        source,
    };
    let connection = Connection::open(path).map_err(open)?;
    configure(&connection).map_err(open)?;
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .map_err(open)?;
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(open)?;
    match version(&connection).map_err(open)? {
        0 => create(&connection)?,
        VERSION => {}
        found => {
            return Err(StoreError::Newer {
                path: path.into(),
                found,
                known: VERSION,
            });
        }
    }
    Ok(connection)
}

/// Opens the file for reading.
pub fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let open = |source| StoreError::Open {
        path: path.into(),
        source,
    };
    let flags =
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(open)?;
    configure(&connection).map_err(open)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn create(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} COMMIT;"))
        .map_err(sql("make the store's tables"))
}
