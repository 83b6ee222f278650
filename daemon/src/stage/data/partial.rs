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
    lock: File,
}

/// What comes of a claim.
pub(super) enum Claim {
    /// The right to fetch, with what is there.
    Partial(Partial),
    /// Whoever was waited for has failed so, and another try would take as long.
    Failed(String),
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
/// Bytes of what is told to those who wait.
const TOLD_BYTES: u64 = 4 << 10;
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
    pub(super) async fn claim(path: PathBuf, waiting: impl FnMut()) -> Result<Claim, DataError> {
        let turn = Turn::wait_for(path.with_extension(TURN), waiting).await;
        let turn = match turn.map_err(io_of("lock", &path))? {
            Ok(turn) => turn,
            Err(told) => return Ok(Claim::Failed(told)),
        };
        // Only who makes room holds it, for a moment.
        let file = loop {
            match try_lock(&path).map_err(io_of("lock", &path))? {
                Some(file) => break file,
                None => tokio::time::sleep(WAIT_PAUSE).await,
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
        Ok(Claim::Partial(partial))
    }

    /// Tells those who wait that they need not try for themselves.
    pub(super) fn tell_failure(&mut self, cause: &str) {
        // Whoever is not told tries for himself.
        drop(self.turn.lock.write_all(cause.as_bytes()));
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

    /// Without what was written when the disk was full.
    pub(super) fn cut_back(&mut self) -> Result<(), DataError> {
        let cut = self.file.set_len(self.length);
        cut.map_err(io_of("empty", &self.path))?;
        self.seek_end()
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

impl Turn {
    /// Waits for it; the error is what its last holder has told those who wait. That stands in the
    /// file which he has removed and they have open, so nobody who comes later reads it.
    async fn wait_for(
        path: PathBuf,
        mut waiting: impl FnMut(),
    ) -> io::Result<Result<Turn, String>> {
        loop {
            let lock = open(&path)?;
            while !is_locked(&lock)? {
                waiting();
                tokio::time::sleep(WAIT_PAUSE).await;
            }
            if is_named(&lock, &path) {
                // One that was killed may have told something and not removed it.
                lock.set_len(0)?;
                return Ok(Ok(Turn { path, lock }));
            }
            let mut told = String::new();
            (&lock).take(TOLD_BYTES).read_to_string(&mut told)?;
            if !told.is_empty() {
                return Ok(Err(told));
            }
        }
    }
}

/// Opens the file of a lock, or makes it.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
}

/// Whether it is locked for us now.
fn is_locked(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => Ok(false),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
        Ok(()) => Ok(true),
    }
}

/// The one that was locked may have become a content, or be gone: then there is a new one.
fn is_named(file: &File, path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|named| {
        file.metadata()
            .is_ok_and(|held| (held.dev(), held.ino()) == (named.dev(), named.ino()))
    })
}

fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = open(path)?;
    Ok((is_locked(&file)? && is_named(&file, path)).then_some(file))
}

fn read_version(path: &Path) -> Option<Version> {
    let noted = path.with_extension("json");
    let bytes = atomic::read_bounded(&noted, VERSION_BYTES).ok()??;
    serde_json::from_slice(&bytes).ok()
}
