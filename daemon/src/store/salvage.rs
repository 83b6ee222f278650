//! Reads what can be read of a damaged store, row by row, and checks a whole one. Read-only.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row};

use super::{Registered, StoreError, assets, schema, sql};
use crate::core::{Definition, Job, JobId};

/// The most job numbers that are looked for one by one where a scan meets a damaged page.
const GAP_IDS_MAX: i64 = 1_000_000;
/// Findings of the check that are told.
const FAULTS_TOLD: usize = 10;

/// A job as it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Salvaged {
    /// Its state.
    pub job: Job,
    /// What was submitted, where that can be read.
    pub definition: Option<Definition>,
    /// Whether it is hidden from lists.
    pub archived: bool,
    /// The key under which the spool admitted it.
    pub spool_key: Option<String>,
    /// When its folders were given up.
    pub pruned_at: Option<i64>,
}

/// The columns of a job's row; a store of the first release lacks one.
fn row_query(connection: &Connection) -> String {
    let lacks = connection.prepare("SELECT pruned_at FROM jobs").is_err();
    let pruned_at = if lacks { "NULL" } else { "pruned_at" };
    format!("SELECT id, state, archived, spool_key, {pruned_at} FROM jobs NOT INDEXED")
}

/// What can be read of a store.
#[derive(Debug, Default)]
pub struct Salvage {
    /// The jobs, by number.
    pub jobs: BTreeMap<JobId, Salvaged>,
    /// Whether the queue is paused.
    pub paused: bool,
    /// The registered assets, oldest first.
    pub assets: Vec<Registered>,
}

/// Reads what can be read; nothing where the file is no longer a store at all.
#[must_use]
pub fn salvage(path: &Path) -> Salvage {
    let Ok(connection) = schema::open_reader(path) else {
        return Salvage::default();
    };
    let mut found = Found::default();
    found.scan(&connection, "ASC");
    if !found.whole {
        found.scan(&connection, "DESC");
        found.fill_gap(&connection);
    }
    Salvage {
        jobs: found.jobs,
        paused: paused(&connection),
        assets: assets::salvage(&connection),
    }
}

/// What is wrong with a store, as SQLite's whole check says; nothing when it is whole.
///
/// # Errors
/// When it cannot even be opened.
pub fn faults(path: &Path) -> Result<Vec<String>, StoreError> {
    check(&schema::open_reader(path)?)
}

/// The same of a store that is open.
///
/// # Errors
/// When the check itself fails.
pub(super) fn check(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let check = || {
        let mut statement =
            connection.prepare(&format!("PRAGMA integrity_check({FAULTS_TOLD})"))?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
        lines.collect::<rusqlite::Result<Vec<_>>>()
    };
    let mut lines = check().map_err(sql("check the store"))?;
    lines.retain(|line| line != "ok");
    Ok(lines)
}

#[derive(Default)]
struct Found {
    jobs: BTreeMap<JobId, Salvaged>,
    /// The last number that a scan from below has seen, and from above.
    below: Option<JobId>,
    above: Option<JobId>,
    whole: bool,
}

impl Found {
    fn scan(&mut self, connection: &Connection, order: &str) {
        let Ok(mut statement) =
            connection.prepare(&format!("{} ORDER BY id {order}", row_query(connection)))
        else {
            return;
        };
        let Ok(mut rows) = statement.query([]) else {
            return;
        };
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let seen = self.take(connection, row);
                    let edge = if order == "ASC" {
                        &mut self.below
                    } else {
                        &mut self.above
                    };
                    *edge = seen.or(*edge);
                }
                Ok(None) => {
                    self.whole = true;
                    return;
                }
                Err(_) => return,
            }
        }
    }

    /// Rows between damaged pages are reached by their numbers only.
    fn fill_gap(&mut self, connection: &Connection) {
        let first = self.below.unwrap_or(0) + 1;
        let last = self.above.or_else(|| last_definition(connection));
        let last = last.unwrap_or(0).min(first.saturating_add(GAP_IDS_MAX));
        let Ok(mut statement) =
            connection.prepare(&format!("{} WHERE id = ?1", row_query(connection)))
        else {
            return;
        };
        for id in first..=last {
            let taken = statement.query([id]).and_then(|mut rows| {
                if let Some(row) = rows.next()? {
                    self.take(connection, row);
                }
                Ok(())
            });
            // A row on a damaged page: the next one may be on another.
            drop(taken);
        }
    }

    fn take(&mut self, connection: &Connection, row: &Row<'_>) -> Option<JobId> {
        let id: JobId = row.get(0).ok()?;
        let state: Option<String> = row.get(1).ok();
        if let Some(job) = state.and_then(|state| serde_json::from_str::<Job>(&state).ok())
            && job.id == id
        {
            let salvaged = Salvaged {
                job,
                definition: definition(connection, id),
                archived: row.get(2).unwrap_or(false),
                spool_key: row.get(3).unwrap_or(None),
                pruned_at: row.get(4).unwrap_or(None),
            };
            self.jobs.insert(id, salvaged);
        }
        Some(id)
    }
}

fn definition(connection: &Connection, id: JobId) -> Option<Definition> {
    let text: String = connection
        .prepare_cached("SELECT definition FROM definitions WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([id], |row| row.get(0)))
        .ok()?;
    serde_json::from_str(&text).ok()
}

fn last_definition(connection: &Connection) -> Option<JobId> {
    let query = "SELECT id FROM definitions ORDER BY id DESC LIMIT 1";
    connection.query_row(query, [], |row| row.get(0)).ok()
}

fn paused(connection: &Connection) -> bool {
    let query = "SELECT value FROM settings WHERE name = 'paused'";
    let value = connection.query_row(query, [], |row| row.get::<_, String>(0));
    value.optional().ok().flatten().as_deref() == Some("true")
}
