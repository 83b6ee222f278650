//! The spool's thread: woken by inotify, by a slow timer, or by what the last look left.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use notify::event::{AccessKind, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecursiveMode, Watcher};

use super::admit::{Folder, SpoolError};
use super::scan::{Rest, scan};
use crate::engine::Handle;

/// How long the folder goes unread when nothing is heard, in seconds: inotify may miss things.
pub const RESCAN_SECS: u64 = 30;
/// How soon an unsettled folder is looked at again, in milliseconds.
const SOON_MS: u64 = 100;

/// The spool's thread.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    engine: Handle,
}

type Watch = notify::RecommendedWatcher;

impl Spool {
    /// A spool at that path, made when it is not there.
    ///
    /// # Errors
    /// When the folder cannot be had.
    pub fn open(path: PathBuf, engine: Handle) -> Result<Spool, SpoolError> {
        Folder::open(&path)?;
        Ok(Spool { path, engine })
    }

    /// Runs for ever. Whatever goes wrong is logged and tried again.
    pub fn run(self) {
        let (sender, events) = channel();
        let mut watch = self.watch(&sender);
        let mut moved_in = HashSet::new();
        loop {
            let rest = self.look(&moved_in);
            moved_in.clear();
            let delay = match rest {
                Some(Rest::More) => Duration::ZERO,
                Some(Rest::Nothing) => Duration::from_secs(RESCAN_SECS),
                Some(Rest::Later) => Duration::from_millis(SOON_MS),
                None => Duration::from_secs(1),
            };
            let lost = wait(&events, delay, &mut moved_in);
            // The watch is on the folder's inode: one that was deleted and made again needs anew.
            if lost || watch.is_none() || rest.is_none() {
                watch = self.watch(&sender);
            }
        }
    }

    /// Opens the folder anew each time: it may have been deleted and made again.
    fn look(&self, moved_in: &HashSet<OsString>) -> Option<Rest> {
        let result =
            Folder::open(&self.path).and_then(|folder| scan(&folder, &self.engine, moved_in));
        result
            .inspect_err(|error| tracing::warn!(%error, "the spool cannot be worked on"))
            .ok()
    }

    fn watch(&self, sender: &Sender<notify::Result<Event>>) -> Option<Watch> {
        watch(&self.path, sender.clone())
            .inspect_err(
                |error| tracing::warn!(%error, "the spool is read every {RESCAN_SECS} s only"),
            )
            .ok()
    }
}

/// Reports changes of the folder. That something was opened is none: every look opens the folder
/// and its files, so it would bring about the next look, for ever.
fn watch(path: &Path, sender: Sender<notify::Result<Event>>) -> notify::Result<Watch> {
    let mut watch = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let opened = |event: &Event| matches!(event.kind, EventKind::Access(AccessKind::Open(_)));
        if !event.as_ref().is_ok_and(opened) && sender.send(event).is_err() {
            tracing::debug!("the spool's thread has ended");
        }
    })?;
    watch.watch(path, RecursiveMode::NonRecursive)?;
    Ok(watch)
}

/// Waits for something to happen; collects the names that were moved in, and answers whether
/// the folder itself is gone.
fn wait(
    events: &Receiver<notify::Result<Event>>,
    delay: Duration,
    moved_in: &mut HashSet<OsString>,
) -> bool {
    let mut lost = false;
    let mut next = match events.recv_timeout(delay) {
        Ok(event) => Some(event),
        Err(RecvTimeoutError::Timeout) => None,
        // Cannot be: the spool's thread holds a sender itself.
        Err(RecvTimeoutError::Disconnected) => None,
    };
    while let Some(event) = next {
        match event {
            Ok(event) => lost |= note(&event, moved_in),
            Err(error) => tracing::debug!(%error, "inotify"),
        }
        next = events.try_recv().ok();
    }
    lost
}

fn note(event: &Event, moved_in: &mut HashSet<OsString>) -> bool {
    if let EventKind::Modify(ModifyKind::Name(RenameMode::To)) = event.kind {
        let names = event.paths.iter().filter_map(|path| path.file_name());
        moved_in.extend(names.map(OsString::from));
    }
    matches!(
        event.kind,
        EventKind::Remove(notify::event::RemoveKind::Folder)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};

    /// How long inotify may take.
    const DEADLINE: Duration = Duration::from_secs(10);

    #[test]
    fn a_look_is_no_news_and_a_new_file_is() {
        let path = std::env::temp_dir().join(format!("jobd-watch-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("old.yml"), "old").unwrap();
        let (sender, events) = channel();
        let _watch = watch(&path, sender).unwrap();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
        fs::read(path.join("old.yml")).unwrap();
        File::create(path.join("new.yml")).unwrap();
        let first = events.recv_timeout(DEADLINE).unwrap().unwrap();
        assert!(first.kind.is_create(), "{first:?}");
        fs::remove_dir_all(path).unwrap();
    }
}
