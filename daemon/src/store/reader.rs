//! Readers: what is committed, for whoever asks. Each owns a connection.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use proto::stage::StageReport;
use proto::status::Status;

use super::row::{COLUMNS, Reports, Row, read};
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

/// An ended job whose folders are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its number.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// When it ended, in microseconds since the Unix epoch.
    pub ended_at: i64,
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

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
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

    /// The job of exactly that name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn named(&self, name: &str) -> Result<Option<Row>, StoreError> {
        self.connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM jobs JOIN definitions USING (id) WHERE name = ?1"
            ))
            .and_then(|mut statement| statement.query_row([name], read).optional())
            .map_err(sql("read a job"))?
            .transpose()
    }

    /// Whether there is a job of exactly that name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_name(&self, name: &str) -> Result<bool, StoreError> {
        super::has_name(&self.connection, name)
    }

    /// What the stages of a job have reported.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn reports(&self, id: JobId) -> Result<Reports, StoreError> {
        let failed = || sql("read what a job's stages have reported");
        let mut statement = self
            .connection
            .prepare_cached("SELECT report FROM reports WHERE id = ?1")
            .map_err(failed())?;
        let rows = statement.query_map([id], |row| row.get::<_, String>(0));
        let mut reports = Reports::default();
        for row in rows.map_err(failed())? {
            let text = row.map_err(failed())?;
            let report = serde_json::from_str(&text);
            match report.map_err(|source| StoreError::Row { id, source })? {
                StageReport::Prepared(report) => reports.prepared = Some(*report),
                StageReport::Finalized(report) => reports.finalized = Some(report),
                StageReport::Failed(_) => {}
            }
        }
        Ok(reports)
    }

    /// The names of a user's jobs that were prepared or have begun, and have not ended: so many at
    /// most.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn begun(&self, uid: u32, limit: usize) -> Result<Vec<String>, StoreError> {
        let failed = || sql("list the jobs that have begun");
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT name FROM jobs WHERE live = 1 AND uid = ?1
                   AND (status NOT IN (?2, ?3, ?4)
                        OR EXISTS (SELECT 1 FROM reports WHERE id = jobs.id))
                 LIMIT ?5",
            )
            .map_err(failed())?;
        let waiting = [Status::NotStarted, Status::Starting, Status::Queued];
        let [new, starting, queued] = waiting.map(Status::name);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let names =
            statement.query_map(params![uid, new, starting, queued, limit], |row| row.get(0));
        let names: Result<_, _> = names.map_err(failed())?.collect();
        names.map_err(failed())
    }

    /// A page of jobs, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn page(&self, page: &Page) -> Result<Vec<Row>, StoreError> {
        let Some(statuses) = &page.statuses else {
            return self.select("", None, page);
        };
        // Each part is read from an index, so that a rare status is not looked for in all jobs.
        let (ended, live): (Vec<Status>, Vec<Status>) =
            statuses.iter().partition(|status| status.is_terminal());
        let mut rows = Vec::new();
        for status in ended {
            let part = "AND jobs.live = 0 AND jobs.status = ?5";
            rows.extend(self.select(part, Some(status.name().into()), page)?);
        }
        if !live.is_empty() {
            let names: Vec<_> = live.iter().map(|status| status.name()).collect();
            let names = format!(",{},", names.join(","));
            let part = "AND jobs.live = 1 AND instr(?5, ',' || jobs.status || ',')";
            rows.extend(self.select(part, Some(names), page)?);
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.job.id));
        rows.truncate(page.limit);
        Ok(rows)
    }

    fn select(
        &self,
        part: &str,
        statuses: Option<String>,
        page: &Page,
    ) -> Result<Vec<Row>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM jobs JOIN definitions USING (id)
             WHERE jobs.id < ?1 AND (?2 IS NULL OR jobs.uid = ?2)
               AND (?3 IS NULL OR jobs.archived = ?3) {part}
             ORDER BY jobs.id DESC LIMIT ?4"
        );
        let mut statement = self
            .connection
            .prepare_cached(&query)
            .map_err(sql("list jobs"))?;
        let before = page.before.unwrap_or(JobId::MAX);
        let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
        let (uid, archived) = (page.uid, page.archived);
        let rows = match statuses {
            Some(statuses) => {
                statement.query_map(params![before, uid, archived, limit, statuses], read)
            }
            None => statement.query_map(params![before, uid, archived, limit], read),
        };
        let rows = rows.map_err(sql("list jobs"))?;
        rows.map(|row| row.map_err(sql("list jobs"))?).collect()
    }

    /// Ended jobs whose folders are kept, of those that ended at this time or before, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn kept_until(&self, at: i64, limit: usize) -> Result<Vec<Kept>, StoreError> {
        self.kept(
            "SELECT id, name, ended_at FROM jobs
             WHERE live = 0 AND pruned_at IS NULL AND ended_at <= ?1
             ORDER BY ended_at, id LIMIT ?2",
            at,
            limit,
        )
    }

    /// The same without so many of the newest, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn kept_beyond(&self, newest: u64, limit: usize) -> Result<Vec<Kept>, StoreError> {
        self.kept(
            "SELECT id, name, ended_at FROM jobs
             WHERE live = 0 AND pruned_at IS NULL
             ORDER BY ended_at DESC, id DESC LIMIT ?2 OFFSET ?1",
            i64::try_from(newest).unwrap_or(i64::MAX),
            limit,
        )
    }

    /// Jobs whose folders were given up and may still be there, with larger numbers than this.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn unswept(&self, after: JobId, limit: usize) -> Result<Vec<Kept>, StoreError> {
        let query = "SELECT id, name, 0 FROM jobs WHERE swept = 0 AND id > ?1 ORDER BY id LIMIT ?2";
        self.kept(query, after, limit)
    }

    fn kept(&self, query: &str, first: i64, limit: usize) -> Result<Vec<Kept>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self
            .connection
            .prepare_cached(query)
            .map_err(sql("list kept jobs"))?;
        let rows = statement
            .query_map([first, limit], |row| {
                Ok(Kept {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    ended_at: row.get::<_, Option<i64>>(2)?.unwrap_or(0),
                })
            })
            .map_err(sql("list kept jobs"))?;
        rows.collect::<Result<_, _>>()
            .map_err(sql("list kept jobs"))
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
