//! The spool's thread: woken by inotify, by a slow timer, or by what the last look left.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecursiveMode, Watcher};
use proto::stage::StageSettings;

use super::admit::{Folder, SpoolError};
use super::scan::{Pass, Rest, scan};
use crate::engine::Handle;

/// How long the folder goes unread when nothing is heard, in seconds: inotify may miss things.
pub const RESCAN_SECS: u64 = 30;
/// How soon an unsettled folder is looked at again, in milliseconds.
const SOON_MS: u64 = 100;

/// Events that wait for the next look. More are dropped, as the kernel does it: then the folder is
/// watched anew.
const EVENTS_MAX: usize = 4_096;

/// The spool's thread.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    engine: Handle,
    settings: Arc<StageSettings>,
    /// Events were dropped; any may have been among them.
    missed: Arc<AtomicBool>,
}

type Watch = notify::RecommendedWatcher;

impl Spool {
    /// A spool at that path, made when it is not there.
    ///
    /// # Errors
    /// When the folder cannot be had.
    pub fn open(
        path: PathBuf,
        engine: Handle,
        settings: Arc<StageSettings>,
    ) -> Result<Spool, SpoolError> {
        Folder::open(&path)?;
        let missed = Arc::default();
        Ok(Spool {
            path,
            engine,
            settings,
            missed,
        })
    }

    /// Runs for ever. Whatever goes wrong is logged and tried again.
    pub fn run(self) {
        let (sender, events) = sync_channel(EVENTS_MAX);
        let mut watch = self.watch(&sender);
        let mut moved_in = HashSet::new();
        let mut pass = Pass::default();
        let mut folder = None;
        loop {
            let rest = self.look(&mut folder, &mut pass, &moved_in);
            moved_in.clear();
            let delay = match rest {
                Some(Rest::More) => Duration::ZERO,
                Some(Rest::Nothing) => Duration::from_secs(RESCAN_SECS),
                Some(Rest::Later) => Duration::from_millis(SOON_MS),
                None => Duration::from_secs(1),
            };
            let lost = self.wait(&events, delay, &mut moved_in);
            // The watch is on the folder's inode: one that was deleted and made again needs anew.
            if lost || watch.is_none() || rest.is_none() {
                watch = self.watch(&sender);
            }
        }
    }

    /// Opens the folder anew where it has been deleted and made again.
    fn look(
        &self,
        held: &mut Option<Folder>,
        pass: &mut Pass,
        moved_in: &HashSet<OsString>,
    ) -> Option<Rest> {
        let folder = match held.take().filter(Folder::is_in_place) {
            Some(folder) => Ok(folder),
            None => Folder::open(&self.path),
        };
        let result = folder.and_then(|folder| {
            scan(
                held.insert(folder),
                (&self.engine, &self.settings),
                pass,
                moved_in,
            )
        });
        result
            .inspect_err(|error| tracing::warn!(%error, "the spool cannot be worked on"))
            .ok()
    }

    /// Watches the folder, which is made first where it has gone.
    fn watch(&self, sender: &SyncSender<notify::Result<Event>>) -> Option<Watch> {
        Folder::open(&self.path).ok()?;
        let (sender, missed) = (sender.clone(), Arc::clone(&self.missed));
        let note = move |event| {
            if let Err(TrySendError::Full(_)) = sender.try_send(event) {
                missed.store(true, Ordering::Relaxed);
            }
        };
        let watching = notify::recommended_watcher(note).and_then(|mut watch| {
            watch.watch(&self.path, RecursiveMode::NonRecursive)?;
            Ok(watch)
        });
        watching
            .inspect_err(
                |error| tracing::warn!(%error, "the spool is read every {RESCAN_SECS} s only"),
            )
            .ok()
    }

    /// Waits until something happens to a file, or for the delay; collects the names that were
    /// moved in, and answers whether the folder itself is gone, or may be.
    fn wait(
        &self,
        events: &Receiver<notify::Result<Event>>,
        delay: Duration,
        moved_in: &mut HashSet<OsString>,
    ) -> bool {
        let until = Instant::now() + delay;
        let mut lost = false;
        let mut wake = false;
        // Whoever makes events without end does not keep us from looking.
        for _ in 0..EVENTS_MAX {
            // Once awake, only what is there already is taken.
            let left = if wake {
                Duration::ZERO
            } else {
                until.saturating_duration_since(Instant::now())
            };
            let Ok(event) = events.recv_timeout(left) else {
                break;
            };
            match event {
                Ok(event) => {
                    wake |= !matches!(event.kind, EventKind::Access(AccessKind::Open(_)));
                    lost |= event.need_rescan() || self.is_gone(&event);
                    note(&event, moved_in);
                }
                Err(error) => {
                    tracing::debug!(%error, "inotify");
                    wake = true;
                }
            }
        }
        lost || self.missed.swap(false, Ordering::Relaxed)
    }

    /// Whether the event is that the folder was deleted or moved away.
    fn is_gone(&self, event: &Event) -> bool {
        let gone = matches!(
            event.kind,
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From))
        );
        gone && event.paths.contains(&self.path)
    }
}

fn note(event: &Event, moved_in: &mut HashSet<OsString>) {
    if let EventKind::Modify(ModifyKind::Name(RenameMode::To)) = event.kind {
        let names = event.paths.iter().filter_map(|path| path.file_name());
        moved_in.extend(names.map(OsString::from));
    }
}
