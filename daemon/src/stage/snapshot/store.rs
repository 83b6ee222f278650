//! The snapshots in the cache.
//!
//! ```text
//! CACHE/snapshots/sha256-DIGEST/tree/   the files, read-only
//! CACHE/snapshots/sha256-DIGEST/bytes   how many bytes they are
//! CACHE/snapshots/.new-…                one that is being built
//! CACHE/snapshots/.old-…                one that is being removed
//! ```
//! A snapshot is built under a name of its own and renamed when it is whole, so whoever comes
//! first wins and nobody waits. Whoever uses or builds one holds a shared lock on its folder;
//! whoever removes one must have the lock alone. The folder's time is that of the last use.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::{SnapshotError, cache};
use crate::sys::folder;

/// Snapshots that are kept.
pub const SNAPSHOTS_MAX: usize = 1_000;
/// Bytes of them.
pub const SNAPSHOTS_BYTES_MAX: u64 = 10 << 30;
/// Tries, where others build or remove the same snapshot at the same time.
const TRIES: usize = 16;

const PREFIX: &str = "sha256-";
const NEW: &str = ".new-";
const OLD: &str = ".old-";
const TREE: &str = "tree";
const BYTES: &str = "bytes";

/// All of them.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
}

/// One that stays while this lives.
#[derive(Debug)]
pub struct Held {
    folder: PathBuf,
    lock: File,
}

/// One that is being built; what is not kept is removed.
#[derive(Debug)]
pub struct Building {
    held: Option<Held>,
}

impl Held {
    /// Its files.
    pub fn tree(&self) -> PathBuf {
        self.folder.join(TREE)
    }
}

impl Building {
    /// The folder for its files.
    pub fn tree(&self) -> PathBuf {
        self.held.as_ref().map(Held::tree).unwrap_or_default()
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        if let Some(held) = &self.held {
            remove(&held.folder);
        }
    }
}

impl Store {
    /// Opens or makes it.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(cache_folder: &Path) -> Result<Store, SnapshotError> {
        let folder = cache_folder.join("snapshots");
        folder::make_all(&folder).map_err(cache(&folder))?;
        Ok(Store { folder })
    }

    /// Begins a new one.
    ///
    /// # Errors
    /// When there is no room.
    pub fn build(&self) -> Result<Building, SnapshotError> {
        for number in 0..TRIES {
            let path = self.passing(NEW, number);
            match folder::make_new(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made.map_err(cache(&path))?,
            }
            // Whoever tidies up may have been faster than the lock.
            if let Some(held) = hold(&path)? {
                let tree = held.tree();
                let building = Building { held: Some(held) };
                folder::make_new(&tree).map_err(cache(&tree))?;
                return Ok(building);
            }
        }
        Err(cache(&self.folder)(io::ErrorKind::AlreadyExists.into()))
    }

    /// Keeps what was built, or takes the one of that digest that is there.
    ///
    /// # Errors
    /// When it can neither be kept nor found.
    pub fn keep(
        &self,
        mut building: Building,
        digest: &str,
        bytes: u64,
    ) -> Result<Held, SnapshotError> {
        let path = self.path(digest);
        for _ in 0..TRIES {
            if let Some(held) = hold(&path)? {
                return Ok(held);
            }
            let Some(held) = &building.held else { break };
            let file = held.folder.join(BYTES);
            fs::write(&file, bytes.to_string()).map_err(cache(&file))?;
            match fs::rename(&held.folder, &path) {
                Ok(()) => {}
                Err(error) if is_taken(&error) => continue,
                Err(error) => return Err(cache(&path)(error)),
            }
            if let Some(Held { lock, .. }) = building.held.take() {
                return Ok(Held { folder: path, lock });
            }
        }
        Err(cache(&path)(io::ErrorKind::ResourceBusy.into()))
    }

    /// The one of that digest; none if it is not there.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn find(&self, digest: &str) -> Result<Option<Held>, SnapshotError> {
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_digest {
            hold(&self.path(digest))
        } else {
            Ok(None)
        }
    }

    /// Takes one away whoever uses it, since it is not what its name says.
    pub fn give_up(&self, held: &Held) {
        self.put_away(&held.folder);
    }

    /// Removes what was used longest ago while there is too much, and what killed stages left.
    pub fn make_room(&self) {
        self.make_room_for(SNAPSHOTS_MAX, SNAPSHOTS_BYTES_MAX);
    }

    fn make_room_for(&self, count_max: usize, bytes_max: u64) {
        let mut stored = self.list();
        stored.sort_by_key(|one| one.used);
        let mut count = stored.len();
        let mut bytes: u64 = stored.iter().map(|one| one.bytes).sum();
        for one in stored {
            if count <= count_max && bytes <= bytes_max {
                break;
            }
            if let Some(_alone) = alone(&one.path) {
                self.put_away(&one.path);
                count -= 1;
                bytes = bytes.saturating_sub(one.bytes);
            }
        }
    }

    fn list(&self) -> Vec<Stored> {
        let mut stored = Vec::new();
        for path in fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.path())
        {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(NEW) || name.starts_with(OLD) {
                if let Some(_alone) = alone(&path) {
                    remove(&path);
                }
            } else if let Ok(metadata) = fs::metadata(&path) {
                let bytes = fs::read_to_string(path.join(BYTES)).unwrap_or_default();
                stored.push(Stored {
                    used: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                    bytes: bytes.parse().unwrap_or_default(),
                    path,
                });
            }
        }
        stored
    }

    fn put_away(&self, path: &Path) {
        for number in 0..TRIES {
            let old = self.passing(OLD, number);
            match fs::rename(path, &old) {
                Ok(()) => return remove(&old),
                Err(error) if is_taken(&error) => {}
                Err(error) => return note(path, &error),
            }
        }
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{PREFIX}{digest}"))
    }

    fn passing(&self, prefix: &str, number: usize) -> PathBuf {
        let pid = std::process::id();
        self.folder.join(format!("{prefix}{pid}-{number}"))
    }
}

