//! Notices that a command with a heartbeat falls silent or beats again: its shim makes and
//! removes a record in the step's folder, which inotify(7) tells. Only steps with a heartbeat
//! are watched, so the others cost nothing.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use proto::record::file::Found;
use proto::record::{SILENT_FILE, Silent};

use super::facts;
use crate::core::{Event, JobId, StepRef};

/// A step with a heartbeat.
#[derive(Debug)]
struct Watched {
    id: JobId,
    step: StepRef,
    folder: PathBuf,
}

/// The steps with a heartbeat.
pub struct Silences {
    inotify: Inotify,
    watched: HashMap<WatchDescriptor, Watched>,
}

impl Silences {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// When the kernel has no inotify left for this user.
    pub fn new() -> Result<Silences, Errno> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        Ok(Silences {
            inotify,
            watched: HashMap::new(),
        })
    }

    /// Readable when there is something to take.
    pub fn source(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }

    /// Watches a step and answers how it is.
    ///
    /// # Errors
    /// When the kernel has no watch left for this user.
    pub fn watch(&mut self, id: JobId, step: StepRef, folder: &Path) -> Result<Event, Errno> {
        let flags = AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_DELETE;
        let watch = self.inotify.add_watch(folder, flags)?;
        let watched = Watched {
            id,
            step,
            folder: folder.into(),
        };
        let news = watched.look();
        self.watched.insert(watch, watched);
        Ok(news)
    }

    /// Forgets a step that has ended.
    pub fn forget(&mut self, id: JobId) {
        let Some(watch) = self
            .watched
            .iter()
            .find_map(|(watch, watched)| (watched.id == id).then_some(*watch))
        else {
            return;
        };
        self.watched.remove(&watch);
        if let Err(error) = self.inotify.rm_watch(watch) {
            tracing::debug!(job = id, %error, "the folder of a step is gone");
        }
    }

    /// What has changed since the last time.
    pub fn take(&mut self) -> Vec<Event> {
        let Ok(events) = self.inotify.read_events() else {
            return Vec::new();
        };
        let changed = |watch: &WatchDescriptor| {
            events.iter().any(|event| {
                let is_overflow = event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW);
                is_overflow || event.wd == *watch
            })
        };
        self.watched
            .iter()
            .filter(|(watch, _)| changed(watch))
            .map(|(_, watched)| watched.look())
            .collect()
    }
}

impl Watched {
    fn look(&self) -> Event {
        let Some(bytes) = facts::read(&self.folder, SILENT_FILE) else {
            return Event::Heard(self.id, self.step);
        };
        let silent = Found::<Silent>::of(&bytes).whole();
        let how_long = silent.map_or("too long".to_owned(), |silent| {
            format!("{} s", silent.silence_ms / 1000)
        });
        let reason = format!("it gave no sign of life for {how_long}");
        Event::Silent(self.id, self.step, reason)
    }
}

/// Whether a step whose order lies in this folder has a heartbeat.
pub fn is_expected(folder: &Path) -> bool {
    facts::spec(folder).is_some_and(|spec| spec.heartbeat.is_some())
}
