//! Room for the store's log (the `-wal` file of SQLite), taken before there is anything to write:
//! a commit that makes no file longer waits for its own data only (fdatasync(2)), and not for
//! whatever else the file system has to bring to the disk, such as the folders of jobs.
//!
//! SQLite takes no notice: what lies beyond the frames it knows is skipped, and zeroes are no
//! frame (sqlite.org/fileformat2.html, "The Write-Ahead Log").

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::schema::beside;

/// Bytes of the log before SQLite takes it into the store and begins it anew: 1,000 pages of
/// 4 KiB (`wal_autocheckpoint`), each with its header.
const LOG_BYTES: u64 = 1_000 * (4_096 + 24) + 32;
/// Bytes that are written at a time.
const ZEROES: usize = 64 << 10;

/// Makes the log as long as it will be. The caller is the only writer, and does not write
/// meanwhile.
///
/// # Errors
/// What the file system says; the store works without.
pub fn take(store: &Path) -> io::Result<()> {
    let log = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(beside(store, "-wal"))?;
    let length = log.metadata()?.len();
    if length < LOG_BYTES {
        fill(&log, length).inspect_err(|_| {
            // A full disk has other uses for it.
            drop(log.set_len(length));
        })?;
        log.sync_all()?;
    }
    Ok(())
}

fn fill(log: &File, mut at: u64) -> io::Result<()> {
    let zeroes = vec![0; ZEROES];
    while at < LOG_BYTES {
        let missing = usize::try_from(LOG_BYTES - at).unwrap_or(ZEROES);
        log.write_all_at(&zeroes[..missing.min(ZEROES)], at)?;
        at += missing.min(ZEROES) as u64;
    }
    Ok(())
}
