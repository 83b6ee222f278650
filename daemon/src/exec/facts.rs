//! Reads a step's folder into the facts of the restart truth table.

use std::path::Path;

use proto::record::{EXIT_FILE, Exit, Format, RECORD_BYTES_MAX, SPEC_FILE, STARTED_FILE, Started};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::core::reconcile::{ExitFact, Facts, StartedFact};
use crate::sys::{atomic, clock, lock};

/// A record as it was found.
pub enum Found<T> {
    /// There is none.
    Absent,
    /// It is whole and of a format this release reads.
    Whole(T),
    /// It is torn, or of another major format.
    Unreadable,
}

#[derive(Deserialize)]
struct Versioned {
    format: Format,
}

/// Reads a record.
pub fn record<T: DeserializeOwned>(path: &Path) -> Found<T> {
    let bytes = match atomic::read_bounded(path, RECORD_BYTES_MAX) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Found::Absent,
        Err(error) => {
            tracing::error!(%error, path = %path.display(), "a step record cannot be read");
            return Found::Unreadable;
        }
    };
    let readable = serde_json::from_slice::<Versioned>(&bytes)
        .is_ok_and(|versioned| versioned.format.is_readable());
    match serde_json::from_slice(&bytes) {
        Ok(record) if readable => Found::Whole(record),
        _ => Found::Unreadable,
    }
}

/// The record of a step's start.
pub fn started(folder: &Path) -> Found<Started> {
    record(&folder.join(STARTED_FILE))
}

/// When a step's command was let go, in microseconds since the Unix epoch.
#[must_use]
pub fn started_at(folder: &Path) -> Option<i64> {
    match started(folder) {
        Found::Whole(started) => Some(started.at),
        _ => None,
    }
}

/// Gathers the facts. The lock is looked at first: a shim that dies in between has then written
/// all it ever will, and is seen again by the next look.
pub fn gather(folder: &Path) -> Facts {
    let lock_held = match lock::is_held(&folder.join(SPEC_FILE)) {
        Ok(held) => held,
        Err(error) => {
            tracing::debug!(%error, "no lock to look at");
            false
        }
    };
    let started = match started(folder) {
        Found::Absent => StartedFact::Absent,
        Found::Unreadable if is_empty(&folder.join(STARTED_FILE)) => StartedFact::Absent,
        Found::Unreadable => StartedFact::Unreadable,
        Found::Whole(started) if is_this_boot(&started.boot_id) => StartedFact::ThisBoot,
        Found::Whole(_) => StartedFact::EarlierBoot,
    };
    let exit = match record::<Exit>(&folder.join(EXIT_FILE)) {
        Found::Absent => ExitFact::Absent,
        Found::Unreadable => ExitFact::Unreadable,
        Found::Whole(exit) => ExitFact::Whole(Box::new(exit)),
    };
    Facts {
        lock_held,
        started,
        exit,
    }
}

/// A shim that was killed between making its record and filling it had not released the command.
fn is_empty(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|file| file.len() == 0)
}

fn is_this_boot(boot_id: &str) -> bool {
    // Without a boot id nothing can be told apart; the lock still tells the living.
    clock::boot_id().map_or(true, |current| current == boot_id)
}
