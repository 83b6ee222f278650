//! Where everything is below the state folder. Pure paths; who makes a folder says so.
//!
//! ```text
//! STATE/lock                     held by the one daemon of this folder
//! STATE/jobd.db                  the store
//! STATE/jobd.db.recovering       a store that `jobd recover` is building; .recovered: built
//! STATE/jobd.db.damaged-TIME     a store that a recovery has replaced
//! STATE/log/                     the daemon's own log
//! STATE/cache/                   what preparations keep for many jobs
//! STATE/jobs/NAME/               the job's: its working folder, with user_logs, outputs, logs
//! STATE/jobs/NAME/named-outputs/ a folder per output
//! STATE/steps/NAME.STEP.ATTEMPT/ the daemon's: the records of one step
//! STATE/spare/                   folders of a command that nobody has asked for yet
//! STATE/ahead                    names of jobs whose folders are made before they are stored
//! ```
//! The job's folder and the records are apart so that a job which empties its working folder,
//! or is another user's, cannot touch the records. Job names hold no dot, so a step's folder
//! names its job without doubt.

use std::path::{Path, PathBuf};

use crate::core::{StepKind, StepRef};

/// The file within a job's folder that holds what the job printed (azureml.md §4).
pub const STD_LOG: &str = "user_logs/std_log.txt";
/// The file within a job's folder that holds what its preparation printed.
pub const PREPARE_LOG: &str = "system_logs/prepare.log";
/// The file within a job's folder that holds what its finalization printed.
pub const FINALIZE_LOG: &str = "system_logs/finalize.log";
/// The folders that Azure ML's runtime makes in a job's working folder (azureml.md §4).
pub const JOB_FOLDERS: [&str; 3] = ["user_logs", "outputs", "logs"];

/// The state folder and everything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    state: PathBuf,
}

impl Layout {
    /// A layout below `state`, which must be absolute.
    #[must_use]
    pub fn new(state: PathBuf) -> Layout {
        Layout { state }
    }

    /// The state folder itself.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The lock of the one daemon that works here.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.state.join("jobd.db")
    }

    /// The store that a recovery is building.
    #[must_use]
    pub fn recovering(&self) -> PathBuf {
        self.state.join("jobd.db.recovering")
    }

    /// The store that a recovery has built and not yet put in its place.
    #[must_use]
    pub fn recovered(&self) -> PathBuf {
        self.state.join("jobd.db.recovered")
    }

    /// Where a recovery puts the store that it replaces.
    #[must_use]
    pub fn damaged(&self, time: &str) -> PathBuf {
        self.state.join(format!("jobd.db.damaged-{time}"))
    }

    /// The folder of the daemon's own log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.state.join("log")
    }

    /// What preparations keep for many jobs; they make it.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.state.join("cache")
    }

    /// The folder of all jobs' folders.
    #[must_use]
    pub fn jobs(&self) -> PathBuf {
        self.state.join("jobs")
    }

    /// The folder of all step records.
    #[must_use]
    pub fn steps(&self) -> PathBuf {
        self.state.join("steps")
    }

    /// The folders of a command that nobody has asked for yet.
    #[must_use]
    pub fn spare(&self) -> PathBuf {
        self.state.join("spare")
    }

    /// The list of jobs whose folders are made before they are stored.
    #[must_use]
    pub fn ahead(&self) -> PathBuf {
        self.state.join("ahead")
    }

    /// A job's folder.
    #[must_use]
    pub fn job(&self, name: &str) -> PathBuf {
        self.jobs().join(name)
    }

    /// A job's folder for a named output.
    #[must_use]
    pub fn output(&self, name: &str, output: &str) -> PathBuf {
        self.job(name).join("named-outputs").join(output)
    }

    /// A step's records.
    #[must_use]
    pub fn step(&self, name: &str, step: StepRef) -> PathBuf {
        self.steps().join(step_label(name, step))
    }
}

/// Whose step a folder of that name is: the inverse of [`Layout::step`].
#[must_use]
pub fn parse_step(folder: &str) -> Option<(&str, StepRef)> {
    let (rest, attempt) = folder.rsplit_once('.')?;
    let (name, kind) = rest.rsplit_once('.')?;
    let kind = StepKind::ALL
        .into_iter()
        .find(|known| known.name() == kind)?;
    let attempt = attempt.parse().ok()?;
    Some((name, StepRef { kind, attempt }))
}

/// The name that tells a step from all others of this daemon: of its folder and its cgroup.
#[must_use]
fn step_label(name: &str, step: StepRef) -> String {
    format!("{name}.{}", step_name(step))
}

/// The name that tells a step from all others of its job.
#[must_use]
pub fn step_name(step: StepRef) -> String {
    format!("{}.{}", step.kind.name(), step.attempt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_folder_names_its_step() {
        for kind in StepKind::ALL {
            let step = StepRef { kind, attempt: 12 };
            assert_eq!(
                parse_step(&step_label("a-b_c", step)),
                Some(("a-b_c", step))
            );
        }
        for other in ["lost+found", "a.command", "a.other.1", "a.command.x", ""] {
            assert_eq!(parse_step(other), None, "{other}");
        }
    }
}
