//! What was fetched, kept once by its content within a bound.
//!
//! `blobs/SHA256` is the content, `index/KEY` says which content an address had in which version,
//! `partial/KEY` is a fetch on its way. The lock of a partial file is held by whoever fetches it,
//! so that many jobs fetch once; a shared lock on a blob keeps it from being given up. A job has
//! its own link or copy: what is given up here stays with the jobs that have it.

use std::cell::Cell;
use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use proto::stage::StageOrder;
use serde::{Deserialize, Serialize};

use super::error::{DataError, io_of};
use super::partial::TURN;
use super::remote::Version;
use crate::sys::{atomic, folder};

/// The most bytes of the cache, unless the configuration says otherwise.
pub const CACHE_BYTES_MAX: u64 = 10 << 30;
/// The most records of the cache: as many as the files of one input, or that would never be found.
pub const CACHE_RECORDS_MAX: usize = super::remote::LISTED_FILES_MAX;
/// When there are more, one in so many goes: they are not counted one by one.
const FORGOTTEN: usize = 10;
/// The most bytes of a record of the cache.
const RECORD_BYTES: u64 = 64 << 10;
/// Contents are for everyone's reading and nobody's writing.
const BLOB_MODE: u32 = 0o444;
/// Since 1970: any time would do that nobody happens to set.
const CONTENT_TIME: Duration = Duration::from_secs(1_000_000_000);

/// The cache.
pub(super) struct Cache {
    root: PathBuf,
    bytes_max: u64,
    pub(super) records_max: usize,
    /// Bytes that it held at the last look, and what was promised room since.
    held: Cell<Option<u64>>,
}

/// What is known of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) version: Version,
    pub(super) sha256: String,
    pub(super) bytes: u64,
    /// How often the store was asked: who waited knows that it was asked meanwhile.
    pub(super) checks: u64,
}

/// A content that stays while this lives.
#[derive(Debug)]
pub(super) struct Blob {
    pub(super) path: PathBuf,
    pub(super) sha256: String,
    pub(super) bytes: u64,
    _lock: File,
}

impl Cache {
    /// Makes its folders.
    pub(super) fn new(root: &Path, bytes_max: Option<u64>) -> Result<Cache, DataError> {
        let root = root.join("data");
        for name in ["blobs", "index", "partial"] {
            let path = root.join(name);
            folder::make_all(&path).map_err(io_of("make the folder", &path))?;
        }
        Ok(Cache {
            root,
            bytes_max: bytes_max.unwrap_or(CACHE_BYTES_MAX),
            records_max: CACHE_RECORDS_MAX,
            held: Cell::new(None),
        })
    }

    /// The cache of an order.
    pub(super) fn of(order: &StageOrder) -> Result<Cache, DataError> {
        Cache::new(&order.cache, order.settings.cache_bytes_max)
    }

    /// The file of a fetch on its way.
    pub(super) fn partial(&self, key: &str) -> PathBuf {
        self.root.join("partial").join(key)
    }

    fn index(&self, key: &str) -> PathBuf {
        self.root.join("index").join(key)
    }

    fn blob(&self, sha256: &str) -> PathBuf {
        self.root.join("blobs").join(sha256)
    }

    /// What is known of an address. A record that cannot be read is as good as none.
    pub(super) fn record(&self, key: &str) -> Option<Record> {
        let file = File::open(self.index(key)).ok()?;
        touch(&file);
        read(&file)
    }

    /// The content of a record, if it is there as it was.
    pub(super) fn get(&self, record: &Record) -> Option<Blob> {
        let blob = self.take(&record.sha256)?;
        (blob.bytes == record.bytes).then_some(blob)
    }

    /// The content of this hash, if it is there.
    pub(super) fn get_by_hash(&self, sha256: &str) -> Option<Blob> {
        let is_name = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_name {
            return None;
        }
        self.take(sha256)
    }

