//! How much code is too much, and what to say then. Pure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::shown;

/// Bytes of a snapshot, where the configuration says nothing. A folder with data in it is stopped
/// here; Azure ML documents 300 MB and enforces nothing.
pub const CODE_BYTES_MAX: u64 = 1 << 30;
/// Files and links of a snapshot.
pub const CODE_FILES_MAX: u64 = 100_000;
/// Folders and files that are named.
const LARGEST: usize = 3;

/// What was counted so far.
#[derive(Debug)]
pub struct Tally {
    bytes_max: u64,
    bytes: u64,
    files: u64,
    /// By the first part of the path.
    tops: BTreeMap<PathBuf, u64>,
}

impl Tally {
    /// Nothing yet.
    pub fn new(bytes_max: Option<u64>) -> Tally {
        Tally {
            bytes_max: bytes_max.unwrap_or(CODE_BYTES_MAX),
            bytes: 0,
            files: 0,
            tops: BTreeMap::new(),
        }
    }

    /// One more; false when the files are too many to go on.
    pub fn add(&mut self, path: &Path, bytes: u64) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        self.files += 1;
        if let Some(top) = path.iter().next() {
            let sum = self.tops.entry(top.into()).or_default();
            *sum = sum.saturating_add(bytes);
        }
        self.files <= CODE_FILES_MAX
    }

    /// Bytes in all.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes that may be taken in all.
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// What to say if it is too much.
    pub fn complaint(&self) -> Option<String> {
        let (bytes, max) = (size(self.bytes), size(self.bytes_max));
        let mut text = if self.files > CODE_FILES_MAX {
            format!("it is more than {CODE_FILES_MAX} files (those read so far are {bytes})")
        } else if self.bytes > self.bytes_max {
            format!(
                "it is {bytes} in {} files, and {max} are allowed",
                self.files
            )
        } else {
            return None;
        };
        let mut tops: Vec<(&PathBuf, &u64)> = self.tops.iter().collect();
        tops.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
        text += "; the largest in it:";
        for (top, bytes) in tops.into_iter().take(LARGEST) {
            text += &format!(" {} ({}),", shown(top), size(*bytes));
        }
        text.pop();
        text += "; list what the job does not need in .amlignore";
        if self.files <= CODE_FILES_MAX {
            text += ", or raise code_bytes_max";
        }
        Some(text)
    }
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (unit, name) in UNITS {
        if bytes >= unit {
            let tenths = u128::from(bytes) * 10 / u128::from(unit);
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_is_explained() {
        let mut tally = Tally::new(Some(3 << 20));
        tally.add(Path::new("data/a"), 2 << 20);
        tally.add(Path::new("run.py"), 10);
        tally.add(Path::new("models/b/c"), 1024 * 1023);
        assert_eq!(tally.complaint(), None);
        tally.add(Path::new("data/x"), 1 << 20);
        assert_eq!(
            tally.complaint().unwrap(),
            "it is 3.9 MiB in 4 files, and 3.0 MiB are allowed; the largest in it: data (3.0 MiB), \
             models (1023.0 KiB), run.py (10 bytes); list what the job does not need in \
             .amlignore, or raise code_bytes_max"
        );
    }

    #[test]
    fn too_many_files_end_the_count() {
        let mut tally = Tally::new(None);
        let mut count = 0;
        while tally.add(Path::new("many/x"), 0) {
            count += 1;
        }
        assert_eq!(count, CODE_FILES_MAX);
        assert!(tally.complaint().unwrap().contains("100000 files"));
    }
}
