//! What is in a tree, before any of it is copied. Nothing is opened but folders.

use std::fs::{self, DirEntry, FileType};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::cap::Tally;
use super::error::{SnapshotError, read, shown};
use super::links;
use super::rules::Rules;
use super::source::Source;

/// Folders in folders; each level may hold a path of 255 bytes more.
pub const CODE_DEPTH_MAX: usize = 128;

/// One file or link.
#[derive(Debug)]
pub struct Entry {
    /// Where it is.
    pub from: PathBuf,
    /// Where it belongs: relative to the tree.
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
}

impl Entry {
    /// Path and target of a link.
    fn link(&self) -> Option<(&Path, &Path)> {
        match &self.kind {
            EntryKind::File => None,
            EntryKind::Link(target) => Some((&self.path, target)),
        }
    }
}

/// What an entry is.
#[derive(Debug)]
pub enum EntryKind {
    /// A file.
    File,
    /// A link and what it says.
    Link(PathBuf),
}

/// What a tree holds.
#[derive(Debug)]
pub struct Scan {
    /// Sorted by path.
    pub entries: Vec<Entry>,
    /// How much it is.
    pub tally: Tally,
    /// What is left out though no rule says so.
    pub notes: Vec<String>,
}

/// Looks at the code. Folders of jobd's own that are `hidden` in it are no code.
///
/// # Errors
/// What cannot be read, links that leave the tree, too much.
pub fn scan(
    source: &Source,
    hidden: &[PathBuf],
    bytes_max: Option<u64>,
) -> Result<Scan, SnapshotError> {
    let mut scan = Scan {
        entries: Vec::new(),
        tally: Tally::new(bytes_max),
        notes: Vec::new(),
    };
    match source {
        Source::File { path, name } => {
            let bytes = fs::metadata(path).map_err(read(path))?.len();
            scan.push(path.clone(), name.clone(), EntryKind::File, bytes)?;
        }
        Source::Folder(root) => {
            let rules = Rules::of(root)?;
            Walk {
                root,
                rules,
                hidden,
            }
            .run(&mut scan)?;
        }
    }
    if let Some(complaint) = scan.tally.complaint() {
        return Err(SnapshotError::TooMuch(complaint));
    }
    scan.entries.sort_by(|one, other| one.path.cmp(&other.path));
    scan.check_links()?;
    Ok(scan)
}

/// Looks at a tree that is in the cache: everything in it is wanted.
///
/// # Errors
/// What cannot be read.
pub fn scan_stored(root: &Path) -> Result<Scan, SnapshotError> {
    let mut scan = Scan {
        entries: Vec::new(),
        tally: Tally::new(Some(u64::MAX)),
        notes: Vec::new(),
    };
    let rules = Rules::default();
    Walk {
        root,
        rules,
        hidden: &[],
    }
    .run(&mut scan)?;
    Ok(scan)
}

impl Scan {
    fn push(
        &mut self,
        from: PathBuf,
        path: PathBuf,
        kind: EntryKind,
        bytes: u64,
    ) -> Result<(), SnapshotError> {
        if !self.tally.add(&path, bytes) {
            let complaint = self.tally.complaint().unwrap_or_default();
            return Err(SnapshotError::TooMuch(complaint));
        }
        self.entries.push(Entry { from, path, kind });
        Ok(())
    }

    fn check_links(&self) -> Result<(), SnapshotError> {
        let links = self.entries.iter().filter_map(Entry::link).collect();
        for (path, target) in self.entries.iter().filter_map(Entry::link) {
            if let Some(why) = links::fault(path, &links) {
                return Err(SnapshotError::Link {
                    path: path.into(),
                    target: target.into(),
                    why,
                });
            }
        }
        Ok(())
    }
}

/// One way through a tree.
struct Walk<'a> {
    root: &'a Path,
    rules: Rules,
    hidden: &'a [PathBuf],
}

impl Walk<'_> {
    fn run(&self, scan: &mut Scan) -> Result<(), SnapshotError> {
        let mut folders = vec![(PathBuf::new(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            if depth > CODE_DEPTH_MAX {
                let max = CODE_DEPTH_MAX;
                return Err(SnapshotError::TooDeep { path: folder, max });
            }
            for path in self.one(&folder, scan)? {
                folders.push((path, depth + 1));
            }
        }
        Ok(())
    }

    /// One folder; the folders in it are answered.
    fn one(&self, folder: &Path, scan: &mut Scan) -> Result<Vec<PathBuf>, SnapshotError> {
        let place = self.root.join(folder);
        let listed = match fs::read_dir(&place) {
            // Nobody will miss what is left out, wholly or but for what it may hold.
            Err(_) if self.rules.leave_out(folder, true) => return Ok(Vec::new()),
            listed => listed.map_err(read(&place))?,
        };
        let mut folders = Vec::new();
        for listed in listed {
            let listed = listed.map_err(read(&place))?;
            let path = folder.join(listed.file_name());
            let kind = listed.file_type().map_err(read(&listed.path()))?;
            if kind.is_dir() {
                let pruned = self.rules.are_final() && self.rules.leave_out(&path, true);
                if !pruned && !self.hidden.contains(&listed.path()) {
                    folders.push(path);
                }
            } else {
                self.leaf(&listed, path, kind, scan)?;
            }
        }
        Ok(folders)
    }

    fn leaf(
        &self,
        listed: &DirEntry,
        path: PathBuf,
        kind: FileType,
        scan: &mut Scan,
    ) -> Result<(), SnapshotError> {
        let from = listed.path();
        // Azure ML walks through links to folders, so `data/` leaves out such a link, too.
        let is_folder = kind.is_symlink() && from.is_dir();
        if self.rules.leave_out(&path, is_folder)
            || (is_folder && self.rules.leave_out(&path, false))
        {
            return Ok(());
        }
        if kind.is_symlink() {
            let target = fs::read_link(&from).map_err(read(&from))?;
            scan.push(from, path, EntryKind::Link(target), 0)
        } else if kind.is_file() {
            let bytes = listed.metadata().map_err(read(&from))?.len();
            scan.push(from, path, EntryKind::File, bytes)
        } else {
            scan.notes.push(format!(
                "{} is left out: it is {}",
                shown(&path),
                name(kind)
            ));
            Ok(())
        }
    }
}

fn name(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}
