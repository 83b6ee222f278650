//! The other files that a job file names: loaded by the caller, found relative to the file that
//! names them, within bounds.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::path::{PathForm, classify_path};

/// Files inside each other at most.
pub const FILE_DEPTH_MAX: usize = 8;
/// Different files that one job names at most, with all that they name.
pub const FILES_MAX: usize = 100;

/// Gives the files that a job file names. This crate opens none itself.
pub trait Loader {
    /// The bytes of a file; `path` is relative to the job file's folder, or absolute.
    ///
    /// # Errors
    /// Why it cannot be had, as a fragment such as `no such file`.
    fn load(&self, path: &Path) -> Result<Vec<u8>, String>;
}

/// The files that have been named so far; one that many steps share counts once.
pub(super) type Named = RefCell<BTreeSet<PathBuf>>;

/// What a file may name.
#[derive(Clone)]
pub(super) struct Files<'a> {
    loader: Option<&'a dyn Loader>,
    /// The file's folder, relative to the job file's.
    base: PathBuf,
    depth: usize,
    named: &'a Named,
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
    pub(super) fn new(loader: Option<&'a dyn Loader>, named: &'a Named) -> Files<'a> {
        Files {
            loader,
            base: PathBuf::new(),
            depth: 0,
            named,
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
        if self.depth >= FILE_DEPTH_MAX {
            return Some(Err(format!(
                "files name each other more than {FILE_DEPTH_MAX} deep"
            )));
        }
        let path = self.base.join(path);
        let mut named = self.named.borrow_mut();
        if named.len() >= FILES_MAX && !named.contains(&path) {
            return Some(Err(format!("the job names more than {FILES_MAX} files")));
        }
        named.insert(path.clone());
        drop(named);
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
