//! Keeps the environments of the cache within their bound: what was not used for longest goes first,
//! and nothing that a job uses.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use proto::stage::StageOrder;

use super::provide::EnvironmentError;
use super::room::{COMPLETE, FOLDER, PREFIX, clear, failed, try_lock};
use super::users::Users;

/// The most bytes of all environments, unless the configuration says otherwise.
pub const ENVIRONMENTS_BYTES_MAX: u64 = 20 << 30;

/// Gives up what was not used for longest until all is within the bound, and what builders that
/// were killed have left.
pub(super) fn trim(order: &StageOrder) {
    let max = order.settings.environments_bytes_max;
    let max = max.unwrap_or(ENVIRONMENTS_BYTES_MAX);
    let mut all = entries(&order.cache.join(FOLDER));
    all.sort_by_key(|entry| entry.used);
    let mut held: u64 = all.iter().map(|entry| entry.bytes).sum();
    for entry in all {
        if held > max || entry.used.is_none() {
            match give_up(&entry, order) {
                Ok(true) => held -= entry.bytes,
                Ok(false) => {}
                // It does no harm but for its room.
                Err(error) => println!("note: {} stays: {error}", entry.folder.display()),
            }
        }
    }
}

/// An environment in the cache.
struct Entry {
    folder: PathBuf,
    /// None of one that is not complete.
    used: Option<SystemTime>,
    bytes: u64,
}

fn entries(folder: &Path) -> Vec<Entry> {
    let listed = fs::read_dir(folder).into_iter().flatten().flatten();
    let rooms = listed.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(PREFIX)) && path.extension().is_none()
    });
    let entry = |folder: PathBuf| {
        let complete = folder.join(COMPLETE);
        let bytes = fs::read_to_string(&complete).unwrap_or_default();
        Entry {
            used: fs::metadata(&complete).and_then(|it| it.modified()).ok(),
            bytes: bytes.parse().unwrap_or_default(),
            folder,
        }
    };
    rooms.map(entry).collect()
}

/// Whether it was given up: nobody builds it, and no job uses it.
fn give_up(entry: &Entry, order: &StageOrder) -> Result<bool, EnvironmentError> {
    let path = entry.folder.with_extension("lock");
    let Some(_held) = try_lock(&path)? else {
        return Ok(false);
    };
    let complete = entry.folder.join(COMPLETE);
    let is_built_meanwhile = entry.used.is_none() && complete.exists();
    if is_built_meanwhile || !Users::of(&entry.folder).are_none(order) {
        return Ok(false);
    }
    // First of all it is no longer complete.
    for file in [&complete, &path] {
        remove(file).map_err(failed("remove", file))?;
    }
    clear(&entry.folder).map_err(failed("remove", &entry.folder))?;
    Ok(true)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
