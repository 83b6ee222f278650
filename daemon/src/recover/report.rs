//! What a recovery has found, for people and for programs.

use std::fmt;
use std::path::PathBuf;

use proto::status::Status;
use serde::Serialize;

/// Where a job was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// In the store that was damaged.
    Store,
    /// In the folder of its step.
    Folder,
}

/// A job that is in the new store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recovered {
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: Status,
    /// Where it was found.
    pub source: Source,
    /// How it ended, as a sentence fragment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What a recovery has done.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The jobs of the new store, oldest first.
    pub jobs: Vec<Recovered>,
    /// Jobs of which only folders are left: what they were to run is nowhere to be read.
    pub undefined: Vec<String>,
    /// Where the store is that was replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damaged: Option<PathBuf>,
    /// Whether this only completed a recovery that was cut off.
    pub resumed: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.jobs.iter().map(|job| job.name.len()).max();
        let width = width.unwrap_or(0).max("NAME".len());
        if !self.jobs.is_empty() {
            writeln!(
                f,
                "{:<width$}  {:<15}  {:<6}  END",
                "NAME", "STATUS", "FROM"
            )?;
        }
        for job in &self.jobs {
            let source = match job.source {
                Source::Store => "store",
                Source::Folder => "folder",
            };
            let message = job.message.as_deref().unwrap_or_default();
            let line = format!(
                "{:<width$}  {:<15}  {source:<6}  {message}",
                job.name, job.status
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        for name in &self.undefined {
            writeln!(f, "not recovered: {name}: nothing says what it was to run")?;
        }
        if let Some(damaged) = &self.damaged {
            writeln!(f, "the damaged store is kept as {}", damaged.display())?;
        }
        if self.resumed {
            return writeln!(f, "a recovery that was cut off is complete");
        }
        writeln!(f, "{} jobs recovered", self.jobs.len())
    }
}
