//! Copies the files and links of a tree, and says of what was written what it is. Where the file
//! system can, the copy shares the blocks of the original.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::cap::Tally;
use super::digest::{self, Leaf, LeafKind};
use super::error::{SnapshotError, read, write};
use super::scan::{Entry, EntryKind, Scan};
use crate::stage::meter::Meter;
use crate::sys::reflink;

/// Bytes that are copied at once.
const CHUNK_BYTES: usize = 256 << 10;
/// The owner may execute it.
const EXECUTABLE: u32 = 0o100;

/// Where a copy goes, which says who may do what with it.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// Into a new folder of the cache: nobody is to change it.
    Cache(&'a Path),
    /// Into the job's folder, which has files already: they stay. What an earlier try has left
    /// in the job's own part is replaced.
    Job(&'a Path),
}

impl Place<'_> {
    fn folder(&self) -> &Path {
        match self {
            Place::Cache(folder) | Place::Job(folder) => folder,
        }
    }

    fn mode(&self, kind: LeafKind) -> u32 {
        match (self, kind) {
            (Place::Cache(_), LeafKind::Executable) => 0o500,
            (Place::Cache(_), _) => 0o400,
            (Place::Job(_), LeafKind::Executable) => 0o777,
            (Place::Job(_), _) => 0o666,
        }
    }

    fn folder_mode(&self) -> u32 {
        match self {
            Place::Cache(_) => 0o700,
            Place::Job(_) => 0o777,
        }
    }
}

/// Copies everything.
///
/// # Errors
/// What cannot be read or written, named; the copy is then there in part.
pub fn copy(
    scan: &Scan,
    place: Place<'_>,
    own: &[&str],
    meter: &Meter,
) -> Result<Vec<Leaf>, SnapshotError> {
    let mut copy = Copy {
        place,
        own,
        meter,
        left: scan.tally.bytes_max(),
        tally: &scan.tally,
        chunk: vec![0; CHUNK_BYTES],
        made: PathBuf::new(),
    };
    scan.entries.iter().map(|entry| copy.entry(entry)).collect()
}

struct Copy<'a> {
    place: Place<'a>,
    own: &'a [&'a str],
    meter: &'a Meter,
    /// Bytes that may still come: a file may grow faster than it is read.
    left: u64,
    tally: &'a Tally,
    chunk: Vec<u8>,
    /// The folder that was made last.
    made: PathBuf,
}

impl Copy<'_> {
    fn entry(&mut self, entry: &Entry) -> Result<Leaf, SnapshotError> {
        self.make_folder(entry.path.parent().unwrap_or(Path::new("")))?;
        let to = self.place.folder().join(&entry.path);
        let leaf = match &entry.kind {
            EntryKind::Link(target) => {
                self.create(&entry.path, &to, || symlink(target, &to))?;
                Leaf {
                    path: entry.path.clone(),
                    kind: LeafKind::Link,
                    content: digest::of(target.as_os_str().as_bytes()),
                    bytes: 0,
                }
            }
            EntryKind::File => self.file(entry, &to)?,
        };
        self.meter.file();
        Ok(leaf)
    }

    fn make_folder(&mut self, folder: &Path) -> Result<(), SnapshotError> {
        if self.made != folder {
            let path = self.place.folder().join(folder);
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(self.place.folder_mode());
            builder.create(&path).map_err(write(&path))?;
            self.made = folder.into();
        }
        Ok(())
    }

    fn file(&mut self, entry: &Entry, to: &Path) -> Result<Leaf, SnapshotError> {
        let from = open(&entry.from)?;
        let metadata = from.metadata().map_err(read(&entry.from))?;
        let kind = match metadata.permissions().mode() & EXECUTABLE {
            0 => LeafKind::File,
            _ => LeafKind::Executable,
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        options.mode(self.place.mode(kind));
        let mut copied = self.create(&entry.path, to, || options.open(to))?;
        let (content, bytes) = if reflink::share(&from, &copied).is_ok() {
            self.pump(&mut copied, None, &entry.from, to)?
        } else {
            self.pump(&mut &from, Some(&mut copied), &entry.from, to)?
        };
        Ok(Leaf {
            path: entry.path.clone(),
            kind,
            content,
            bytes,
        })
    }

    /// Makes a file or link of a new name.
    fn create<T>(
        &self,
        path: &Path,
        to: &Path,
        make: impl Fn() -> io::Result<T>,
    ) -> Result<T, SnapshotError> {
        let is_own = path
            .iter()
            .next()
            .is_some_and(|top| self.own.iter().any(|own| top == *own));
        match make() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if is_own || fs::symlink_metadata(to).is_ok_and(|found| found.is_dir()) {
                    return Err(SnapshotError::Taken(path.into()));
                }
                fs::remove_file(to).map_err(write(to))?;
                make().map_err(write(to))
            }
            made => made.map_err(write(to)),
        }
    }

    /// Reads to the end, and writes what was read if it is to be written.
    fn pump(
        &mut self,
        from: &mut impl Read,
        mut into: Option<&mut File>,
        from_path: &Path,
        to: &Path,
    ) -> Result<([u8; 32], u64), SnapshotError> {
        let mut hash = Sha256::new();
        let mut bytes = 0;
        loop {
            let count = match from.read(&mut self.chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                count => count.map_err(read(from_path))?,
            };
            let Some(chunk) = self.chunk.get(..count).filter(|chunk| !chunk.is_empty()) else {
                return Ok((hash.finalize().into(), bytes));
            };
            self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
                let what = format!("{} grew while it was read", super::error::shown(from_path));
                SnapshotError::TooMuch(self.tally.complaint().unwrap_or(what))
            })?;
            hash.update(chunk);
            if let Some(into) = &mut into {
                into.write_all(chunk).map_err(write(to))?;
            }
            bytes += count as u64;
            self.meter.bytes(count as u64);
        }
    }
}

/// Opens a file that was one a moment ago: a link or a pipe in its place does no harm.
fn open(path: &Path) -> Result<File, SnapshotError> {
    let mut options = OpenOptions::new();
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let opened = options.read(true).custom_flags(flags).open(path);
    let file = match opened {
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Err(SnapshotError::Changed(path.into()));
        }
        opened => opened.map_err(read(path))?,
    };
    let is_file = file.metadata().map_err(read(path))?.is_file();
    is_file
        .then_some(file)
        .ok_or_else(|| SnapshotError::Changed(path.into()))
}
