//! Why there is no snapshot, and how names stand in messages.

use std::io;
use std::path::{Path, PathBuf};

/// The most characters of a path in a message; the end tells more than the start.
const SHOWN_CHARS: usize = 300;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A URI or an asset.
    #[error(
        "take the code from {}: {why}; name a file or folder of this machine",
        on_one_line(code)
    )]
    NotLocal {
        /// As in the job file.
        code: String,
        /// What it is.
        why: &'static str,
    },
    /// A file or folder that cannot be read, or is gone.
    #[error("read {}: {source}", shown(path))]
    Read {
        /// It.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A copy that cannot be written.
    #[error("write {}: {source}", shown(path))]
    Write {
        /// It.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something else than before has the name.
    #[error("read {}: it is no longer a file: the code was changed while it was read", shown(.0))]
    Changed(PathBuf),
    /// A pipe, socket or device.
    #[error("take the code from {}: it is neither a file nor a folder", shown(.0))]
    Special(PathBuf),
    /// A link that cannot be kept.
    #[error(
        "take the link {} to {}: {why}; copy what it names, or list the link in .amlignore",
        shown(path),
        shown(target)
    )]
    Link {
        /// The link, relative to the code.
        path: PathBuf,
        /// What it says.
        target: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// More than was there, and more than may be.
    #[error("read {}: it grew beyond the allowed size of the code while it was read", shown(.0))]
    Grown(PathBuf),
    /// A line that is no pattern.
    #[error("understand line {line} of {}: {}", shown(path), on_one_line(why))]
    Pattern {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// Too much.
    #[error("take the code: {0}")]
    TooMuch(String),
    /// Folders in folders in folders.
    #[error("read {}: it is more than {max} folders deep", shown(path))]
    TooDeep {
        /// The folder.
        path: PathBuf,
        /// Levels.
        max: usize,
    },
    /// A name that is jobd's.
    #[error(
        "take {}: the job's folder has that name for inputs or jobd's own files; rename it or list it in .amlignore",
        shown(.0)
    )]
    Taken(PathBuf),
    /// It was removed, or never was.
    #[error("use the snapshot {}: it is no longer stored; submit the job anew from its code", on_one_line(.0))]
    NotStored(String),
    /// What is stored is not what was stored.
    #[error(
        "use the snapshot {0}: its files were changed in the cache; it is removed, submit again"
    )]
    Damaged(String),
    /// The cache itself.
    #[error("keep the snapshot in {}: {source}", shown(path))]
    Cache {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A path on one line of readable characters.
pub fn shown(path: &Path) -> String {
    on_one_line(&path.to_string_lossy())
}

fn on_one_line(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(SHOWN_CHARS);
    let mut line = String::from(if skipped > 0 { "…" } else { "" });
    for char in text.chars().skip(skipped) {
        if char.is_control() {
            line.extend(char.escape_default());
        } else {
            line.push(char);
        }
    }
    line
}

/// For `map_err`.
pub fn read(path: &Path) -> impl FnOnce(io::Error) -> SnapshotError {
    let path = path.to_owned();
    move |source| SnapshotError::Read { path, source }
}

/// For `map_err`.
pub fn write(path: &Path) -> impl FnOnce(io::Error) -> SnapshotError {
    let path = path.to_owned();
    move |source| SnapshotError::Write { path, source }
}

/// For `map_err`.
pub fn cache(path: &Path) -> impl FnOnce(io::Error) -> SnapshotError {
    let path = path.to_owned();
    move |source| SnapshotError::Cache { path, source }
}
