//! One look through the spool folder: the truth, whatever inotify said or missed.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;

use proto::api::ApiError;
use proto::stage::StageSettings;

use super::admit::{Folder, Opened, SpoolError};
use crate::admission;
use crate::engine::{Candidate, Handle, SubmitAnswer};
use crate::sys::failpoint;

/// The most files that one look settles: others (and the socket) get their turn in between.
pub const SCAN_FILES_MAX: usize = 256;

/// What one look left for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing to do until something changes.
    Nothing,
    /// There are more files than one look settles: look again at once.
    More,
    /// Some files are being written, or the engine took nothing: look again soon.
    Later,
}

/// A file that holds a valid job.
struct Valid {
    name: OsString,
    file: File,
    candidate: Candidate,
}

/// The names of one reading of the folder that no look has come to yet: reading it anew for each
/// look would take the longer the more there is.
#[derive(Debug, Default)]
pub struct Pass {
    names: std::vec::IntoIter<OsString>,
    /// Some of those that were looked at have to wait.
    later: bool,
}

/// Goes on through the folder, from its beginning where the last pass is done, and settles what
/// can be settled. `moved_in` names files that arrived by a rename and so are whole.
pub fn scan(
    folder: &Folder,
    (engine, settings): (&Handle, &StageSettings),
    pass: &mut Pass,
    moved_in: &HashSet<OsString>,
) -> Result<Rest, SpoolError> {
    let is_first = pass.names.len() == 0;
    if is_first {
        *pass = Pass {
            names: folder.names()?.into_iter(),
            later: false,
        };
    }
    let mut valid = Vec::new();
    let mut rejected = 0;
    // What cannot be settled now is not counted, or it would keep the others out.
    while valid.len() + rejected < SCAN_FILES_MAX
        && let Some(name) = pass.names.next()
    {
        match folder.open_file(&name, moved_in.contains(&name)) {
            Opened::File { text, key, file } => match read(folder, &name, &text, settings) {
                Ok(mut candidate) => {
                    candidate.spool_key = Some(key);
                    valid.push(Valid {
                        name,
                        file,
                        candidate,
                    });
                }
                Err(reason) => rejected += reject(folder, &name, &reason),
            },
            Opened::NotYet => pass.later = true,
            Opened::Gone => {}
            Opened::Refused(reason) => rejected += reject(folder, &name, &explain(&name, &reason)),
        }
    }
    failpoint::reach("spool.read");
    pass.later |= !admit_all(folder, engine, valid)?;
    Ok(if pass.names.len() > 0 {
        Rest::More
    } else if pass.later {
        Rest::Later
    } else if is_first {
        Rest::Nothing
    } else {
        // What came while the pass went on is in none of its names.
        Rest::More
    })
}

/// Moves a file aside and answers how many were moved: one that stays is tried again by a later
/// look and holds up no other.
fn reject(folder: &Folder, name: &OsStr, reason: &str) -> usize {
    match folder.reject(name, reason) {
        Ok(()) => 1,
        Err(error) => {
            tracing::warn!(%error, "a refused spool file stays");
            0
        }
    }
}

fn explain(name: &OsStr, reason: &str) -> String {
    format!("{}: {reason}\n", name.to_string_lossy())
}

fn read(
    folder: &Folder,
    name: &OsStr,
    text: &[u8],
    settings: &StageSettings,
) -> Result<Candidate, String> {
    let uid = nix::unistd::geteuid().as_raw();
    let name = name.to_string_lossy();
    admission::read_spooled(text, &name, &folder.path, uid, settings).map_err(|diagnostics| {
        diagnostics
            .iter()
            .map(|one| format!("{one}\n"))
            .collect::<String>()
    })
}

/// Admits the files, all in flight at once so that they share commits; answers whether the
/// engine took them.
fn admit_all(folder: &Folder, engine: &Handle, valid: Vec<Valid>) -> Result<bool, SpoolError> {
    let waiting: Vec<_> = valid
        .into_iter()
        .map(
            |Valid {
                 name,
                 file,
                 candidate,
             }| (name, file, engine.submit_later(vec![candidate])),
        )
        .collect();
    let mut taken = true;
    for (name, file, answer) in waiting {
        match answer.wait() {
            Ok(SubmitAnswer::Admitted(_) | SubmitAnswer::Known) => {
                failpoint::reach("spool.admitted");
                folder.remove(&name, &file)?;
            }
            Err(error @ (ApiError::Unavailable { .. } | ApiError::LimitReached { .. })) => {
                tracing::warn!(name = %name.display(), %error, "a spool file has to wait");
                taken = false;
            }
            Err(error) => {
                reject(folder, &name, &explain(&name, &error.to_string()));
            }
        }
    }
    Ok(taken)
}
