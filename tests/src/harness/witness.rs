//! Counting executions: each appends one line to one file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::job_file::probe_command;

/// A file to which jobs append their marks.
#[derive(Debug)]
pub struct Witness {
    path: PathBuf,
}

impl Witness {
    /// A witness in a folder.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Witness {
        Witness {
            path: folder.join("witness"),
        }
    }

    /// A command that leaves a mark when it runs: one line, written at once.
    #[must_use]
    pub fn command(&self, mark: &str) -> String {
        probe_command(&["append", self.path.to_str().unwrap(), mark])
    }

    /// The same in the shell's own words, which is cheaper for very many jobs.
    #[must_use]
    pub fn echo(&self, mark: &str) -> String {
        format!("echo {mark} >> {}", self.path.display())
    }

    /// The marks in the order in which they were left.
    #[must_use]
    pub fn marks(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// How often each mark was left.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for mark in self.marks() {
            *counts.entry(mark).or_default() += 1;
        }
        counts
    }

    /// Fails unless exactly these marks are there, each once.
    ///
    /// # Panics
    /// With what is missing, what is there twice, and what nobody expected.
    pub fn assert_once_each(&self, expected: impl IntoIterator<Item = String>) {
        let mut counts = self.counts();
        let mut wrong = Vec::new();
        for mark in expected {
            match counts.remove(&mark) {
                Some(1) => {}
                Some(times) => wrong.push(format!("{mark} ran {times} times")),
                None => wrong.push(format!("{mark} never ran")),
            }
        }
        wrong.extend(
            counts
                .into_keys()
                .map(|mark| format!("{mark} is unexpected")),
        );
        assert!(wrong.is_empty(), "{}", wrong.join(", "));
    }
}
