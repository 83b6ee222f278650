//! What the stages of jobs have reported: files in the folders of their steps, which the store
//! keeps too.

use std::collections::HashMap;
use std::io;

use crate::core::JobId;
use crate::exec;
use crate::layout::{Layout, parse_step};
use crate::store::Write;

use super::gather::Gathered;

/// The writes of all reports that are found of these jobs.
///
/// # Errors
/// When the folders cannot be listed.
pub fn reports(layout: &Layout, gathered: &Gathered) -> io::Result<Vec<Write>> {
    let known = gathered.jobs.iter();
    let ids: HashMap<&str, JobId> = known
        .map(|(id, known)| (known.job.name.as_str(), *id))
        .collect();
    let mut writes = Vec::new();
    for entry in std::fs::read_dir(layout.steps())? {
        let entry = entry?;
        let folder = entry.file_name();
        let Some((name, step)) = folder.to_str().and_then(parse_step) else {
            continue;
        };
        if let Some(id) = ids.get(name).filter(|_| step.kind.is_stage())
            && let Some(report) = exec::report(&entry.path())
        {
            writes.push(Write::Report(*id, report));
        }
    }
    Ok(writes)
}
