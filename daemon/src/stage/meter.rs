//! What is on its way: counted by whoever moves bytes, told to onlookers a few times a second in
//! a file of the job's own folder, and in the log at the end of each part.

use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proto::stage::{PROGRESS_FILE, Progress};

use crate::sys::{atomic, folder};

/// The least time between two writes of the file.
const TELL_PAUSE: Duration = Duration::from_millis(200);

/// Counts one part after another. Everything runs in one thread.
#[derive(Debug)]
pub struct Meter {
    path: PathBuf,
    now: RefCell<Progress>,
    begun: Cell<Instant>,
    told: Cell<Instant>,
}

impl Meter {
    /// Tells in that job's folder. Onlookers are a comfort: what cannot be told is not.
    #[must_use]
    pub fn new(folder: &Path) -> Meter {
        let now = Instant::now();
        Meter {
            path: folder.join(PROGRESS_FILE),
            now: RefCell::default(),
            begun: Cell::new(now),
            told: Cell::new(now),
        }
    }

    /// A new part begins.
    pub fn begin(&self, what: &str, bytes_total: Option<u64>, files_total: Option<u64>) {
        println!("{what}");
        self.begun.set(Instant::now());
        *self.now.borrow_mut() = Progress {
            what: what.into(),
            bytes_total,
            files_total,
            ..Progress::default()
        };
        self.tell();
    }

    /// All is done: there is nothing to be told any longer.
    pub fn end(&self) {
        drop(std::fs::remove_file(&self.path));
    }

    /// So many bytes more.
    pub fn bytes(&self, more: u64) {
        self.now.borrow_mut().bytes += more;
        self.tell_now_and_then();
    }

    /// One file more.
    pub fn file(&self) {
        self.now.borrow_mut().files += 1;
        self.tell_now_and_then();
    }

    /// How much it is in all, once that is known.
    pub fn expected(&self, bytes_total: Option<u64>, files_total: Option<u64>) {
        let mut now = self.now.borrow_mut();
        now.bytes_total = bytes_total.or(now.bytes_total);
        now.files_total = files_total.or(now.files_total);
    }

    fn tell_now_and_then(&self) {
        if self.told.get().elapsed() >= TELL_PAUSE {
            self.tell();
        }
    }

    /// Whatever the job has made of its folder: no link in it leads out of it.
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let name = self.path.file_name().and_then(OsStr::to_str);
        let (Some(folder), Some(name)) = (self.path.parent(), name) else {
            return Ok(());
        };
        atomic::write_at(&folder::open(folder)?, name, bytes)
    }

    fn tell(&self) {
        self.told.set(Instant::now());
        let mut now = self.now.borrow_mut();
        let elapsed_ms = u64::try_from(self.begun.get().elapsed().as_millis()).unwrap_or(u64::MAX);
        now.rate = now.bytes.saturating_mul(1000) / elapsed_ms.max(1);
        let to_go = now.bytes_total.map(|total| total.saturating_sub(now.bytes));
        now.eta_secs = to_go.and_then(|to_go| to_go.checked_div(now.rate));
        let Ok(bytes) = serde_json::to_vec(&*now) else {
            return;
        };
        drop(self.write(&bytes));
    }
}
