//! The one writer: a batch of writes is one transaction and one fdatasync.

use std::path::{Path, PathBuf};

use proto::stage::StageReport;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::core::{Definition, Job, JobId, NewJob, StepKind};

use super::schema::Missing;
use super::{NewAsset, StoreError, assets, room, schema, sql};
use crate::sys::failpoint;

/// A change to be made durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A new job.
    Insert(Job, NewJob),
    /// A job's state.
    Update(Job),
    /// What a stage of a job has reported.
    Report(JobId, Box<StageReport>),
    /// Whether the queue is paused.
    SetPaused(bool),
    /// Whether a job is hidden from lists.
    SetArchived(JobId, bool),
    /// The folders of ended jobs are given up at this time.
    Prune(Vec<JobId>, i64),
    /// Their folders are gone.
    Swept(Vec<JobId>),
    /// A version of an asset, which is new, at this time.
    Register(String, NewAsset, i64),
    /// Whether a version of an asset is hidden from lists, or all of them.
    SetAssetArchived(String, Option<String>, bool),
}

/// The writer.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the store.
    ///
    /// # Errors
    /// When the file cannot be opened, is missing where it must not be, is damaged, or is of a
    /// newer release.
    pub fn open(path: &Path, missing: Missing) -> Result<Store, StoreError> {
        Ok(Store {
            connection: schema::open_writer(path, missing)?,
            path: path.into(),
        })
    }

    /// Takes room for the log, so that commits are quick.
    ///
    /// # Errors
    /// When the disk has none; nothing is lost then, and commits are as good.
    pub fn take_room(&mut self) -> std::io::Result<()> {
        room::take(&self.path)
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Takes the log into the file, so that what is left at the end is one whole file.
    ///
    /// # Errors
    /// When the disk refuses; nothing is lost then, the log is kept.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(sql("take the log into the store"))
    }

    /// Ends the use of a file that is to be renamed: all of it is in the one file then.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn close_whole(self) -> Result<(), StoreError> {
        let close = sql("close the store");
        self.connection
            .pragma_update(None, "journal_mode", "DELETE")
            .map_err(close)
    }

    /// Makes a batch durable: all of it or nothing.
    ///
    /// # Errors
    /// When the disk is full or failing; see [`StoreError::is_fatal`].
    pub fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(sql("begin a commit"))?;
        for write in writes {
            apply(&transaction, write)?;
        }
        failpoint::reach("store.in-commit");
        failpoint::io("store.commit").map_err(|error| sql("commit")(refused(&error)))?;
        transaction.commit().map_err(sql("commit"))
    }

    /// The live jobs, in the order of their numbers.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn live(&self) -> Result<Vec<Job>, StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT id, state FROM jobs WHERE live = 1 ORDER BY id")
            .map_err(sql("list live jobs"))?;
        let rows = statement
            .query_map([], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })
            .map_err(sql("list live jobs"))?;
        let mut live = Vec::new();
        for row in rows {
            let (id, state) = row.map_err(sql("list live jobs"))?;
            live.push(
                serde_json::from_str(&state).map_err(|source| StoreError::Row { id, source })?,
            );
        }
        Ok(live)
    }

    /// The number of the next job.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn next_id(&self) -> Result<JobId, StoreError> {
        self.connection
            .query_row("SELECT coalesce(max(id), 0) + 1 FROM jobs", [], |row| {
                row.get(0)
            })
            .map_err(sql("find the last job"))
    }

    /// Whether the queue is paused.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_paused(&self) -> Result<bool, StoreError> {
        let value: Option<String> = self
            .connection
            .query_row(
                "SELECT value FROM settings WHERE name = 'paused'",
                [],
                |row| row.get(0),
            )
            .optional()
            .map_err(sql("read the settings"))?;
        Ok(value.as_deref() == Some("true"))
    }

    /// A job that has ended, and whether its folders are given up.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn ended(&self, id: JobId) -> Result<Option<(Job, bool)>, StoreError> {
        let found: Option<(String, bool)> = self
            .connection
            .prepare_cached(
                "SELECT state, pruned_at IS NOT NULL FROM jobs WHERE id = ?1 AND live = 0",
            )
            .and_then(|mut statement| {
                statement
                    .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })
            .map_err(sql("read an ended job"))?;
        let Some((state, is_pruned)) = found else {
            return Ok(None);
        };
        let job = serde_json::from_str(&state).map_err(|source| StoreError::Row { id, source })?;
        Ok(Some((job, is_pruned)))
    }

    /// What was submitted as that job.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn definition(&self, id: JobId) -> Result<Option<Definition>, StoreError> {
        let text: Option<String> = self
            .connection
            .prepare_cached("SELECT definition FROM definitions WHERE id = ?1")
            .and_then(|mut statement| statement.query_row([id], |row| row.get(0)).optional())
            .map_err(sql("read what was submitted"))?;
        let parsed = text.map(|text| serde_json::from_str(&text));
        let row = |source| StoreError::Row { id, source };
        parsed.transpose().map_err(row)
    }

    /// Whether a job of that name is stored.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_name(&self, name: &str) -> Result<bool, StoreError> {
        super::has_name(&self.connection, name)
    }

    /// Whether a spool file of that key has been admitted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_spool_key(&self, key: &str) -> Result<bool, StoreError> {
        let query = "SELECT 1 FROM jobs WHERE spool_key = ?1";
        super::exists(&self.connection, query, key)
    }
}

