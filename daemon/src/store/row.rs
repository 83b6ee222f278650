//! A job as it is stored.

use std::sync::Arc;

use proto::stage::{FinalizeReport, PrepareReport};

use crate::core::{Definition, Job};

use super::StoreError;

/// A job's row with its definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The job's state.
    pub job: Job,
    /// What was submitted.
    pub definition: Arc<Definition>,
    /// Whether it is hidden from lists.
    pub archived: bool,
    /// The key under which the spool admitted it.
    pub spool_key: Option<String>,
    /// When its folders were given up, in microseconds since the Unix epoch.
    pub pruned_at: Option<i64>,
}

/// What the stages of a job have reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    /// Its prepare step.
    pub prepared: Option<PrepareReport>,
    /// Its finalize step.
    pub finalized: Option<FinalizeReport>,
}

/// The columns that [`read`] takes, in its order.
pub const COLUMNS: &str =
    "jobs.id, jobs.state, definitions.definition, jobs.archived, jobs.spool_key, jobs.pruned_at";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Result<Row, StoreError>> {
    let id: i64 = row.get(0)?;
    let (state, definition): (String, String) = (row.get(1)?, row.get(2)?);
    let (archived, spool_key, pruned_at) = (row.get(3)?, row.get(4)?, row.get(5)?);
    let parsed = parse(&state, &definition).map(|(job, definition)| Row {
        job,
        definition,
        archived,
        spool_key,
        pruned_at,
    });
    Ok(parsed.map_err(|source| StoreError::Row { id, source }))
}

fn parse(state: &str, definition: &str) -> serde_json::Result<(Job, Arc<Definition>)> {
    Ok((
        serde_json::from_str(state)?,
        Arc::new(serde_json::from_str(definition)?),
    ))
}
