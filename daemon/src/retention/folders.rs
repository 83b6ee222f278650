//! The folders of a job: deleting and measuring them.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::layout::Layout;
use crate::sys;

/// Bytes of a block as stat(2) counts them.
const BLOCK_BYTES: u64 = 512;

/// The folders of steps by the names of their jobs, as one listing finds them.
#[derive(Debug)]
pub struct Steps(HashMap<String, Vec<PathBuf>>);

impl Steps {
    /// Lists them.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(layout: &Layout) -> io::Result<Steps> {
        let mut steps: HashMap<String, Vec<PathBuf>> = HashMap::new();
        for entry in fs::read_dir(layout.steps())? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // Job names hold no dot.
            let job = name.split('.').next().unwrap_or_default().to_owned();
            steps.entry(job).or_default().push(path);
        }
        Ok(Steps(steps))
    }

    fn of(&self, name: &str, layout: &Layout) -> Vec<PathBuf> {
        let steps = self.0.get(name).into_iter().flatten().cloned();
        steps.chain([layout.job(name)]).collect()
    }

    /// Deletes all folders of a job; those that are gone already are no fault.
    ///
    /// # Errors
    /// What stands in the way, with the folder.
    pub fn delete(&self, name: &str, layout: &Layout) -> Result<(), (PathBuf, io::Error)> {
        for folder in self.of(name, layout) {
            sys::folder::remove(&folder).map_err(|error| (folder, error))?;
        }
        Ok(())
    }

    /// Bytes on disk of all folders of a job, as far as they can be read.
    pub fn measure(&self, name: &str, layout: &Layout) -> u64 {
        self.of(name, layout).iter().map(|path| size(path)).sum()
    }
}

/// Links are counted and not followed.
fn size(path: &Path) -> u64 {
    let mut left = vec![path.to_owned()];
    let mut bytes = 0;
    while let Some(path) = left.pop() {
        let Ok(found) = fs::symlink_metadata(&path) else {
            continue;
        };
        bytes += found.blocks() * BLOCK_BYTES;
        if found.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            left.extend(entries.map(|entry| entry.path()));
        }
    }
    bytes
}