/// What SQLite says when the disk refuses a page: it is full, or its fsync failed.
fn refused(error: &std::io::Error) -> rusqlite::Error {
    let code = match error.raw_os_error() {
        Some(libc::EIO) => rusqlite::ffi::SQLITE_IOERR_FSYNC,
        _ => rusqlite::ffi::SQLITE_FULL,
    };
    let code = rusqlite::ffi::Error::new(code);
    rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
}

fn apply(transaction: &Transaction<'_>, write: &Write) -> Result<(), StoreError> {
    match write {
        Write::Insert(job, new) => insert(transaction, job, new),
        Write::Update(job) => update(transaction, job),
        Write::Report(id, report) => report_of(transaction, *id, report),
        Write::SetPaused(paused) => run(
            transaction,
            "INSERT OR REPLACE INTO settings (name, value) VALUES ('paused', ?1)",
            params![paused.to_string()],
        ),
        Write::SetArchived(id, archived) => run(
            transaction,
            "UPDATE jobs SET archived = ?2 WHERE id = ?1",
            params![id, archived],
        ),
        Write::Prune(ids, at) => ids.iter().try_for_each(|id| {
            run(
                transaction,
                "UPDATE jobs SET pruned_at = ?2, swept = 0
                 WHERE id = ?1 AND live = 0 AND pruned_at IS NULL",
                params![id, at],
            )
        }),
        Write::Swept(ids) => ids.iter().try_for_each(|id| {
            let query = "UPDATE jobs SET swept = 1 WHERE id = ?1";
            run(transaction, query, params![id])
        }),
        Write::Register(version, asset, at) => assets::insert(transaction, version, asset, *at),
        Write::SetAssetArchived(name, version, archived) => {
            assets::set_archived(transaction, name, version.as_deref(), *archived)
        }
    }
}

/// When a job ended.
fn ended_at(job: &Job) -> Option<i64> {
    let last = job.history.last().filter(|_| job.status.is_terminal());
    last.map(|entry| entry.at)
}

fn insert(transaction: &Transaction<'_>, job: &Job, new: &NewJob) -> Result<(), StoreError> {
    let definition = encode(job.id, &*new.definition)?;
    run(
        transaction,
        "INSERT INTO jobs (id, name, uid, status, live, spool_key, state, ended_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            job.id,
            job.name,
            job.uid,
            job.status.name(),
            !job.status.is_terminal(),
            new.spool_key,
            encode(job.id, job)?,
            ended_at(job)
        ],
    )?;
    run(
        transaction,
        "INSERT INTO definitions (id, definition) VALUES (?1, ?2)",
        params![job.id, definition],
    )
}

fn update(transaction: &Transaction<'_>, job: &Job) -> Result<(), StoreError> {
    run(
        transaction,
        "UPDATE jobs SET status = ?2, live = ?3, state = ?4, ended_at = ?5 WHERE id = ?1",
        params![
            job.id,
            job.status.name(),
            !job.status.is_terminal(),
            encode(job.id, job)?,
            ended_at(job)
        ],
    )
}

fn report_of(
    transaction: &Transaction<'_>,
    id: JobId,
    report: &StageReport,
) -> Result<(), StoreError> {
    let stage = match report {
        StageReport::Prepared(_) => StepKind::Prepare,
        StageReport::Finalized(_) => StepKind::Finalize,
        StageReport::Failed(_) => return Ok(()),
    };
    run(
        transaction,
        "INSERT OR REPLACE INTO reports (id, stage, report) VALUES (?1, ?2, ?3)",
        params![id, stage.name(), encode(id, report)?],
    )
}

fn run(
    transaction: &Transaction<'_>,
    query: &'static str,
    params: impl rusqlite::Params,
) -> Result<(), StoreError> {
    transaction
        .prepare_cached(query)
        .and_then(|mut statement| statement.execute(params))
        .map(|_| ())
        .map_err(sql("write a job"))
}

fn encode<T: serde::Serialize>(id: JobId, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| StoreError::Encode { id, source })
}
