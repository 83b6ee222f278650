//! A walk through what a job has left. It may be anything: links are followed where they lead to
//! something, and what is no file and no folder is left out, with a word.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::run::DownloadError;
use crate::output::print::say;

/// What is met on the walk.
pub enum Met {
    /// A folder, before what is in it.
    Folder,
    /// A file.
    File(Metadata),
}

/// Visits a file or folder and everything in it, with its place below `to`.
///
/// # Errors
/// `Read`, or what the visit says.
pub fn walk(
    from: &Path,
    to: &Path,
    visit: &mut dyn FnMut(&Path, &Path, Met) -> Result<(), DownloadError>,
) -> Result<(), DownloadError> {
    enter(from, to, &mut Vec::new(), visit)
}

fn enter(
    from: &Path,
    to: &Path,
    above: &mut Vec<(u64, u64)>,
    visit: &mut dyn FnMut(&Path, &Path, Met) -> Result<(), DownloadError>,
) -> Result<(), DownloadError> {
    let Some(found) = look(from)? else {
        return Ok(());
    };
    if !found.is_dir() {
        return visit(from, to, Met::File(found));
    }
    let id = (found.dev(), found.ino());
    if above.contains(&id) {
        say(&format!("left out {}: it leads back", from.display()));
        return Ok(());
    }
    visit(from, to, Met::Folder)?;
    above.push(id);
    for name in names(from)? {
        enter(&from.join(&name), &to.join(&name), above, visit)?;
    }
    above.pop();
    Ok(())
}

/// What a path leads to; none where that is neither a file nor a folder.
fn look(path: &Path) -> Result<Option<Metadata>, DownloadError> {
    let left_out = |why: &str| {
        say(&format!("left out {}: {why}", path.display()));
        Ok(None)
    };
    match fs::metadata(path) {
        Ok(found) if found.is_dir() || found.is_file() => Ok(Some(found)),
        Ok(_) => left_out("it is neither a file nor a folder"),
        Err(_) if path.is_symlink() => left_out("it is a link that leads nowhere"),
        Err(source) => Err(read_error(path, source)),
    }
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Result<Vec<std::ffi::OsString>, DownloadError> {
    let list = || {
        let entries = fs::read_dir(folder)?;
        let names = entries.map(|entry| Ok(entry?.file_name()));
        names.collect::<std::io::Result<Vec<_>>>()
    };
    let mut names = list().map_err(|source| read_error(folder, source))?;
    names.sort();
    Ok(names)
}

pub fn read_error(path: &Path, source: std::io::Error) -> DownloadError {
    DownloadError::Read {
        path: path.to_owned(),
        source,
    }
}
