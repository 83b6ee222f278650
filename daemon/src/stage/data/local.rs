//! Files and folders of this machine: looked at, copied, hashed. Links are followed, as an upload
//! follows them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use globset::GlobMatcher;

use super::digest;
use super::error::{DataError, io_of};
use crate::stage::meter::Meter;

/// The most files of one input or output.
pub const TREE_FILES_MAX: usize = 1_000_000;
/// The most folders within each other.
pub const TREE_DEPTH_MAX: usize = 100;
/// Bytes of a piece: when it is copied, onlookers hear of it.
const CHUNK: u64 = 16 << 20;

/// What a type of data needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    File,
    Folder,
    /// A model may be either.
    Any,
}

impl Shape {
    /// What a type of Azure ML needs.
    pub(super) fn of(kind: &str) -> Shape {
        match kind {
            "uri_file" => Shape::File,
            "uri_folder" | "mltable" => Shape::Folder,
            _ => Shape::Any,
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Shape::File => "a file",
            _ => "a folder",
        }
    }
}

/// Files below a folder, or one file alone (whose path is empty).
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Relative path → where it is and how long.
    pub(super) files: BTreeMap<PathBuf, Found>,
    /// Relative paths, parents first.
    pub(super) folders: Vec<PathBuf>,
    /// What is neither file nor folder, or leads nowhere.
    pub(super) left_out: Vec<PathBuf>,
}

#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    mode: u32,
}

/// Looks at what a path leads to and whether it is what the type needs.
pub(super) fn look(path: &Path, kind: &str) -> Result<Metadata, DataError> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let wild = path.to_string_lossy().contains(['*', '?']);
            let hint = if wild {
                "; wildcards are not expanded"
            } else {
                ""
            };
            return Err(DataError::Missing(format!("{}{hint}", path.display())));
        }
        looked => looked.map_err(io_of("look at", path))?,
    };
    let shape = Shape::of(kind);
    let found = match (metadata.is_file(), metadata.is_dir()) {
        (true, _) if shape != Shape::Folder => None,
        (_, true) if shape != Shape::File => None,
        (true, _) => Some("a file"),
        (_, true) => Some("a folder"),
        _ => Some("neither a file nor a folder"),
    };
    if let Some(found) = found {
        return Err(DataError::Kind {
            path: path.display().to_string(),
            found,
            kind: kind.into(),
            wanted: shape.wanted(),
        });
    }
    if kind == "mltable" {
        check_mltable(path)?;
    }
    Ok(metadata)
}

/// A folder of type `mltable` has a file of that name.
pub(super) fn check_mltable(folder: &Path) -> Result<(), DataError> {
    match folder.join("MLTable").is_file() {
        true => Ok(()),
        false => {
            let path = folder.display();
            Err(DataError::Missing(format!("MLTable in the folder {path}")))
        }
    }
}

impl Tree {
    /// Everything below a path, or the file itself.
    pub(super) fn walk(root: &Path) -> Result<Tree, DataError> {
        let mut tree = Tree::default();
        let metadata = fs::metadata(root).map_err(io_of("look at", root))?;
        if metadata.is_file() {
            tree.add_file(PathBuf::new(), root.into(), &metadata);
            return Ok(tree);
        }
        let mut above = vec![(metadata.dev(), metadata.ino())];
        tree.walk_folder(root, Path::new(""), &mut above)?;
        Ok(tree)
    }

    fn add_file(&mut self, name: PathBuf, path: PathBuf, metadata: &Metadata) {
        let found = Found {
            path,
            bytes: metadata.len(),
            mode: metadata.mode(),
        };
        self.files.insert(name, found);
    }

