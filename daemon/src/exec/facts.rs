//! Reads a step's folder into the facts of the restart truth table.

use std::io;
use std::path::Path;

use nix::errno::Errno;
use proto::record::file::{Entry, Found};
use proto::record::{Exit, RECORD_BYTES_MAX, STEP_FILE, Spec, Started};

use crate::core::reconcile::{ExitFact, Facts, SpecFact, StartedFact};
use crate::sys::atomic::{self, ReadError};
use crate::sys::clock;
use crate::sys::lock::{self, LockError};

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
/// all it ever will, and is seen again by the next look. None where nothing can be seen for want
/// of descriptors or memory: that says nothing of the step.
pub fn gather(folder: &Path) -> Option<Facts> {
    let path = folder.join(STEP_FILE);
    let lock_held = match lock::is_held(&path) {
        Ok(held) => held,
        Err(LockError::Open { source, .. } | LockError::Lock { source, .. })
            if is_want(&source) =>
        {
            return None;
        }
        Err(error) => {
            tracing::debug!(%error, "no lock to look at");
            false
        }
    };
    let (spec, started, exit) = match atomic::read_bounded(&path, RECORD_BYTES_MAX) {
        Ok(file) => {
            let file = file.unwrap_or_default();
            (spec_fact(&file), started_fact(&file), exit_fact(&file))
        }
        Err(ReadError::Io(error)) if is_want(&error) => return None,
        Err(error) => {
            tracing::error!(%error, path = %path.display(), "records of a step cannot be read");
            let (started, exit) = (StartedFact::Unreadable, ExitFact::Unreadable);
            (SpecFact::Missing, started, exit)
        }
    };
    Some(Facts {
        lock_held,
        spec,
        started,
        exit,
    })
}

/// Whether the machine had no room for the question.
fn is_want(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::EINTR | Errno::EAGAIN)
    )
}

fn spec_fact(file: &[u8]) -> SpecFact {
    match Entry::Spec.find::<Spec>(file) {
        Found::Absent | Found::Unreadable => SpecFact::Missing,
        Found::Whole(spec) if spec.boot_id.as_deref().is_none_or(is_this_boot) => {
            SpecFact::ThisBoot
        }
        Found::Whole(_) => SpecFact::EarlierBoot,
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
