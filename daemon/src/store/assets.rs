//! The registry of assets: data, models and outputs of jobs under a name and a version.
//!
//! The engine decides a version before the commit, so that a row which is written is new.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::{Reader, Store, StoreError, sql};

/// The table, which came with the third version. `number` is a version that counts, so that the
/// next one is found without reading all of them.
pub(super) const TABLE: &str = "
CREATE TABLE assets (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    version     TEXT NOT NULL,
    number      INTEGER,
    type        TEXT NOT NULL,
    path        TEXT NOT NULL,
    digest      TEXT,
    bytes       INTEGER,
    description TEXT,
    tags        TEXT NOT NULL DEFAULT '{}',
    created_at  INTEGER NOT NULL,
    created_by  TEXT NOT NULL,
    uid         INTEGER NOT NULL,
    job         TEXT,
    output      TEXT,
    archived    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (name, version)
) STRICT;
CREATE INDEX assets_name ON assets (name, id);
CREATE INDEX assets_number ON assets (name, number) WHERE number IS NOT NULL;
CREATE INDEX assets_job ON assets (job) WHERE job IS NOT NULL;
";

/// The columns that [`read`] takes, in its order.
const COLUMNS: &str = "id, name, version, type, path, digest, bytes, description, tags, \
                       created_at, created_by, uid, job, output, archived";

/// Digits of a version that counts, at most: the next one is a number too.
const NUMBER_DIGITS_MAX: usize = 17;

/// A version of an asset as it is registered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAsset {
    /// Its name.
    pub name: String,
    /// Its version; the next number when there is none.
    pub version: Option<String>,
    /// `uri_file`, `uri_folder`, `mltable`, `custom_model`, …
    pub kind: String,
    /// An absolute path or a URI.
    pub path: String,
    /// `sha256:…` of the contents.
    pub digest: Option<String>,
    /// Bytes of the contents.
    pub bytes: Option<u64>,
    /// For people.
    pub description: Option<String>,
    /// For people and their scripts.
    pub tags: BTreeMap<String, String>,
    /// The name of the user who registers it.
    pub created_by: String,
    /// Whose it is.
    pub uid: u32,
    /// The job that made it and the output that it is.
    pub made_by: Option<(String, String)>,
}

/// A registered version of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its number among all: a larger one is newer.
    pub id: i64,
    /// Its version.
    pub version: String,
    /// What was registered.
    pub asset: NewAsset,
    /// When, in microseconds since the Unix epoch.
    pub created_at: i64,
    /// Whether it is hidden from lists and from `@latest`.
    pub archived: bool,
}

/// Which assets a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssetPage {
    /// All versions of this name; none for the newest version of each name.
    pub name: Option<String>,
    /// Only those with a smaller number.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: usize,
    /// Archived (true), not archived (false), or both.
    pub archived: Option<bool>,
}

/// The number that a version counts as.
#[must_use]
pub fn number(version: &str) -> Option<i64> {
    let counts = !version.is_empty()
        && version.len() <= NUMBER_DIGITS_MAX
        && version.bytes().all(|byte| byte.is_ascii_digit());
    counts.then(|| version.parse().ok()).flatten()
}

impl Store {
    /// The largest version of a name that counts; 0 when none does.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_number(&self, name: &str) -> Result<i64, StoreError> {
        self.connection()
            .prepare_cached(
                "SELECT coalesce(max(number), 0) FROM assets
                 WHERE name = ?1 AND number IS NOT NULL",
            )
            .and_then(|mut statement| statement.query_row([name], |row| row.get(0)))
            .map_err(sql("count the versions of an asset"))
    }

    /// Whether there is that version of that name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_asset(&self, name: &str, version: &str) -> Result<bool, StoreError> {
        self.connection()
            .prepare_cached("SELECT 1 FROM assets WHERE name = ?1 AND version = ?2")
            .and_then(|mut statement| statement.exists([name, version]))
            .map_err(sql("look up an asset"))
    }
}

