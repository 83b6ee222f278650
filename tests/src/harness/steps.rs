//! A home's jobs on disk: what the shim recorded, whatever the daemon says.

use std::fs;
use std::path::{Path, PathBuf};

use proto::record::file::Entry;
use proto::record::{Exit, STEP_FILE, Started};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::home::Home;
use super::wait::wait_for;

impl Home {
    /// A job's folder.
    #[must_use]
    pub fn job_folder(&self, name: &str) -> PathBuf {
        self.path().join("state/jobs").join(name)
    }

    /// Where a job's output goes.
    #[must_use]
    pub fn log_path(&self, name: &str) -> PathBuf {
        self.job_folder(name).join("user_logs/std_log.txt")
    }

    /// What a job has printed so far.
    #[must_use]
    pub fn log(&self, name: &str) -> Vec<u8> {
        fs::read(self.log_path(name)).unwrap_or_default()
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
        self.wait_for_record(name, Entry::Started)
    }

    /// The record of the end of a job's command, as soon as it is there.
    #[must_use]
    pub fn exit(&self, name: &str) -> Exit {
        self.wait_for_record(name, Entry::Exit)
    }

    /// Whether the shim has recorded the end of a job's command.
    #[must_use]
    pub fn has_exit(&self, name: &str) -> bool {
        self.record_of::<Exit>(name, Entry::Exit).is_some()
    }

    fn wait_for_record<T: DeserializeOwned>(&self, name: &str, entry: Entry) -> T {
        let what = format!("{} of {name}", entry.name());
        wait_for(&what, || self.record_of(name, entry))
    }

    fn record_of<T: DeserializeOwned>(&self, name: &str, entry: Entry) -> Option<T> {
        let folders = self.step_folders(name);
        folders.iter().find_map(|folder| record(folder, entry))
    }
}

/// A record of a step; none while it is not there, or not whole.
#[must_use]
pub fn record<T: DeserializeOwned>(folder: &Path, entry: Entry) -> Option<T> {
    entry.find(&fs::read(folder.join(STEP_FILE)).ok()?).whole()
}

/// Changes a step's records, each a line.
///
/// # Panics
/// When there are none.
pub fn change_records(folder: &Path, change: impl Fn(Entry, &mut Value)) {
    let path = folder.join(STEP_FILE);
    let file = fs::read(&path).unwrap();
    let mut changed = Vec::new();
    for entry in [Entry::Spec, Entry::Job, Entry::Started, Entry::Exit] {
        let body = file
            .split(|byte| *byte == b'\n')
            .find_map(|line| entry.body(line));
        if let Some(body) = body {
            let mut record = serde_json::from_slice(body).unwrap();
            change(entry, &mut record);
            changed.extend(entry.line(&record).unwrap());
        }
    }
    fs::write(path, changed).unwrap();
}
