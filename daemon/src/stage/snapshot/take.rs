//! One snapshot from start to end: the code into the cache, from there into the job's folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proto::stage::{CodeReport, StageOrder, Work};

use super::copy::{Place, copy, look};
use super::digest;
use super::error::{SnapshotError, shown};
use super::git;
use super::scan::{Scan, scan, scan_stored};
use super::source;
use super::store::{Held, Store};
use crate::stage::meter::Meter;

/// Names of the job's folder that code must not have at its root: nobody but jobd writes there.
const JOBD_ONLY: [&str; 2] = ["system_logs", "named-outputs"];
/// Where the inputs are in it.
const INPUTS: &str = "inputs";
/// What the digest of a snapshot begins with in reports and orders.
const PREFIX: &str = "sha256:";

/// Takes the code, or the stored snapshot of a rerun, into the job's folder. Folders that jobd
/// has made there and that code often has, too (`outputs`, `logs`), are merged.
///
/// # Errors
/// See [`SnapshotError`].
pub fn take(
    order: &StageOrder,
    code: &str,
    snapshot: Option<&str>,
    meter: &Meter,
) -> Result<CodeReport, SnapshotError> {
    let store = Store::open(&order.cache)?;
    let taken = by_way_of(&store, order, code, snapshot, meter);
    if taken.is_err() {
        // It may have failed for want of room.
        store.make_room();
    }
    taken
}

fn by_way_of(
    store: &Store,
    order: &StageOrder,
    code: &str,
    snapshot: Option<&str>,
    meter: &Meter,
) -> Result<CodeReport, SnapshotError> {
    let (held, digest, properties) = match snapshot {
        Some(digest) => {
            let digits = digest.strip_prefix(PREFIX).unwrap_or(digest);
            let found = store.find(digits)?;
            let held = found.ok_or_else(|| SnapshotError::NotStored(digest.into()))?;
            (held, digits.to_owned(), BTreeMap::new())
        }
        None => put_in_store(order, code, store, meter)?,
    };
    let report = take_out(order, store, &held, &digest, meter)?;
    store.make_room();
    Ok(CodeReport {
        properties,
        ..report
    })
}

type Stored = (Held, String, BTreeMap<String, String>);

fn put_in_store(
    order: &StageOrder,
    code: &str,
    store: &Store,
    meter: &Meter,
) -> Result<Stored, SnapshotError> {
    let source = source::locate(code, &order.base_path)?;
    let hidden = hidden(order);
    let scan = scan(&source, &hidden, order.settings.code_bytes_max)?;
    for note in &scan.notes {
        println!("note: {note}");
    }
    check_names(&scan, order)?;
    let properties = git::facts(source.folder());
    let code = shown(code.as_ref());
    begin(&scan, &format!("reading the code from {code}"), meter);
    let digest = digest::tree(&look(&scan, meter)?);
    if let Some(held) = store.find(&digest)? {
        return Ok((held, digest, properties));
    }
    begin(&scan, &format!("taking the code from {code}"), meter);
    let building = store.build()?;
    // The folder may have changed since: what counts is what is copied.
    let leaves = copy(&scan, Place::Cache(&building.tree()), meter)?;
    let digest = digest::tree(&leaves);
    let bytes = leaves.iter().map(|leaf| leaf.bytes).sum();
    let held = store.keep(building, &digest, bytes)?;
    Ok((held, digest, properties))
}

/// jobd's own folders, which are no code though a folder of code may hold them: where both the
/// cache and the job's folder are, and these themselves.
fn hidden(order: &StageOrder) -> Vec<PathBuf> {
    let state = order.cache.parent();
    let state = state.filter(|state| order.folder.starts_with(state));
    let own = [Some(order.cache.as_path()), Some(&order.folder), state];
    let real = |folder: &Path| fs::canonicalize(folder).ok();
    own.into_iter().flatten().filter_map(real).collect()
}

/// What jobd puts into the job's folder takes the place of no code, nor goes where a link of the
/// code leads.
fn check_names(scan: &Scan, order: &StageOrder) -> Result<(), SnapshotError> {
    let mut taken: Vec<PathBuf> = JOBD_ONLY.iter().map(PathBuf::from).collect();
    let inputs = Path::new(INPUTS);
    if let Work::Prepare(prepare) = &order.work {
        taken.extend(prepare.inputs.keys().map(|name| inputs.join(name)));
    }
    let has_inputs = taken.len() > JOBD_ONLY.len();
    let is_jobds = |path: &PathBuf| {
        taken.iter().any(|own| path.starts_with(own)) || (has_inputs && path == inputs)
    };
    let found = scan.entries.iter().find(|entry| is_jobds(&entry.path));
    found.map_or(Ok(()), |entry| {
        Err(SnapshotError::Taken(entry.path.clone()))
    })
}

fn take_out(
    order: &StageOrder,
    store: &Store,
    held: &Held,
    digest: &str,
    meter: &Meter,
) -> Result<CodeReport, SnapshotError> {
    let scan = scan_stored(&held.tree())?;
    begin(&scan, "copying the code into the job's folder", meter);
    let leaves = copy(&scan, Place::Job(&order.folder), meter)?;
    if digest::tree(&leaves) != digest {
        store.give_up(held);
        return Err(SnapshotError::Damaged(format!("{PREFIX}{digest}")));
    }
    Ok(CodeReport {
        digest: format!("{PREFIX}{digest}"),
        files: leaves.len() as u64,
        bytes: leaves.iter().map(|leaf| leaf.bytes).sum(),
        properties: BTreeMap::new(),
    })
}

fn begin(scan: &Scan, what: &str, meter: &Meter) {
    let files = scan.entries.len() as u64;
    meter.begin(what, Some(scan.tally.bytes()), Some(files));
}