    fn walk_folder(
        &mut self,
        folder: &Path,
        name: &Path,
        above: &mut Vec<(u64, u64)>,
    ) -> Result<(), DataError> {
        for entry in fs::read_dir(folder).map_err(io_of("list", folder))? {
            let entry = entry.map_err(io_of("list", folder))?;
            let (path, name) = (entry.path(), name.join(entry.file_name()));
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => self.add_file(name, path, &metadata),
                Ok(metadata) if metadata.is_dir() => {
                    let id = (metadata.dev(), metadata.ino());
                    if above.contains(&id) {
                        self.left_out.push(name);
                        continue;
                    }
                    self.folders.push(name.clone());
                    self.check_size(&path, above.len())?;
                    above.push(id);
                    self.walk_folder(&path, &name, above)?;
                    above.pop();
                }
                Ok(_) => self.left_out.push(name),
                Err(error) if is_nowhere(&error) => self.left_out.push(name),
                Err(error) => return Err(io_of("look at", &path)(error)),
            }
            self.check_size(folder, 0)?;
        }
        Ok(())
    }

    fn check_size(&self, at: &Path, depth: usize) -> Result<(), DataError> {
        let too_many = self.files.len() + self.folders.len() > TREE_FILES_MAX;
        if !too_many && depth <= TREE_DEPTH_MAX {
            return Ok(());
        }
        let why = match too_many {
            true => format!("more than {TREE_FILES_MAX} files"),
            false => format!("more than {TREE_DEPTH_MAX} folders within each other"),
        };
        Err(DataError::Form {
            path: at.display().to_string(),
            why,
        })
    }

    /// Leaves only the files with such a path, and the folders that they are in.
    pub(super) fn keep(&mut self, only: &GlobMatcher) {
        self.files.retain(|name, _| only.is_match(name));
        self.left_out.retain(|name| only.is_match(name));
        let files = &self.files;
        // What is below a folder comes next to it.
        let is_used = |folder: &PathBuf| {
            let next = files.range(folder.clone()..).next();
            next.is_some_and(|(name, _)| name.starts_with(folder))
        };
        self.folders.retain(is_used);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }

    /// Copies all of it; answers its digest. `to` is the folder, or the file where it is one.
    pub(super) fn copy(&self, to: &Path, meter: &Meter) -> Result<(), DataError> {
        for name in &self.folders {
            let path = to.join(name);
            std::fs::create_dir_all(&path).map_err(io_of("make the folder", &path))?;
        }
        for (name, file) in &self.files {
            let to = match name.as_os_str().is_empty() {
                true => to.to_owned(),
                false => to.join(name),
            };
            copy_file(&file.path, &to, file.mode & 0o777 | 0o200, meter)?;
            meter.file();
        }
        Ok(())
    }

    /// The digest of the contents.
    pub(super) fn digest(&self, meter: Option<&Meter>) -> Result<String, DataError> {
        let mut hashes = BTreeMap::new();
        for (name, file) in &self.files {
            let told = |bytes| {
                if let Some(meter) = meter {
                    meter.bytes(bytes);
                }
            };
            hashes.insert(name.clone(), digest::of_file(&file.path, told)?);
        }
        Ok(match hashes.first_key_value() {
            Some((name, hash)) if name.as_os_str() == OsStr::new("") => digest::named(hash),
            _ => digest::of_tree(&hashes),
        })
    }

    /// What the user should know of what was left out.
    pub(super) fn note(&self, what: &str) -> Option<String> {
        let first = self.left_out.first()?;
        let count = self.left_out.len();
        let first = first.display();
        Some(format!(
            "{what}: {count} of its entries were left out, such as {first}: neither files nor \
             folders, or links that lead nowhere or back"
        ))
    }
}

fn is_nowhere(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ELOOP)
}

/// Copies a file; the kernel shares its blocks where the file system can.
pub(super) fn copy_file(from: &Path, to: &Path, mode: u32, meter: &Meter) -> Result<(), DataError> {
    let mut copying = Copying::begin(from, to, mode)?;
    while let more @ 1.. = copying.piece()? {
        meter.bytes(more);
    }
    Ok(())
}

/// A copy under way. One that fails is removed: nobody shall take a part for the whole, and a full
/// disk gets its room back.
pub(super) struct Copying<'a> {
    source: File,
    target: File,
    to: &'a Path,
    mode: u32,
}

impl<'a> Copying<'a> {
    pub(super) fn begin(from: &Path, to: &'a Path, mode: u32) -> Result<Copying<'a>, DataError> {
        let source = File::open(from).map_err(io_of("read", from))?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        Ok(Copying {
            source,
            target: options.open(to).map_err(io_of("write", to))?,
            to,
            mode,
        })
    }

    /// Copies the next piece; answers its bytes, none at the end.
    pub(super) fn piece(&mut self) -> Result<u64, DataError> {
        let copied = io::copy(&mut (&self.source).take(CHUNK), &mut self.target);
        let copied = copied.and_then(|bytes| {
            if bytes == 0 {
                let mode = Permissions::from_mode(self.mode);
                self.target.set_permissions(mode)?;
            }
            Ok(bytes)
        });
        copied.map_err(|error| {
            drop(fs::remove_file(self.to));
            io_of("write", self.to)(error)
        })
    }
}

/// Removes what an earlier try left. Links are not followed.
pub(super) fn clear(path: &Path) -> Result<(), DataError> {
    let removed = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    removed.map_err(io_of("remove", path))
}
