//! The tables, and how a file of an older release becomes one of this.
//!
//! Versions (SQLite's `user_version`): 1 first version; 2 when a job ended and was pruned, and
//! an index of how it ended; 3 what stages report, and the registry of assets.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::{StoreError, assets, sql};

/// The newest version that this release knows.
pub const VERSION: i64 = 3;
/// The mode of the store's files.
const PRIVATE: u32 = 0o600;
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
    state     TEXT NOT NULL,
    ended_at  INTEGER,
    pruned_at INTEGER,
    swept     INTEGER NOT NULL DEFAULT 1
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
";

/// What the second version adds to the tables, however they came to be.
const SECOND: &str = "
CREATE INDEX jobs_ended ON jobs (status, id) WHERE live = 0;
CREATE INDEX jobs_kept ON jobs (ended_at, id) WHERE live = 0 AND pruned_at IS NULL;
CREATE INDEX jobs_unswept ON jobs (id) WHERE swept = 0;
PRAGMA user_version = 2;
";

/// What the third version adds: the reports of stages, of a job and of which step. They are apart
/// from the jobs' state, which is written at every change.
const REPORTS: &str = "
CREATE TABLE reports (
    id     INTEGER NOT NULL,
    stage  TEXT NOT NULL,
    report TEXT NOT NULL,
    PRIMARY KEY (id, stage)
) STRICT, WITHOUT ROWID;
";

/// From the first version to the second.
const FROM_1: &str = "
ALTER TABLE jobs ADD COLUMN ended_at INTEGER;
ALTER TABLE jobs ADD COLUMN pruned_at INTEGER;
ALTER TABLE jobs ADD COLUMN swept INTEGER NOT NULL DEFAULT 1;
UPDATE jobs SET ended_at = json_extract(state, '$.history[#-1].at')
    WHERE live = 0 AND json_valid(state);
";

/// What the third version adds to the tables, however they came to be.
fn third() -> String {
    format!("{REPORTS} {} PRAGMA user_version = 3;", assets::TABLE)
}

/// What is done where there is no store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It is made.
    Make,
    /// It is refused: jobs have left traces, so a store has been here.
    Refuse,
}

/// Lets nobody else read what jobs were given, or lock what they may read. SQLite gives the log and
/// the memory beside a store the store's own mode. What cannot be done SQLite will tell.
fn make_private(path: &Path, missing: Missing) {
    let mut options = OpenOptions::new();
    let create = missing == Missing::Make;
    drop(options.write(true).create(create).mode(PRIVATE).open(path));
    for beside in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(beside);
        let is_open = fs::metadata(&file).is_ok_and(|found| found.mode() & 0o077 != 0);
        if is_open && let Err(error) = fs::set_permissions(&file, Permissions::from_mode(PRIVATE)) {
            tracing::warn!(%error, file = ?file, "others may read the store");
        }
    }
}

/// Opens the file for writing. Nothing is written to a file that is refused.
pub fn open_writer(path: &Path, missing: Missing) -> Result<Connection, StoreError> {
    let open = |source| StoreError::of_open(path, source);
    let lost = || StoreError::Lost { path: path.into() };
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match missing {
        Missing::Make => flags |= OpenFlags::SQLITE_OPEN_CREATE,
        // SQLite would throw the log beside an empty file away.
        Missing::Refuse if is_empty(path) => return Err(lost()),
        Missing::Refuse => {}
    }
    make_private(path, missing);
    let connection = Connection::open_with_flags(path, flags).map_err(open)?;
    configure(&connection).map_err(open)?;
    // Else a file that is refused would take in its log when it is closed.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(open)?;
    let version = version(&connection).map_err(open)?;
    match (version, missing) {
        (0, Missing::Refuse) => return Err(lost()),
        (0, Missing::Make) => {}
        (VERSION, _) => check(&connection).map_err(open)?,
        (1..VERSION, _) => {
            check(&connection).map_err(open)?;
            migrate(&connection, path, version)?;
        }
        (found, _) => {
            return Err(StoreError::Newer {
                path: path.into(),
                found,
                known: VERSION,
            });
        }
    }
    for (name, value) in [("journal_mode", "WAL"), ("synchronous", "FULL")] {
        connection.pragma_update(None, name, value).map_err(open)?;
    }
    if version == 0 {
        create(&connection)?;
    }
    Ok(connection)
}

/// Makes a store of an older release one of this, after a copy.
fn migrate(connection: &Connection, path: &Path, from: i64) -> Result<(), StoreError> {
    let copying = beside(path, &format!(".v{from}.copying"));
    let copy = beside(path, &format!(".v{from}"));
    if !copy.exists() {
        let failed = |source| StoreError::Copy {
            path: copy.clone(),
            source,
        };
        // What a copy that was cut off has left.
        match fs::remove_file(&copying) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(failed(source)),
            _ => {}
        }
        connection
            .execute("VACUUM INTO ?1", [copying.to_string_lossy()])
            .map_err(sql("copy the store before it is changed"))?;
        File::open(&copying)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&copying, &copy))
            .map_err(failed)?;
    }
    let second = match from {
        1 => [FROM_1, SECOND].concat(),
        _ => String::new(),
    };
    let steps = format!("BEGIN IMMEDIATE; {second} {} COMMIT;", third());
    connection
        .execute_batch(&steps)
        .map_err(sql("bring the store to this release"))
}

/// What lies beside the store under its name with this at the end.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Whether there is no file, or nothing in it.
fn is_empty(path: &Path) -> bool {
    path.metadata().map_or(true, |metadata| metadata.len() == 0)
}

/// A cheap look that finds a damaged header, schema, or root of a table. The whole file is
/// checked by `jobctl doctor`; a page that is damaged elsewhere is met when it is read.
pub fn check(connection: &Connection) -> rusqlite::Result<()> {
    for query in [
        "SELECT state FROM jobs ORDER BY id LIMIT 1",
        "SELECT state FROM jobs ORDER BY id DESC LIMIT 1",
        "SELECT name FROM jobs INDEXED BY sqlite_autoindex_jobs_1 ORDER BY name LIMIT 1",
        "SELECT id FROM jobs INDEXED BY jobs_live WHERE live = 1 ORDER BY id LIMIT 1",
        "SELECT definition FROM definitions ORDER BY id DESC LIMIT 1",
        "SELECT value FROM settings LIMIT 1",
    ] {
        connection
            .query_row(query, [], |row| row.get::<_, Value>(0))
            .optional()?;
    }
    Ok(())
}

/// Opens the file for reading.
pub fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    open_read_only(path, path, OpenFlags::empty())
}

/// Opens the file for reading in the way that a URI of it says (<https://sqlite.org/uri.html>).
pub fn open_uri(path: &Path, uri: &Path) -> Result<Connection, StoreError> {
    open_read_only(path, uri, OpenFlags::SQLITE_OPEN_URI)
}

fn open_read_only(path: &Path, name: &Path, more: OpenFlags) -> Result<Connection, StoreError> {
    let open = |source| StoreError::of_open(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(name, flags).map_err(open)?;
    configure(&connection).map_err(open)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
    // Plans hang on the queries alone. Without it the partial indexes make SQLite plan anew for
    // every value that is bound (sqlite.org/c3ref/c_dbconfig_defensive.html).
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)
}

/// The version of the tables.
pub fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn create(connection: &Connection) -> Result<(), StoreError> {
    let tables = format!("BEGIN IMMEDIATE; {TABLES} {SECOND} {} COMMIT;", third());
    connection
        .execute_batch(&tables)
        .map_err(sql("make the store's tables"))
}
