//! What makes two environments the same.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::requirements;

/// Files and folders of a build context at most.
pub const CONTEXT_FILES_MAX: usize = 100_000;

/// Why a folder has no digest.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// Something in it cannot be read.
    #[error("read {path}: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// There is too much in it.
    #[error("read {0}: more than {CONTEXT_FILES_MAX} files")]
    Many(PathBuf),
}

/// A digest on its way. Each part is kept apart from the next by its length.
#[derive(Debug, Clone, Default)]
pub(super) struct Digest(Sha256);

impl Digest {
    /// Begins with the backend: the same definition is another environment in each.
    pub(super) fn new(backend: &str) -> Digest {
        Digest::default().with(backend)
    }

    /// And this.
    pub(super) fn with(mut self, part: impl AsRef<[u8]>) -> Digest {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
        self
    }

    /// And everything in a folder or file: paths, kinds, modes and contents.
    pub(super) fn with_tree(mut self, root: &Path) -> Result<Digest, DigestError> {
        let mut open = vec![root.to_owned()];
        let mut count = 0;
        while let Some(path) = open.pop() {
            count += 1;
            if count > CONTEXT_FILES_MAX {
                return Err(DigestError::Many(root.into()));
            }
            let within = path.strip_prefix(root).unwrap_or(&path).to_owned();
            let read = self
                .with(within.as_os_str().as_encoded_bytes())
                .with_entry(&path, &mut open);
            self = read.map_err(|source| DigestError::Read { path, source })?;
        }
        Ok(self)
    }

    /// And the packages and constraints of this machine that lines of requirements name.
    pub(super) fn with_local(mut self, lines: &[String]) -> Result<Digest, DigestError> {
        for path in lines.iter().filter_map(|line| requirements::on_disk(line)) {
            self = self.with_tree(path)?;
        }
        Ok(self)
    }

    fn with_entry(mut self, path: &Path, open: &mut Vec<PathBuf>) -> io::Result<Digest> {
        let metadata = fs::symlink_metadata(path)?;
        if metadata.is_dir() {
            let entries: io::Result<Vec<_>> = fs::read_dir(path)?.collect();
            let mut paths: Vec<PathBuf> = entries?.iter().map(fs::DirEntry::path).collect();
            paths.sort();
            open.extend(paths);
            return Ok(self.with("folder"));
        }
        if metadata.is_symlink() {
            let target = fs::read_link(path)?;
            return Ok(self
                .with("link")
                .with(target.as_os_str().as_encoded_bytes()));
        }
        if !metadata.is_file() {
            return Ok(self.with("special"));
        }
        let executable = metadata.permissions().mode() & 0o111 != 0;
        self = self.with(if executable { "program" } else { "file" });
        let mut content = Sha256::new();
        io::copy(&mut File::open(path)?, &mut content)?;
        Ok(self.with(content.finalize()))
    }

    /// 64 hexadecimal digits.
    pub(super) fn hex(self) -> String {
        let bytes = self.0.finalize();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_apart() {
        let digest = |parts: &[&str]| {
            let all = parts
                .iter()
                .fold(Digest::new("venv"), |digest, part| digest.with(part));
            all.hex()
        };
        assert_eq!(digest(&["a", "b"]), digest(&["a", "b"]));
        assert_ne!(digest(&["a", "b"]), digest(&["ab"]));
        assert_ne!(digest(&["a", "b"]), digest(&["b", "a"]));
        assert_ne!(Digest::new("conda").hex(), Digest::new("venv").hex());
        assert_eq!(digest(&[]).len(), 64);
    }

    #[test]
    fn a_tree_is_what_is_in_it() {
        let root = std::env::temp_dir().join(format!("jobd-digest-{}", std::process::id()));
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("sub/file"), "one").unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("link")).unwrap();
        let digest = || Digest::new("x").with_tree(&root).unwrap().hex();
        let first = digest();
        assert_eq!(digest(), first);
        fs::write(root.join("sub/file"), "two").unwrap();
        let second = digest();
        assert_ne!(second, first);
        fs::set_permissions(root.join("sub/file"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_ne!(digest(), second);
        assert!(Digest::new("x").with_tree(&root.join("none")).is_err());
        fs::remove_dir_all(root).unwrap();
    }
}
