//! The component files that jobs of the corpus name.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use proto::job::Loader;

/// Component files stand in a tree of their own beside the jobs'; some are not in the corpus.
#[derive(Debug)]
pub struct Components {
    folders: Vec<PathBuf>,
    missing: Cell<bool>,
}

impl Components {
    /// Those that a file may name.
    ///
    /// # Panics
    /// When the file's name has no folder.
    #[must_use]
    pub fn of(corpus: &Path, file: &str) -> Components {
        let folder = Path::new(file).parent().unwrap();
        let folders = ["components", "examples"]
            .map(|tree| corpus.join(tree).join(folder))
            .to_vec();
        Components {
            folders,
            missing: Cell::new(false),
        }
    }

    /// Whether one was asked for that is not there.
    #[must_use]
    pub fn missing(&self) -> bool {
        self.missing.get()
    }
}

impl Loader for Components {
    fn load(&self, path: &Path) -> Result<Vec<u8>, String> {
        let found = self
            .folders
            .iter()
            .find_map(|folder| std::fs::read(folder.join(path)).ok());
        self.missing.set(self.missing.get() || found.is_none());
        found.ok_or_else(|| "no such file".to_owned())
    }
}