    fn take(&self, sha256: &str) -> Option<Blob> {
        let path = self.blob(sha256);
        let file = File::open(&path).ok()?;
        file.try_lock_shared().ok()?;
        let metadata = file.metadata().ok()?;
        if metadata.nlink() == 0 {
            return None;
        }
        if metadata.modified().ok()? != untouched() {
            // Somebody wrote to it: nobody shall have it.
            drop(fs::remove_file(&path));
            return None;
        }
        touch(&file);
        Some(Blob {
            path,
            sha256: sha256.into(),
            bytes: metadata.len(),
            _lock: file,
        })
    }

    /// Makes a whole fetch a content. `file` is the partial file with its lock.
    pub(super) fn keep(
        &self,
        key: &str,
        file: File,
        sha256: &str,
        version: Version,
    ) -> Result<Blob, DataError> {
        let (partial, path) = (self.partial(key), self.blob(sha256));
        file.set_permissions(Permissions::from_mode(BLOB_MODE))
            .and_then(|()| file.set_times(FileTimes::new().set_modified(untouched())))
            .and_then(|()| fs::rename(&partial, &path))
            .map_err(io_of("keep", &partial))?;
        drop(fs::remove_file(partial.with_extension("json")));
        // From the only one who may write to one of many who may read.
        file.lock_shared().map_err(io_of("lock", &path))?;
        let metadata = file.metadata().map_err(io_of("look at", &path))?;
        touch(&file);
        let record = Record {
            version,
            sha256: sha256.into(),
            bytes: metadata.len(),
            checks: self.record(key).map_or(0, |record| record.checks) + 1,
        };
        self.write(key, &record)?;
        Ok(Blob {
            path,
            sha256: sha256.into(),
            bytes: metadata.len(),
            _lock: file,
        })
    }

    /// The store said that nothing has changed.
    pub(super) fn confirm(&self, key: &str, record: &Record) -> Result<(), DataError> {
        let record = Record {
            checks: record.checks + 1,
            ..record.clone()
        };
        self.write(key, &record)
    }

    fn write(&self, key: &str, record: &Record) -> Result<(), DataError> {
        let path = self.index(key);
        let written = serde_json::to_vec(record)
            .map_err(io::Error::from)
            .and_then(|bytes| {
                let folder = File::open(self.root.join("index"))?;
                atomic::write_at(&folder, key, &bytes)
            });
        written.map_err(io_of("write", &path))
    }

    /// Makes room for so many bytes. It looks only where they may not fit: a folder has many files.
    pub(super) fn make_room(&self, more: u64) {
        let fits = |held: &u64| held.saturating_add(more) <= self.bytes_max;
        let held = match self.held.get().filter(fits) {
            Some(held) => held,
            None => self.trim_for(more),
        };
        self.held.set(Some(held.saturating_add(more)));
    }

    /// Makes it as small as it has to be.
    pub(super) fn trim(&self) {
        self.held.set(Some(self.trim_for(0)));
        self.forget_oldest();
    }

    /// The records that were not used for longest, where there are too many: an address that is
    /// another one every day, with its signature, has one for each.
    fn forget_oldest(&self) {
        let count = fs::read_dir(self.root.join("index")).map_or(0, Iterator::count);
        if count <= self.records_max {
            return;
        }
        let mut entries = self.entries("index");
        entries.sort_by_key(|entry| entry.used);
        let kept = self.records_max - self.records_max / FORGOTTEN;
        for entry in entries.iter().take(entries.len().saturating_sub(kept)) {
            self.forget(&entry.path);
        }
    }

    /// Gives up what was not used for longest until `more` bytes fit too; answers what is held
    /// then. What is locked stays.
    fn trim_for(&self, more: u64) -> u64 {
        let mut entries = self.entries("blobs");
        entries.extend(self.entries("partial"));
        let mut held: u64 = entries.iter().map(|entry| entry.bytes).sum();
        // What does not fit in any case does not drive the rest out.
        let more = if more > self.bytes_max { 0 } else { more };
        let allowed = self.bytes_max.saturating_sub(more);
        if held <= allowed {
            return held;
        }
        entries.sort_by_key(|entry| (entry.bytes <= self.bytes_max, entry.used));
        for entry in &entries {
            if held <= allowed {
                break;
            }
            if entry.give_up() {
                held -= entry.bytes;
            }
        }
        self.forget_lost();
        held
    }

