//! Copies the files and links of a tree, and says of what was written what it is. Where the file
//! system can, the copy shares the blocks of the original.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::digest::{self, Leaf, LeafKind};
use super::error::{SnapshotError, read, write};
use super::scan::{Entry, EntryKind, Scan};
use crate::stage::meter::Meter;
use crate::sys::reflink;

/// Bytes that are copied at once.
const CHUNK_BYTES: usize = 256 << 10;
/// The folder of the job where jobd's files are beside the code's, and stay.
const JOBD_TOO: &str = "user_logs";
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
pub fn copy(scan: &Scan, place: Place<'_>, meter: &Meter) -> Result<Vec<Leaf>, SnapshotError> {
    Copy::new(scan, Some(place), meter).run(scan)
}

/// Only reads everything: what a copy would be.
///
/// # Errors
/// What cannot be read, named.
pub fn look(scan: &Scan, meter: &Meter) -> Result<Vec<Leaf>, SnapshotError> {
    Copy::new(scan, None, meter).run(scan)
}

struct Copy<'a> {
    place: Option<Place<'a>>,
    meter: &'a Meter,
    /// Bytes that may still come: a file may grow faster than it is read.
    left: u64,
    chunk: Vec<u8>,
    /// The folder that was made last.
    made: PathBuf,
}

impl<'a> Copy<'a> {
    fn new(scan: &Scan, place: Option<Place<'a>>, meter: &'a Meter) -> Copy<'a> {
        Copy {
            place,
            meter,
            left: scan.tally.bytes_max(),
            chunk: vec![0; CHUNK_BYTES],
            made: PathBuf::new(),
        }
    }

    fn run(mut self, scan: &Scan) -> Result<Vec<Leaf>, SnapshotError> {
        let mut leaves = Vec::with_capacity(scan.entries.len());
        for entry in &scan.entries {
            let place = self.place;
            if let Some(place) = place {
                self.make_folder(place, entry.path.parent().unwrap_or(Path::new("")))?;
            }
            leaves.push(match &entry.kind {
                EntryKind::Link(target) => link(place, entry, target)?,
                EntryKind::File => self.file(place, entry)?,
            });
            self.meter.file();
        }
        Ok(leaves)
    }

    fn make_folder(&mut self, place: Place<'_>, folder: &Path) -> Result<(), SnapshotError> {
        if self.made != folder {
            let path = place.folder().join(folder);
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(place.folder_mode());
            builder.create(&path).map_err(write(&path))?;
            self.made = folder.into();
        }
        Ok(())
    }

    fn file(&mut self, place: Option<Place<'_>>, entry: &Entry) -> Result<Leaf, SnapshotError> {
        let from = open(&entry.from)?;
        let metadata = from.metadata().map_err(read(&entry.from))?;
        let kind = match metadata.permissions().mode() & EXECUTABLE {
            0 => LeafKind::File,
            _ => LeafKind::Executable,
        };
        let (content, bytes) = match place {
            None => self.pump(&mut &from, None, entry)?,
            Some(place) => {
                let mut options = OpenOptions::new();
                options.read(true).write(true).create_new(true);
                options.mode(place.mode(kind));
                let to = place.folder().join(&entry.path);
                let mut copied = create(place, &entry.path, || options.open(&to))?;
                if reflink::share(&from, &copied).is_ok() {
                    self.pump(&mut copied, None, entry)?
                } else {
                    self.pump(&mut &from, Some((&mut copied, &to)), entry)?
                }
            }
        };
        Ok(Leaf {
            path: entry.path.clone(),
            kind,
            content,
            bytes,
        })
    }

    /// Reads to the end, and writes what was read if it is to be written.
    fn pump(
        &mut self,
        from: &mut impl Read,
        mut into: Option<(&mut File, &Path)>,
        entry: &Entry,
    ) -> Result<([u8; 32], u64), SnapshotError> {
        let mut hash = Sha256::new();
        let mut bytes = 0;
        loop {
            let count = match from.read(&mut self.chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                count => count.map_err(read(&entry.from))?,
            };
            let Some(chunk) = self.chunk.get(..count).filter(|chunk| !chunk.is_empty()) else {
                return Ok((hash.finalize().into(), bytes));
            };
            let left = self.left.checked_sub(count as u64);
            self.left = left.ok_or_else(|| SnapshotError::Grown(entry.from.clone()))?;
            hash.update(chunk);
            if let Some((into, path)) = &mut into {
                into.write_all(chunk).map_err(write(path))?;
            }
            bytes += count as u64;
            self.meter.bytes(count as u64);
        }
    }
}

fn link(place: Option<Place<'_>>, entry: &Entry, target: &Path) -> Result<Leaf, SnapshotError> {
    if let Some(place) = place {
        let to = place.folder().join(&entry.path);
        create(place, &entry.path, || symlink(target, &to))?;
    }
    Ok(Leaf {
        path: entry.path.clone(),
        kind: LeafKind::Link,
        content: digest::of(target.as_os_str().as_bytes()),
        bytes: 0,
    })
}

/// Makes a file or link of a new name; what an earlier try left is replaced, jobd's files are not.
fn create<T>(
    place: Place<'_>,
    path: &Path,
    make: impl Fn() -> io::Result<T>,
) -> Result<T, SnapshotError> {
    let to = place.folder().join(path);
    match make() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_folder = fs::symlink_metadata(&to).is_ok_and(|found| found.is_dir());
            if is_folder || path.starts_with(JOBD_TOO) {
                return Err(SnapshotError::Taken(path.into()));
            }
            fs::remove_file(&to).map_err(write(&to))?;
            make().map_err(write(&to))
        }
        made => made.map_err(write(&to)),
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
