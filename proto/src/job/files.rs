//! The other files that a job file names: loaded by the caller, found relative to the file that
//! names them, within bounds.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use super::path::{PathForm, classify_path};

/// Files inside each other at most.
pub const MAX_FILE_DEPTH: usize = 8;
/// Files that one job names at most, with all that they name.
pub const MAX_FILES: usize = 100;

/// Gives the files that a job file names. This crate opens none itself.
pub trait Loader {
    /// The bytes of a file; `path` is relative to the job file's folder, or absolute.
    ///
    /// # Errors
    /// Why it cannot be had, as a fragment such as `no such file`.
    fn load(&self, path: &Path) -> Result<Vec<u8>, String>;
}

/// What a file may name.
#[derive(Clone)]
pub(super) struct Files<'a> {
    loader: Option<&'a dyn Loader>,
    /// The file's folder, relative to the job file's.
    base: PathBuf,
    depth: usize,
    left: &'a Cell<usize>,
}

/// A loaded file.
pub(super) struct Loaded<'a> {
    /// Its name: the path from the job file's folder.
    pub(super) name: String,
    /// Its content.
    pub(super) bytes: Vec<u8>,
    /// What it may name itself.
    pub(super) files: Files<'a>,
}

impl<'a> Files<'a> {
    /// For a job file itself. Without a loader its references stay as they are.
    pub(super) fn new(loader: Option<&'a dyn Loader>, left: &'a Cell<usize>) -> Files<'a> {
        Files {
            loader,
            base: PathBuf::new(),
            depth: 0,
            left,
        }
    }

    /// A path of this file as seen from the job file's folder; URIs and assets as they are.
    pub(super) fn rebase(&self, text: String) -> String {
        match classify_path(&text) {
            PathForm::Local(path) if !self.base.as_os_str().is_empty() && path.is_relative() => {
                self.base.join(path).to_string_lossy().into_owned()
            }
            _ => text,
        }
    }

    /// Loads a file that this one names; nothing without a loader.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) fn load(&self, path: &Path) -> Option<Result<Loaded<'a>, String>> {
        let loader = self.loader?;
        if self.depth >= MAX_FILE_DEPTH {
            return Some(Err(format!(
                "files name each other more than {MAX_FILE_DEPTH} deep"
            )));
        }
        let Some(left) = self.left.get().checked_sub(1) else {
            return Some(Err(format!("the job names more than {MAX_FILES} files")));
        };
        self.left.set(left);
        let path = self.base.join(path);
        let bytes = loader.load(&path);
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        let name = path.to_string_lossy().into_owned();
        Some(bytes.map(|bytes| Loaded {
            name,
            bytes,
            files: Files {
                base,
                depth: self.depth + 1,
                ..self.clone()
            },
        }))
    }
}
