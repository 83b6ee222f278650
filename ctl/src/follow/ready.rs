//! The one wait for everything that can happen while a job is followed.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags};

use super::FollowError;
use crate::poll;

/// What to wait for.
#[derive(Debug)]
pub struct Sources<'f> {
    /// The daemon's word on the status.
    pub watch: Option<BorrowedFd<'f>>,
    /// Ctrl-C.
    pub interrupt: Option<BorrowedFd<'f>>,
    /// The answer to a cancel.
    pub cancel: Option<BorrowedFd<'f>>,
    /// News from the log's folder.
    pub folder: Option<BorrowedFd<'f>>,
    /// Standard output.
    pub stdout: BorrowedFd<'f>,
    /// Whether there is something to write; without it only the end of the reader counts.
    pub writing: bool,
}

/// What has happened.
#[derive(Debug, Default)]
pub struct Ready {
    /// The daemon has said something, or is gone.
    pub watch: bool,
    /// Ctrl-C was pressed.
    pub interrupt: bool,
    /// The cancel was answered.
    pub cancel: bool,
    /// The log's folder has changed.
    pub folder: bool,
    /// Standard output takes more.
    pub writable: bool,
    /// The reader of standard output has left.
    pub closed: bool,
}

impl Sources<'_> {
    /// Waits for one of them, or for the time to pass.
    ///
    /// # Errors
    /// `Wait`.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Ready, FollowError> {
        let inputs = [self.watch, self.interrupt, self.cancel, self.folder];
        let writing = match self.writing {
            true => PollFlags::POLLOUT,
            false => PollFlags::empty(),
        };
        let mut fds = vec![PollFd::new(self.stdout, writing)];
        let present = inputs.iter().flatten();
        fds.extend(present.map(|fd| PollFd::new(*fd, PollFlags::POLLIN)));
        poll::wait(&mut fds, timeout).map_err(FollowError::Wait)?;

        let mut polled = fds.iter();
        let stdout = polled.next().and_then(PollFd::revents);
        let stdout = stdout.unwrap_or(PollFlags::empty());
        let mut next = |source: Option<_>| {
            source
                .and_then(|_| polled.next())
                .is_some_and(poll::is_ready)
        };
        Ok(Ready {
            watch: next(self.watch),
            interrupt: next(self.interrupt),
            cancel: next(self.cancel),
            folder: next(self.folder),
            writable: stdout.contains(PollFlags::POLLOUT),
            closed: stdout.intersects(PollFlags::POLLERR | PollFlags::POLLHUP),
        })
    }
}
