//! A fetch on its way: bytes that are there, and the version they are of.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use md5::Md5;
use sha2::{Digest, Sha256};

use super::digest::hex;
use super::error::{DataError, io_of};
use super::remote::Version;
use crate::sys::atomic;

/// The right to fetch an address. It outlives the partial file, which becomes a content before it
/// is noted whose content it is.
pub(super) struct Turn {
    path: PathBuf,
    _lock: File,
}

impl Drop for Turn {
    /// Whoever has opened the file looks whether it is still the one of that name.
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

/// How often who waits for another's fetch looks again.
const WAIT_PAUSE: Duration = Duration::from_millis(100);
/// What the name of a lock that gives the turn ends with.
pub(super) const TURN: &str = "turn";
const VERSION_BYTES: u64 = 64 << 10;
const CHUNK: usize = 1 << 20;

/// The file, locked.
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    turn: Turn,
    length: u64,
    version: Version,
    /// The most bytes that were ever there: more are news to onlookers.
    told: u64,
    /// When the last byte came.
    pub(super) last: Instant,
}

impl Partial {
    /// Waits until nobody else fetches this, and goes on where the last one ended.
    pub(super) async fn claim(
        path: PathBuf,
        mut waiting: impl FnMut(),
    ) -> Result<Partial, DataError> {
        let (turn, file) = loop {
            match try_claim(&path).map_err(io_of("lock", &path))? {
                Some(both) => break both,
                None => {
                    waiting();
                    tokio::time::sleep(WAIT_PAUSE).await;
                }
            }
        };
        let length = file.metadata().map_err(io_of("look at", &path))?.len();
        let mut partial = Partial {
            version: read_version(&path).unwrap_or_default(),
            path,
            file,
            turn,
            length,
            told: 0,
            last: Instant::now(),
        };
        if length > 0 && !partial.version.is_proof() {
            partial.restart(Version::default())?;
        }
        partial.seek_end()?;
        Ok(partial)
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn version(&self) -> &Version {
        &self.version
    }

    /// Bytes that onlookers have not been told of.
    pub(super) fn news(&mut self) -> u64 {
        let news = self.length.saturating_sub(self.told);
        self.told += news;
        news
    }

    /// From the first byte, of this version.
    pub(super) fn restart(&mut self, version: Version) -> Result<(), DataError> {
        self.file.set_len(0).map_err(io_of("empty", &self.path))?;
        self.length = 0;
        self.seek_end()?;
        let bytes = serde_json::to_vec(&version).unwrap_or_default();
        let noted = self.path.with_extension("json");
        std::fs::write(&noted, bytes).map_err(io_of("write", &noted))?;
        self.version = version;
        Ok(())
    }

    fn seek_end(&mut self) -> Result<(), DataError> {
        let sought = self.file.seek(SeekFrom::Start(self.length));
        sought.map(drop).map_err(io_of("write", &self.path))
    }

    /// More bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        self.file
            .write_all(bytes)
            .map_err(io_of("write", &self.path))?;
        self.length += bytes.len() as u64;
        self.last = Instant::now();
        Ok(())
    }

    /// The hashes of what is on the disk: what counts is what can be read back. Whoever else is
    /// waiting for bytes has a look at them in between, or would take the time for a stall.
    pub(super) async fn hashes(&mut self, with_md5: bool) -> Result<(String, [u8; 16]), DataError> {
        let (mut sha256, mut md5) = (Sha256::new(), Md5::default());
        let mut chunk = vec![0; CHUNK];
        self.file
            .seek(SeekFrom::Start(0))
            .map_err(io_of("read", &self.path))?;
        loop {
            let read = self
                .file
                .read(&mut chunk)
                .map_err(io_of("read", &self.path))?;
            if read == 0 {
                break;
            }
            sha256.update(&chunk[..read]);
            if with_md5 {
                md5::Digest::update(&mut md5, &chunk[..read]);
            }
            tokio::task::yield_now().await;
        }
        self.seek_end()?;
        Ok((hex(&sha256.finalize()), md5::Digest::finalize(md5).into()))
    }

    /// The file with its lock, whole, and the turn, which is to be kept until it is noted what the
    /// file is.
    pub(super) fn into_file(self) -> (File, Turn) {
        (self.file, self.turn)
    }

    /// Gives the disk back: the file is not needed, or there is no room for it.
    pub(super) fn discard(self) {
        drop(std::fs::remove_file(&self.path));
        drop(std::fs::remove_file(self.path.with_extension("json")));
    }
}

/// The turn and the file with its lock; none while another has them.
fn try_claim(path: &Path) -> io::Result<Option<(Turn, File)>> {
    let turn = path.with_extension(TURN);
    let Some(lock) = try_lock(&turn)? else {
        return Ok(None);
    };
    let turn = Turn {
        path: turn,
        _lock: lock,
    };
    Ok(try_lock(path)?.map(|file| (turn, file)))
}

fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    match file.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
        Err(std::fs::TryLockError::Error(error)) => return Err(error),
        Ok(()) => {}
    }
    // The one that was locked may have become a content, or be gone: then there is a new one.
    let is_same = path.symlink_metadata().is_ok_and(|named| {
        file.metadata()
            .is_ok_and(|held| (held.dev(), held.ino()) == (named.dev(), named.ino()))
    });
    Ok(is_same.then_some(file))
}

fn read_version(path: &Path) -> Option<Version> {
    let noted = path.with_extension("json");
    let bytes = atomic::read_bounded(&noted, VERSION_BYTES).ok()??;
    serde_json::from_slice(&bytes).ok()
}
