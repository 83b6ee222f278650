//! Readers: what is committed, for whoever asks. Each owns a connection.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use proto::status::Status;

use super::row::{COLUMNS, Row, read};
use super::{StoreError, schema, sql};
use crate::core::JobId;

/// The name that means the job submitted last.
pub const LAST: &str = "@last";
/// How many candidates an ambiguous prefix names.
const CANDIDATES_MAX: usize = 8;

/// Which jobs a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Only this user's jobs; none for everybody's.
    pub uid: Option<u32>,
    /// Only jobs with a smaller number.
    pub before: Option<JobId>,
    /// At most so many.
    pub limit: usize,
    /// Only these statuses; none for all.
    pub statuses: Option<Vec<Status>>,
    /// Archived (true), not archived (false), or both.
    pub archived: Option<bool>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// One job.
    Job(JobId),
    /// None that the caller can see.
    Nothing,
    /// Several: some of their names.
    Several(Vec<String>),
}

/// A reader.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

impl Reader {
    /// Opens the store, which the writer has made.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> Result<Reader, StoreError> {
        Ok(Reader {
            connection: schema::open_reader(path)?,
        })
    }

    /// A job.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn job(&self, id: JobId) -> Result<Option<Row>, StoreError> {
        self.connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM jobs JOIN definitions USING (id) WHERE id = ?1"
            ))
            .and_then(|mut statement| statement.query_row([id], read).optional())
            .map_err(sql("read a job"))?
            .transpose()
    }

    /// A page of jobs, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn page(&self, page: &Page) -> Result<Vec<Row>, StoreError> {
        let statuses = page.statuses.as_ref().map(|statuses| {
            let names: Vec<_> = statuses.iter().map(|status| status.name()).collect();
            format!(",{},", names.join(","))
        });
        let query = format!(
            "SELECT {COLUMNS} FROM jobs JOIN definitions USING (id)
             WHERE (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR uid = ?2)
               AND (?3 IS NULL OR archived = ?3)
               AND (?4 IS NULL OR instr(?4, ',' || status || ','))
             ORDER BY id DESC LIMIT ?5"
        );
        let mut statement = self
            .connection
            .prepare_cached(&query)
            .map_err(sql("list jobs"))?;
        let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
        let rows = statement
            .query_map(
                params![page.before, page.uid, page.archived, statuses, limit],
                read,
            )
            .map_err(sql("list jobs"))?;
        rows.map(|row| row.map_err(sql("list jobs"))?).collect()
    }

    /// What a name, a unique prefix or `@last` stands for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn resolve(&self, name: &str, uid: Option<u32>) -> Result<Resolution, StoreError> {
        if name == LAST {
            return self.last(uid);
        }
        let found = self.beginning_with(name, uid)?;
        Ok(match found.as_slice() {
            [] => Resolution::Nothing,
            [(id, full), ..] if full == name => Resolution::Job(*id),
            [(id, _)] => Resolution::Job(*id),
            several => Resolution::Several(several.iter().map(|(_, name)| name.clone()).collect()),
        })
    }

    /// Jobs whose names begin so, in the order of the names: an exact match comes first.
    fn beginning_with(
        &self,
        prefix: &str,
        uid: Option<u32>,
    ) -> Result<Vec<(JobId, String)>, StoreError> {
        if prefix.is_empty() {
            return Ok(Vec::new());
        }
        // Names are ASCII, so every name with the prefix sorts below prefix + U+10FFFF.
        let end = format!("{prefix}\u{10FFFF}");
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT id, name FROM jobs
                 WHERE name >= ?1 AND name < ?2 AND (?3 IS NULL OR uid = ?3)
                 ORDER BY name LIMIT ?4",
            )
            .map_err(sql("look up a name"))?;
        let limit = i64::try_from(CANDIDATES_MAX).unwrap_or(i64::MAX);
        let rows = statement
            .query_map(params![prefix, end, uid, limit], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .map_err(sql("look up a name"))?;
        rows.collect::<Result<_, _>>()
            .map_err(sql("look up a name"))
    }

    fn last(&self, uid: Option<u32>) -> Result<Resolution, StoreError> {
        let id = self
            .connection
            .prepare_cached(
                "SELECT id FROM jobs WHERE ?1 IS NULL OR uid = ?1 ORDER BY id DESC LIMIT 1",
            )
            .and_then(|mut statement| statement.query_row([uid], |row| row.get(0)).optional())
            .map_err(sql("find the last job"))?;
        Ok(id.map_or(Resolution::Nothing, Resolution::Job))
    }
}