    /// Whether it made room where a disk was full, so that another try may do better: on another
    /// disk than its own it cannot.
    pub(super) fn makes_room(&self, error: &DataError, bytes: u64) -> bool {
        let disk = |path: &Path| {
            let there = path.ancestors().find_map(|path| path.metadata().ok());
            there.map(|metadata| metadata.dev())
        };
        let full = error.found_no_room_for().map(disk);
        full.is_some_and(|full| full == disk(&self.root)) && self.free(bytes)
    }

    /// Gives up what was not used for longest until so many bytes are free. What a job has a link
    /// to would free none. Whether there was anything.
    fn free(&self, bytes: u64) -> bool {
        let mut entries = self.entries("blobs");
        entries.extend(self.entries("partial"));
        entries.retain(|entry| !entry.is_linked && entry.bytes > 0);
        entries.sort_by_key(|entry| entry.used);
        let mut freed = 0;
        for entry in &entries {
            if freed > bytes {
                break;
            }
            if entry.give_up() {
                freed += entry.bytes;
            }
        }
        self.forget_lost();
        self.held.set(None);
        freed > 0
    }

    /// Records whose content is gone.
    fn forget_lost(&self) {
        for entry in self.entries("index") {
            let record = File::open(&entry.path).ok().and_then(|file| read(&file));
            let is_there = record.is_some_and(|record| self.blob(&record.sha256).exists());
            if !is_there {
                self.forget(&entry.path);
            }
        }
    }

    fn forget(&self, record: &Path) {
        drop(fs::remove_file(record));
        if let Some(key) = record.file_name().and_then(|name| name.to_str()) {
            give_up(&self.partial(key).with_extension(TURN));
        }
    }

    fn entries(&self, folder: &str) -> Vec<Entry> {
        let Ok(read) = fs::read_dir(self.root.join(folder)) else {
            return Vec::new();
        };
        read.filter_map(|entry| {
            // What goes with a partial file is given up with it.
            let path = entry.ok()?.path();
            if path.extension().is_some() {
                return None;
            }
            let metadata = path.symlink_metadata().ok()?;
            Some(Entry {
                used: metadata.accessed().ok()?.max(metadata.modified().ok()?),
                bytes: metadata.len(),
                is_linked: metadata.nlink() > 1,
                path,
            })
        })
        .collect()
    }
}

/// Copies, and again as long as the cache makes room for so many bytes on a full disk.
pub(super) fn copy_with_room(
    order: &StageOrder,
    bytes: u64,
    copy: impl Fn() -> Result<(), DataError>,
) -> Result<(), DataError> {
    let makes_room = |error: &_| Cache::of(order).is_ok_and(|it| it.makes_room(error, bytes));
    loop {
        match copy() {
            Err(error) if makes_room(&error) => {}
            copied => return copied,
        }
    }
}

struct Entry {
    path: PathBuf,
    bytes: u64,
    is_linked: bool,
    used: SystemTime,
}

impl Entry {
    /// Whether nobody holds it, and it is gone.
    fn give_up(&self) -> bool {
        let is_gone = give_up(&self.path);
        if is_gone {
            drop(fs::remove_file(self.path.with_extension("json")));
        }
        is_gone
    }
}

/// Removes a file that nobody holds.
fn give_up(path: &Path) -> bool {
    let Ok(file) = OpenOptions::new().read(true).open(path) else {
        return false;
    };
    file.try_lock().is_ok() && fs::remove_file(path).is_ok()
}

fn read(record: &File) -> Option<Record> {
    let bytes = atomic::read_file_bounded(record, RECORD_BYTES).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// It is used now. What cannot be told so is given up sooner.
fn touch(file: &File) {
    drop(file.set_times(FileTimes::new().set_accessed(SystemTime::now())));
}

/// The time of every content. One that was written to since has another, and is not trusted.
fn untouched() -> SystemTime {
    SystemTime::UNIX_EPOCH + CONTENT_TIME
}
