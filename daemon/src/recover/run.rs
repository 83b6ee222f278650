//! The recovery itself. The new store is built under another name and renamed when it is whole;
//! a recovery that is cut off is begun anew or completed by the next one, and until then no
//! daemon starts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::gather::{Gathered, Known, gather};
use super::report::{Recovered, Report};
use super::reports::reports;
use super::settle::settle;
use crate::core::NewJob;
use crate::layout::Layout;
use crate::state::{self, StateError};
use crate::store::{self, Missing, Registered, Salvage, Store, StoreError, Write, beside};

/// Jobs of one commit.
const BATCH: usize = 1_000;
/// What SQLite keeps beside a file.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Why nothing was recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// A daemon works there, or the folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// There is nothing to recover.
    #[error("the store {} is whole; there is nothing to recover", path.display())]
    Whole {
        /// The file.
        path: PathBuf,
    },
    /// A store is of a newer release, or the new one cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be listed or renamed.
    #[error("{operation} {}: {source}", path.display())]
    File {
        /// What was to be done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Rebuilds the store, unless it is whole.
///
/// # Errors
/// See [`RecoverError`]; the store is then as it was.
pub fn run(layout: &Layout) -> Result<Report, RecoverError> {
    state::make(layout)?;
    let _lock = state::take(layout)?;
    if layout.recovered().exists() {
        return Ok(Report {
            damaged: put_in_place(layout)?,
            resumed: true,
            ..Report::default()
        });
    }
    check_need(layout)?;
    let mut salvage = store::salvage(&layout.store());
    let paused = salvage.paused;
    let assets = std::mem::take(&mut salvage.assets);
    let mut gathered = gather_all(layout, salvage)?;
    for known in gathered.jobs.values_mut() {
        settle(&mut known.job, layout);
    }
    let reports = reports(layout, &gathered).map_err(unlisted(layout))?;
    build(layout, &gathered, &reports, &assets, paused)?;
    let damaged = put_in_place(layout)?;
    Ok(report(gathered, damaged))
}

/// A store that is whole is not touched, nor is one of a newer release.
fn check_need(layout: &Layout) -> Result<(), RecoverError> {
    let path = layout.store();
    match Store::open(&path, Missing::Refuse) {
        Ok(opened) => {
            drop(opened);
            if store::faults(&path).is_ok_and(|faults| faults.is_empty()) {
                return Err(RecoverError::Whole { path });
            }
            Ok(())
        }
        Err(StoreError::Damaged { .. } | StoreError::Lost { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn gather_all(layout: &Layout, salvage: Salvage) -> Result<Gathered, RecoverError> {
    gather(layout, salvage).map_err(unlisted(layout))
}

fn unlisted(layout: &Layout) -> impl FnOnce(io::Error) -> RecoverError {
    let path = layout.steps();
    move |source| RecoverError::File {
        operation: "list",
        path,
        source,
    }
}

fn build(
    layout: &Layout,
    gathered: &Gathered,
    reports: &[Write],
    assets: &[Registered],
    paused: bool,
) -> Result<(), RecoverError> {
    let path = layout.recovering();
    remove(&path)?;
    for companion in COMPANIONS {
        remove(&beside(&path, companion))?;
    }
    let mut store = Store::open(&path, Missing::Make)?;
    store.commit(&[Write::SetPaused(paused)])?;
    let jobs: Vec<&Known> = gathered.jobs.values().collect();
    for batch in jobs.chunks(BATCH) {
        let writes: Vec<Write> = batch.iter().flat_map(|known| writes(known)).collect();
        store.commit(&writes)?;
    }
    for batch in reports.chunks(BATCH) {
        store.commit(batch)?;
    }
    for batch in assets.chunks(BATCH) {
        let writes: Vec<Write> = batch.iter().flat_map(registration).collect();
        store.commit(&writes)?;
    }
    store.close_whole()?;
    rename(&path, &layout.recovered())
}

fn writes(known: &Known) -> Vec<Write> {
    let job = &known.job;
    let new = NewJob {
        name: job.name.clone(),
        uid: job.uid,
        priority: job.priority,
        prepares: job.prepares,
        finalizes: job.finalizes,
        limit_secs: job.limit_secs,
        spool_key: known.spool_key.clone(),
        definition: Arc::new(known.definition.clone()),
    };
    let mut writes = vec![
        Write::Insert(job.clone(), new),
        Write::SetArchived(job.id, known.archived),
    ];
    // Its folders may not all be deleted yet; that is looked at again.
    writes.extend(known.pruned_at.map(|at| Write::Prune(vec![job.id], at)));
    writes
}

fn registration(one: &Registered) -> Vec<Write> {
    let (asset, version) = (one.asset.clone(), one.version.clone());
    let archived = Write::SetAssetArchived(asset.name.clone(), Some(version.clone()), true);
    let mut writes = vec![Write::Register(version, asset, one.created_at)];
    writes.extend(one.archived.then_some(archived));
    writes
}

/// Moves the old store aside and the new one to its place; answers where the old one is.
fn put_in_place(layout: &Layout) -> Result<Option<PathBuf>, RecoverError> {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%S%6fZ").to_string();
    let (store, aside) = (layout.store(), layout.damaged(&time));
    let moved = store.exists();
    if moved {
        rename(&store, &aside)?;
    }
    // What is left of the log of a store that was never to be read again without it.
    for companion in COMPANIONS {
        let file = beside(&store, companion);
        if file.exists() {
            rename(&file, &beside(&aside, companion))?;
        }
    }
    rename(&layout.recovered(), &store)?;
    Ok(moved.then_some(aside))
}

fn rename(from: &Path, to: &Path) -> Result<(), RecoverError> {
    fs::rename(from, to).map_err(|source| RecoverError::File {
        operation: "rename",
        path: from.into(),
        source,
    })
}

/// Removes what a recovery that was cut off had begun to build.
fn remove(path: &Path) -> Result<(), RecoverError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(RecoverError::File {
            operation: "remove",
            path: path.into(),
            source,
        }),
        _ => Ok(()),
    }
}

fn report(gathered: Gathered, damaged: Option<PathBuf>) -> Report {
    let jobs = gathered.jobs.into_values().map(|known| Recovered {
        message: known.job.end.as_ref().map(|end| end.outcome.describe()),
        status: known.job.status,
        source: known.source,
        name: known.job.name,
    });
    Report {
        jobs: jobs.collect(),
        undefined: gathered.undefined,
        damaged,
        resumed: false,
    }
}
