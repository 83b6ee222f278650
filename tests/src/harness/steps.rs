//! A home's jobs on disk: what the shim recorded, whatever the daemon says.

use std::fs;
use std::path::{Path, PathBuf};

use proto::record::{EXIT_FILE, Exit, STARTED_FILE, Started};
use serde::de::DeserializeOwned;

use super::home::Home;
use super::wait::wait_for;

impl Home {
    /// A job's folder.
    #[must_use]
    pub fn job_folder(&self, name: &str) -> PathBuf {
        self.path().join("state/jobs").join(name)
    }

    /// What a job has printed so far.
    #[must_use]
    pub fn log(&self, name: &str) -> Vec<u8> {
        fs::read(self.job_folder(name).join("user_logs/std_log.txt")).unwrap_or_default()
    }

    /// The folders of all attempts at a job's command.
    #[must_use]
    pub fn step_folders(&self, name: &str) -> Vec<PathBuf> {
        let prefix = format!("{name}.command.");
        let entries = fs::read_dir(self.path().join("state/steps")).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .starts_with(&prefix)
            })
            .collect()
    }

    /// The record of the start of a job's command, as soon as it is there.
    #[must_use]
    pub fn started(&self, name: &str) -> Started {
        self.wait_for_record(name, STARTED_FILE)
    }

    /// The record of the end of a job's command, as soon as it is there.
    #[must_use]
    pub fn exit(&self, name: &str) -> Exit {
        self.wait_for_record(name, EXIT_FILE)
    }

    /// Whether the shim has recorded the end of a job's command.
    #[must_use]
    pub fn has_exit(&self, name: &str) -> bool {
        self.record_of::<Exit>(name, EXIT_FILE).is_some()
    }

    fn wait_for_record<T: DeserializeOwned>(&self, name: &str, file: &str) -> T {
        wait_for(&format!("{file} of {name}"), || self.record_of(name, file))
    }

    fn record_of<T: DeserializeOwned>(&self, name: &str, file: &str) -> Option<T> {
        self.step_folders(name)
            .iter()
            .find_map(|folder| record(&folder.join(file)))
    }
}

/// A record; none while it is not there, or not whole: that of a start is written in its place.
fn record<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = fs::read(path).ok()?;
    serde_json::from_slice(&bytes).ok()
}
