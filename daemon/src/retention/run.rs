//! The thread: finds what the rules give up, has it marked, deletes it.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::folders::Steps;
use crate::core::JobId;
use crate::engine::Handle;
use crate::layout::Layout;
use crate::store::{Kept, Reader, StoreError};
use crate::sys::{clock, failpoint};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(60);
/// Between two deletions: a disk that is deleting is slow for everybody else.
const DELETE_PAUSE: Duration = Duration::from_millis(5);
/// Jobs that are given up in one commit.
const PRUNED_AT_ONCE_MAX: usize = 100;
/// Jobs whose folders are kept at most where their size is bounded: each is measured once, and
/// what was measured is remembered.
pub const MEASURED_MAX: usize = 100_000;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// What is kept; none for no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// Days since a job ended.
    pub days: Option<u64>,
    /// The newest ended jobs, so many.
    pub jobs: Option<u64>,
    /// Bytes of all ended jobs' folders.
    pub bytes: Option<u64>,
}

/// Why a look was of no use.
#[derive(Debug, thiserror::Error)]
enum RetentionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("list the folders of steps: {0}")]
    List(io::Error),
    #[error("note what is pruned: {0}")]
    Note(proto::api::ApiError),
}

/// The thread's possessions.
pub struct Retention {
    rules: Rules,
    reader: Reader,
    engine: Handle,
    layout: Layout,
    measured: HashMap<JobId, u64>,
}

impl Rules {
    fn is_any(self) -> bool {
        self != Rules::default()
    }
}

impl Retention {
    /// Makes it; none where there is nothing to do, now or later.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(
        rules: Rules,
        engine: Handle,
        layout: Layout,
    ) -> Result<Option<Retention>, StoreError> {
        let reader = Reader::open(engine.store())?;
        let is_needed = rules.is_any() || !reader.unswept(0, 1)?.is_empty();
        Ok(is_needed.then(|| Retention {
            rules,
            reader,
            engine,
            layout,
            measured: HashMap::new(),
        }))
    }

    /// Looks again and again; ends when there is no rule and nothing is left over.
    pub fn run(mut self) {
        loop {
            if let Err(error) = self.look() {
                tracing::warn!(%error, "retention is tried again later");
            } else if !self.rules.is_any() {
                return;
            }
            thread::sleep(PAUSE);
        }
    }

    fn look(&mut self) -> Result<(), RetentionError> {
        let steps = Steps::list(&self.layout).map_err(RetentionError::List)?;
        self.sweep(&steps)?;
        loop {
            let victims = self.victims()?;
            if victims.is_empty() {
                return Ok(());
            }
            tracing::info!(
                jobs = victims.len(),
                "the folders of ended jobs are given up"
            );
            let ids = victims.iter().map(|kept| kept.id).collect();
            self.engine.prune(ids).map_err(RetentionError::Note)?;
            failpoint::reach("retention.marked");
            self.sweep(&steps)?;
        }
    }

    /// Deletes what is marked. What cannot be deleted stays marked for the next look.
    fn sweep(&mut self, steps: &Steps) -> Result<(), RetentionError> {
        let mut last = 0;
        loop {
            let marked = self.reader.unswept(last, PRUNED_AT_ONCE_MAX)?;
            let Some(newest) = marked.last() else {
                return Ok(());
            };
            last = newest.id;
            let mut gone = Vec::new();
            for kept in &marked {
                match self.delete(kept, steps) {
                    Ok(()) => gone.push(kept.id),
                    Err((path, error)) => {
                        tracing::warn!(folder = %path.display(), %error, "a pruned folder stays");
                    }
                }
                self.measured.remove(&kept.id);
                thread::sleep(DELETE_PAUSE);
            }
            failpoint::reach("retention.deleted");
            self.engine.swept(gone).map_err(RetentionError::Note)?;
        }
    }

    fn delete(&self, kept: &Kept, steps: &Steps) -> Result<(), (PathBuf, io::Error)> {
        failpoint::io("retention.delete").map_err(|error| (self.layout.job(&kept.name), error))?;
        steps.delete(&kept.name, &self.layout)
    }

    /// The next ended jobs that a rule gives up.
    fn victims(&mut self) -> Result<Vec<Kept>, RetentionError> {
        let Rules { days, jobs, bytes } = self.rules;
        if let Some(days) = days {
            let age = i64::try_from(days)
                .unwrap_or(i64::MAX)
                .saturating_mul(MICROS_PER_DAY);
            let until = clock::wall_micros().saturating_sub(age);
            let old = self.reader.kept_until(until, PRUNED_AT_ONCE_MAX)?;
            if !old.is_empty() {
                return Ok(old);
            }
        }
        if let Some(jobs) = jobs {
            let beyond = self.reader.kept_beyond(jobs, PRUNED_AT_ONCE_MAX)?;
            if !beyond.is_empty() {
                return Ok(beyond);
            }
        }
        match bytes {
            Some(bytes) => self.too_large(bytes),
            None => Ok(Vec::new()),
        }
    }

    /// From the newest to the oldest as long as there is room; the rest is given up.
    fn too_large(&mut self, bytes_max: u64) -> Result<Vec<Kept>, RetentionError> {
        let all = self
            .reader
            .kept_beyond(0, MEASURED_MAX + PRUNED_AT_ONCE_MAX)?;
        let mut steps = None;
        let mut bytes = 0u64;
        let mut beyond = Vec::new();
        for (place, kept) in all.into_iter().enumerate() {
            let size = match self.measured.get(&kept.id) {
                Some(size) => *size,
                None => {
                    let steps = match &mut steps {
                        Some(steps) => steps,
                        none => {
                            none.insert(Steps::list(&self.layout).map_err(RetentionError::List)?)
                        }
                    };
                    steps.measure(&kept.name, &self.layout)
                }
            };
            bytes = bytes.saturating_add(size);
            self.measured.insert(kept.id, size);
            if bytes > bytes_max || place >= MEASURED_MAX {
                beyond.push(kept);
            }
        }
        // The oldest first.
        beyond.reverse();
        beyond.truncate(PRUNED_AT_ONCE_MAX);
        Ok(beyond)
    }
}
