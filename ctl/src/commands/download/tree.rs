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

/// The most files and folders of one download: links may lead to the same ones over and over.
pub const DOWNLOAD_FILES_MAX: usize = 1_000_000;

/// Visits a file or folder and everything in it, with its place below `to`.
///
/// # Errors
/// `Read`, or what the visit says.
pub fn walk(
    from: &Path,
    to: &Path,
    visit: &mut dyn FnMut(&Path, &Path, Met) -> Result<(), DownloadError>,
) -> Result<(), DownloadError> {
    walk_within(from, to, DOWNLOAD_FILES_MAX, visit)
}

fn walk_within(
    from: &Path,
    to: &Path,
    max: usize,
    visit: &mut dyn FnMut(&Path, &Path, Met) -> Result<(), DownloadError>,
) -> Result<(), DownloadError> {
    let mut left = max;
    let mut counted = |from: &Path, to: &Path, met: Met| {
        let more = left.checked_sub(1);
        left = more.ok_or(DownloadError::TooMany { max })?;
        visit(from, to, met)
    };
    enter(from, to, &mut Vec::new(), &mut counted)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn folders_that_lead_to_each_other_twice_over_and_over_come_to_an_end() {
        let root = std::env::temp_dir().join(format!("jobctl-tree-{}", std::process::id()));
        for level in 0..30 {
            let folder = root.join(level.to_string());
            fs::create_dir_all(&folder).unwrap();
            for name in ["one", "two"] {
                symlink(format!("../{}", level + 1), folder.join(name)).unwrap();
            }
        }
        fs::create_dir(root.join("30")).unwrap();
        let mut met = 0;
        let walked = walk_within(&root.join("0"), Path::new("/to"), 1000, &mut |_, _, _| {
            met += 1;
            Ok(())
        });
        let error = walked.unwrap_err().to_string();
        assert!(error.contains("more than 1000 files"), "{error}");
        assert_eq!(met, 1000);
        fs::remove_dir_all(root).unwrap();
    }
}
