//! News from the folder of a log, by inotify(7). A hint only: without it the log is polled.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

/// A watch on a folder in which a log grows.
#[derive(Debug, Default)]
pub struct Folder {
    watch: Option<Inotify>,
}

impl Folder {
    /// Begins to watch, unless it does already; says whether it watches now. The folder may not
    /// exist yet and the user's inotify instances may be used up: then it does not.
    pub fn watch(&mut self, path: &Path) -> bool {
        if self.watch.is_none() {
            self.watch = start(path).ok();
        }
        self.watch.is_some()
    }

    /// What to poll for reading.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.watch.as_ref().map(AsFd::as_fd)
    }

    /// Forgets the news; whoever calls it looks at the log anyway.
    pub fn clear(&mut self) {
        let failed = match &self.watch {
            Some(watch) => !matches!(
                watch.read_events(),
                Ok(_) | Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR)
            ),
            None => false,
        };
        if failed {
            self.watch = None;
        }
    }
}

fn start(path: &Path) -> nix::Result<Inotify> {
    let watch = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
    let news = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
    watch.add_watch(path, news | AddWatchFlags::IN_ONLYDIR)?;
    Ok(watch)
}
