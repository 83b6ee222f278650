//! `job.json` in a step's folder: the whole job as it was when the step was launched, so that a
//! lost store can be rebuilt. Written before the spec, so a spec proves that it is whole. The
//! shim does not know it.

use std::io;
use std::path::Path;

use proto::record::Format;
use serde::{Deserialize, Serialize};

use crate::core::{Definition, Job};
use crate::store::Row;
use crate::sys::{atomic, failpoint};

/// The name of the record.
const FILE: &str = "job.json";
/// The most bytes of the record that are read: a definition of the largest text, escaped.
const BYTES_MAX: u64 = 64 << 20;

/// The record, as it is read.
#[derive(Debug, Deserialize)]
pub struct Origin {
    format: Format,
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

/// Writes the record into a step's folder.
///
/// # Errors
/// What the file system says.
pub fn write(folder: &Path, row: &Row) -> io::Result<()> {
    let written = Written {
        format: Format::CURRENT,
        job: &row.job,
        definition: &row.definition,
        spool_key: row.spool_key.as_deref(),
    };
    let bytes = serde_json::to_vec(&written)?;
    failpoint::io("exec.write-job")?;
    atomic::write_new(&folder.join(FILE), &bytes).map(drop)
}

/// Reads the record of a step's folder; none where it is missing or cannot be read.
#[must_use]
pub fn read(folder: &Path) -> Option<Origin> {
    let bytes = atomic::read_bounded(&folder.join(FILE), BYTES_MAX).ok()??;
    let origin: Origin = serde_json::from_slice(&bytes).ok()?;
    origin.format.is_readable().then_some(origin)
}
