//! Makes the folders of a job and of a step. Everything here may be there already: a launch that
//! is repeated after a crash finds its own work.

use std::io;
use std::path::{Path, PathBuf};

use proto::stage::PrepareReport;

use crate::core::{Definition, StepKind, StepRef};
use crate::layout::{JOB_FOLDERS, Layout};
use crate::sys::{self, failpoint};

use super::spare::{Blank, Spare};

/// A folder that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("make the folder {}: {source}", path.display())]
pub struct FolderError {
    /// The folder.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// The folder of a step.
#[derive(Debug)]
pub struct StepFolder {
    /// Where it is.
    pub path: PathBuf,
    /// Its file of records, where that is there already.
    pub blank: Option<Blank>,
}

/// Makes what a step needs and answers the step's folder, which is new: no record of another
/// attempt can be taken for one of this.
///
/// # Errors
/// When a folder cannot be made.
pub fn prepare(
    layout: &Layout,
    spare: &mut Spare,
    name: &str,
    step: StepRef,
    definition: &Definition,
    prepared: Option<&PrepareReport>,
) -> Result<StepFolder, FolderError> {
    let (job, path) = (layout.job(name), layout.step(name, step));
    let is_command = step.kind == StepKind::Command;
    let is_made = is_command && spare.give_job(&job);
    if !is_made {
        make(&job)?;
        let folders: &[&str] = if is_command {
            &JOB_FOLDERS
        } else {
            &["system_logs"]
        };
        for folder in folders {
            make(&job.join(folder))?;
        }
    }
    if is_command {
        make_outputs(layout, name, definition, prepared)?;
    }
    forget_last_attempt(layout, name, step);
    let blank = is_command.then(|| spare.give_step(&path)).flatten();
    if blank.is_none() {
        failpoint::io("exec.make-folder")
            .and_then(|()| sys::folder::make_new(&path))
            .map_err(failed(&path))?;
    }
    Ok(StepFolder { path, blank })
}

/// That there is a next attempt proves that the last one never ran, or that nobody needs to know
/// how far it came: its records are of no use,
/// and an attempt that is made for days on end would fill the disk with them.
fn forget_last_attempt(layout: &Layout, name: &str, step: StepRef) {
    let Some(attempt) = step.attempt.checked_sub(1).filter(|last| *last > 0) else {
        return;
    };
    discard(&layout.step(name, StepRef { attempt, ..step }));
}

/// Removes the folder of a step that never ran.
pub fn discard(folder: &Path) {
    if let Err(error) = sys::folder::remove(folder) {
        tracing::debug!(%error, folder = %folder.display(), "the records of an attempt stay");
    }
}

/// The places of outputs, but for those that the prepare step has made.
fn make_outputs(
    layout: &Layout,
    name: &str,
    definition: &Definition,
    prepared: Option<&PrepareReport>,
) -> Result<(), FolderError> {
    let is_made = |output: &str| prepared.is_some_and(|report| report.outputs.contains_key(output));
    let outputs = definition.job.outputs.iter();
    for (output, value) in outputs.filter(|(output, _)| !is_made(output)) {
        let path = layout.output(name, output);
        let folder = if value.kind == "uri_file" {
            path.parent().unwrap_or(&path)
        } else {
            &path
        };
        sys::folder::make_all(folder).map_err(failed(folder))?;
    }
    Ok(())
}

fn make(path: &Path) -> Result<(), FolderError> {
    failpoint::io("exec.make-job-folder")
        .and_then(|()| sys::folder::make(path))
        .map_err(failed(path))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    move |source| FolderError {
        path: path.into(),
        source,
    }
}
