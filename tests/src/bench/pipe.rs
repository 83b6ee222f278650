//! The named pipe of `tree.c`: all processes of a job hold it open, so that its reader sees to the
//! point when the last one is gone, without looking at any of them.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::Outcome;
use super::numbers::now;

/// How long a job may be silent that is to say something.
const DEADLINE: Duration = Duration::from_mins(1);

/// Its reading end, and what was read.
#[derive(Debug)]
pub struct Pipe {
    file: File,
    text: String,
}

impl Pipe {
    /// Makes it.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn make(path: &Path) -> Outcome<()> {
        Ok(mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)?)
    }

    /// Opens it for the next job: without a reader that would wait for one.
    ///
    /// # Errors
    /// When it is not there.
    pub fn open(path: &Path) -> Outcome<Pipe> {
        let file = open(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty())?;
        Ok(Pipe {
            file: file.into(),
            text: String::new(),
        })
    }

    /// The rest of the first line that begins so.
    ///
    /// # Errors
    /// When the job ends before, or says nothing.
    pub fn line(&mut self, begin: &str) -> Outcome<String> {
        loop {
            let lines = self.text.split_inclusive('\n');
            let mut whole = lines.filter_map(|line| line.strip_suffix('\n'));
            if let Some(rest) = whole.find_map(|line| line.strip_prefix(begin)) {
                return Ok(rest.into());
            }
            match self.more(DEADLINE)? {
                Some(true) => {}
                Some(false) => return Err(format!("the job ended without {begin:?}").into()),
                None => return Err(format!("the job does not say {begin:?}").into()),
            }
        }
    }

    /// The moment at which nobody holds it any more; none when somebody still does after a while.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn end(&mut self, longest: Duration) -> Outcome<Option<u64>> {
        loop {
            match self.more(longest)? {
                Some(true) => {}
                Some(false) => return Ok(Some(now()?)),
                None => return Ok(None),
            }
        }
    }

    /// Waits for more: whether there was, or the end came before; none when neither did.
    fn more(&mut self, longest: Duration) -> Outcome<Option<bool>> {
        let mut waited = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
        if poll(&mut waited, PollTimeout::try_from(longest.as_millis())?)? == 0 {
            return Ok(None);
        }
        let mut bytes = [0; 256];
        let count = self.file.read(&mut bytes)?;
        let bytes = bytes.get(..count).unwrap_or_default();
        self.text += &String::from_utf8_lossy(bytes);
        Ok(Some(count > 0))
    }
}
