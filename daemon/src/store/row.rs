//! A job as it is stored.

use crate::core::{Definition, Job};

use super::StoreError;

/// A job's row with its definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The job's state.
    pub job: Job,
    /// What was submitted.
    pub definition: Definition,
    /// Whether it is hidden from lists.
    pub archived: bool,
}

/// The columns that [`read`] takes, in its order.
pub const COLUMNS: &str = "jobs.id, jobs.state, definitions.definition, jobs.archived";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Result<Row, StoreError>> {
    let id: i64 = row.get(0)?;
    let (state, definition): (String, String) = (row.get(1)?, row.get(2)?);
    let archived = row.get(3)?;
    Ok(parse(&state, &definition, archived).map_err(|source| StoreError::Row { id, source }))
}

fn parse(state: &str, definition: &str, archived: bool) -> serde_json::Result<Row> {
    Ok(Row {
        job: serde_json::from_str(state)?,
        definition: serde_json::from_str(definition)?,
        archived,
    })
}