impl Reader {
    /// A version of a name, archived or not; the newest that is not archived when none is named.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn asset(
        &self,
        name: &str,
        version: Option<&str>,
    ) -> Result<Option<Registered>, StoreError> {
        let query = match version {
            Some(_) => format!("SELECT {COLUMNS} FROM assets WHERE name = ?1 AND version = ?2"),
            None => format!(
                "SELECT {COLUMNS} FROM assets WHERE name = ?1 AND archived = 0 AND ?2 IS NULL
                 ORDER BY id DESC LIMIT 1"
            ),
        };
        self.connection()
            .prepare_cached(&query)
            .and_then(|mut statement| statement.query_row(params![name, version], read).optional())
            .map_err(sql("look up an asset"))
    }

    /// What the outputs of a job were registered as.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn assets_of(&self, job: &str) -> Result<Vec<Registered>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM assets WHERE job = ?1 ORDER BY id");
        collect(self.connection(), &query, params![job])
    }

    /// A page of assets, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn assets(&self, page: &AssetPage) -> Result<Vec<Registered>, StoreError> {
        let newest = match page.name {
            Some(_) => "",
            None => {
                "AND NOT EXISTS (SELECT 1 FROM assets AS newer
                 WHERE newer.name = assets.name AND newer.id > assets.id
                   AND (?3 IS NULL OR newer.archived = ?3))"
            }
        };
        let query = format!(
            "SELECT {COLUMNS} FROM assets
             WHERE id < ?1 AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR archived = ?3) {newest}
             ORDER BY id DESC LIMIT ?4"
        );
        let before = page.before.unwrap_or(i64::MAX);
        let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
        let params = params![before, page.name, page.archived, limit];
        collect(self.connection(), &query, params)
    }
}

/// Adds a version that is new.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    version: &str,
    asset: &NewAsset,
    at: i64,
) -> Result<(), StoreError> {
    let tags = serde_json::to_string(&asset.tags);
    let tags = tags.map_err(|source| StoreError::Encode { id: 0, source })?;
    let made_by = asset.made_by.as_ref();
    transaction
        .prepare_cached(
            "INSERT INTO assets (name, version, number, type, path, digest, bytes, description,
                                 tags, created_at, created_by, uid, job, output)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                asset.name,
                version,
                number(version),
                asset.kind,
                asset.path,
                asset.digest,
                asset
                    .bytes
                    .map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
                asset.description,
                tags,
                at,
                asset.created_by,
                asset.uid,
                made_by.map(|(job, _)| job),
                made_by.map(|(_, output)| output),
            ])
        })
        .map(|_| ())
        .map_err(sql("register an asset"))
}

/// Hides or shows a version of a name; all of them when none is named.
pub(super) fn set_archived(
    transaction: &Transaction<'_>,
    name: &str,
    version: Option<&str>,
    archived: bool,
) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "UPDATE assets SET archived = ?3
             WHERE name = ?1 AND (?2 IS NULL OR version = ?2)",
        )
        .and_then(|mut statement| statement.execute(params![name, version, archived]))
        .map(|_| ())
        .map_err(sql("archive an asset"))
}

/// Every asset that can be read, oldest first: a damaged page hides those behind it.
pub(super) fn salvage(connection: &Connection) -> Vec<Registered> {
    let query = format!("SELECT {COLUMNS} FROM assets NOT INDEXED ORDER BY id");
    let Ok(mut statement) = connection.prepare(&query) else {
        return Vec::new();
    };
    let Ok(rows) = statement.query_map([], read) else {
        return Vec::new();
    };
    rows.map_while(Result::ok).collect()
}

fn collect(
    connection: &Connection,
    query: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<Registered>, StoreError> {
    let list = || {
        let mut statement = connection.prepare_cached(query)?;
        let rows = statement.query_map(params, read)?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    list().map_err(sql("list assets"))
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Registered> {
    let version: String = row.get(2)?;
    let tags: String = row.get(8)?;
    let (job, output): (Option<String>, Option<String>) = (row.get(12)?, row.get(13)?);
    let asset = NewAsset {
        name: row.get(1)?,
        version: Some(version.clone()),
        kind: row.get(3)?,
        path: row.get(4)?,
        digest: row.get(5)?,
        bytes: row
            .get::<_, Option<i64>>(6)?
            .and_then(|bytes| bytes.try_into().ok()),
        description: row.get(7)?,
        // For people: an asset whose tags cannot be read is found all the same.
        tags: serde_json::from_str(&tags).unwrap_or_default(),
        created_by: row.get(10)?,
        uid: row.get(11)?,
        made_by: job.zip(output),
    };
    Ok(Registered {
        id: row.get(0)?,
        version,
        asset,
        created_at: row.get(9)?,
        archived: row.get(14)?,
    })
}

#[cfg(test)]
mod tests;
