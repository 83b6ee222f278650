//! The job among a step's records: the whole job as it was when the step was launched, so that a
//! lost store can be rebuilt. The shim does not know it.

use std::path::Path;

use proto::record::file::Entry;
use proto::record::{Format, STEP_FILE};
use serde::{Deserialize, Serialize};

use super::facts;
use crate::core::{Definition, Job};
use crate::store::Row;

/// The record, as it is read.
#[derive(Debug, Deserialize)]
pub struct Origin {
    /// The job's state when the step was launched.
    pub job: Job,
    /// What was submitted.
    pub definition: Definition,
    /// The key under which the spool admitted it.
    pub spool_key: Option<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    format: Format,
    job: &'a Job,
    definition: &'a Definition,
    spool_key: Option<&'a str>,
}

/// The record of a row as its line.
///
/// # Errors
/// When it cannot be told in JSON.
pub fn line(row: &Row) -> serde_json::Result<Vec<u8>> {
    Entry::Job.line(&Written {
        format: Format::CURRENT,
        job: &row.job,
        definition: &row.definition,
        spool_key: row.spool_key.as_deref(),
    })
}

/// Reads the record of a step's folder; none where it is missing or cannot be read.
#[must_use]
pub fn read(folder: &Path) -> Option<Origin> {
    Entry::Job.find(&facts::read(folder, STEP_FILE)?).whole()
}