struct Stored {
    path: PathBuf,
    used: SystemTime,
    bytes: u64,
}

/// Holds the folder that has the name now; none if there is none.
fn hold(path: &Path) -> Result<Option<Held>, SnapshotError> {
    let lock = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(cache(path))?,
    };
    lock.lock_shared().map_err(cache(path))?;
    if !is_at(&lock, path) {
        return Ok(None);
    }
    lock.set_modified(SystemTime::now()).map_err(cache(path))?;
    let folder = path.to_owned();
    Ok(Some(Held { folder, lock }))
}

/// The lock that nobody else has; none if somebody has.
fn alone(path: &Path) -> Option<File> {
    let lock = File::open(path).ok()?;
    lock.try_lock().ok()?;
    is_at(&lock, path).then_some(lock)
}

fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(named)) = (file.metadata(), fs::metadata(path)) else {
        return false;
    };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

fn is_taken(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty};
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty)
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_dir_all(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        note(path, &error);
    }
}

/// What stays in the cache does no harm but for its room.
fn note(path: &Path, error: &io::Error) {
    eprintln!("note: {} stays in the cache: {error}", path.display());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn store(name: &str) -> Store {
        let name = format!("jobd-snapshots-{}-{name}", std::process::id());
        Store::open(&std::env::temp_dir().join(name)).unwrap()
    }

    fn end(store: &Store) {
        fs::remove_dir_all(store.folder.parent().unwrap()).unwrap();
    }

    fn put(store: &Store, digit: u64) -> Held {
        let building = store.build().unwrap();
        fs::write(building.tree().join("file"), "x").unwrap();
        let held = store.keep(building, &digest(digit), 10).unwrap();
        let used = SystemTime::UNIX_EPOCH + Duration::from_secs(digit);
        held.lock.set_modified(used).unwrap();
        held
    }

    fn digest(digit: u64) -> String {
        digit.to_string().repeat(64)
    }

    fn stored(store: &Store) -> Vec<u64> {
        let is_stored = |digit: &u64| store.path(&digest(*digit)).exists();
        (0..10).filter(is_stored).collect()
    }

    #[test]
    fn what_was_used_longest_ago_goes_and_what_is_in_use_stays() {
        let store = store("room");
        let held: Vec<Held> = (1..=5).map(|digit| put(&store, digit)).collect();
        store.make_room_for(0, 0);
        assert_eq!(stored(&store), [1, 2, 3, 4, 5], "all are held");
        let mut held = held.into_iter();
        let first = held.next();
        drop(held);
        store.make_room_for(5, 50);
        assert_eq!(stored(&store), [1, 2, 3, 4, 5], "there is room");
        store.make_room_for(4, 50);
        assert_eq!(stored(&store), [1, 3, 4, 5]);
        drop(store.find(&digest(3)).unwrap());
        store.make_room_for(10, 29);
        assert_eq!(stored(&store), [1, 3], "3 was used again, 1 is held");
        drop(first);
        end(&store);
    }

    #[test]
    fn what_was_not_kept_is_removed_and_the_first_one_wins() {
        let store = store("first");
        drop(store.build().unwrap());
        assert_eq!(fs::read_dir(&store.folder).unwrap().count(), 0);
        let first = put(&store, 1);
        let second = store.build().unwrap();
        let second = store.keep(second, &digest(1), 10).unwrap();
        assert_eq!(second.folder, first.folder);
        assert!(second.tree().join("file").exists());
        assert_eq!(fs::read_dir(&store.folder).unwrap().count(), 1);
        end(&store);
    }

    #[test]
    fn tidying_up_leaves_alone_what_is_being_built() {
        let store = store("tidy");
        let building = store.build().unwrap();
        store.make_room_for(0, 0);
        assert!(building.tree().exists());
        drop(building);
        end(&store);
    }
}
