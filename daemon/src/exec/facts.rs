//! Reads a step's folder into the facts of the restart truth table.

use std::path::Path;

use proto::record::file::{Entry, Found};
use proto::record::{Exit, RECORD_BYTES_MAX, STEP_FILE, Spec, Started};

use crate::core::reconcile::{ExitFact, Facts, StartedFact};
use crate::sys::{atomic, clock, lock};

/// The bytes of a file of a step; none where it is missing or cannot be read.
pub fn read(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let path = folder.join(name);
    let read = atomic::read_bounded(&path, RECORD_BYTES_MAX);
    read.unwrap_or_else(|error| {
        tracing::error!(%error, path = %path.display(), "records of a step cannot be read");
        None
    })
}

/// The record of a step's start.
pub fn started(folder: &Path) -> Option<Started> {
    Entry::Started.find(&read(folder, STEP_FILE)?).whole()
}

/// What a step's shim was told.
pub fn spec(folder: &Path) -> Option<Spec> {
    Entry::Spec.find(&read(folder, STEP_FILE)?).whole()
}

/// When a step's command was let go, in microseconds since the Unix epoch.
#[must_use]
pub fn started_at(folder: &Path) -> Option<i64> {
    Some(started(folder)?.at)
}

/// Gathers the facts. The lock is looked at first: a shim that dies in between has then written
/// all it ever will, and is seen again by the next look.
pub fn gather(folder: &Path) -> Facts {
    let path = folder.join(STEP_FILE);
    let lock_held = match lock::is_held(&path) {
        Ok(held) => held,
        Err(error) => {
            tracing::debug!(%error, "no lock to look at");
            false
        }
    };
    let (started, exit) = match atomic::read_bounded(&path, RECORD_BYTES_MAX) {
        Ok(file) => {
            let file = file.unwrap_or_default();
            (started_fact(&file), exit_fact(&file))
        }
        Err(error) => {
            tracing::error!(%error, path = %path.display(), "records of a step cannot be read");
            (StartedFact::Unreadable, ExitFact::Unreadable)
        }
    };
    Facts {
        lock_held,
        started,
        exit,
    }
}

fn started_fact(file: &[u8]) -> StartedFact {
    match Entry::Started.find::<Started>(file) {
        Found::Absent => StartedFact::Absent,
        Found::Unreadable => StartedFact::Unreadable,
        Found::Whole(started) if is_this_boot(&started.boot_id) => StartedFact::ThisBoot,
        Found::Whole(_) => StartedFact::EarlierBoot,
    }
}

fn exit_fact(file: &[u8]) -> ExitFact {
    match Entry::Exit.find::<Exit>(file) {
        Found::Absent => ExitFact::Absent,
        Found::Unreadable => ExitFact::Unreadable,
        Found::Whole(exit) => ExitFact::Whole(Box::new(exit)),
    }
}

fn is_this_boot(boot_id: &str) -> bool {
    // Without a boot id nothing can be told apart; the lock still tells the living.
    clock::boot_id().map_or(true, |current| current == boot_id)
}
