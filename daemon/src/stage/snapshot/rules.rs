//! Which files are left out, exactly as Azure ML's client decides (azureml.md §4): one file at the
//! root, `.amlignore` or else `.gitignore`; each file is held against every line, and the last
//! line that matches decides. So, unlike in git, `!` brings back files of a folder that is left
//! out, and files of that name further down mean nothing.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::error::{SnapshotError, read};
use crate::sys::atomic::{self, ReadError};

const FILES: [&str; 2] = [".amlignore", ".gitignore"];
/// Bytes of such a file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The lines of the file, those in a row that say the same put together.
#[derive(Debug, Default)]
pub struct Rules {
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    leaves_out: bool,
    patterns: Gitignore,
}

impl Rules {
    /// Those of a folder.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is no pattern.
    pub fn of(folder: &Path) -> Result<Rules, SnapshotError> {
        for name in FILES {
            let path = folder.join(name);
            if path.exists() {
                return Rules::parse(&text(&path)?, &path);
            }
        }
        Ok(Rules::default())
    }

    fn parse(text: &str, path: &Path) -> Result<Rules, SnapshotError> {
        let refused = |line: usize| {
            move |error: ignore::Error| SnapshotError::Pattern {
                path: path.into(),
                line,
                why: error.to_string(),
            }
        };
        let mut builders: Vec<(bool, usize, GitignoreBuilder)> = Vec::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (leaves_out, pattern) = match line.strip_prefix('!') {
                Some(pattern) => (false, pattern),
                None => (true, line),
            };
            let pattern = as_azure_means_it(pattern);
            if builders.last().is_none_or(|(last, ..)| *last != leaves_out) {
                builders.push((leaves_out, index + 1, GitignoreBuilder::new("")));
            }
            if let Some((.., builder)) = builders.last_mut() {
                builder
                    .add_line(None, pattern)
                    .map_err(refused(index + 1))?;
            }
        }
        let build = |(leaves_out, line, builder): (bool, usize, GitignoreBuilder)| {
            let patterns = builder.build().map_err(refused(line))?;
            Ok(Group {
                leaves_out,
                patterns,
            })
        };
        let groups = builders.into_iter().map(build).collect::<Result<_, _>>()?;
        Ok(Rules { groups })
    }

    /// Whether a path relative to the folder is left out.
    pub fn leave_out(&self, path: &Path, is_folder: bool) -> bool {
        let matching = |group: &&Group| {
            let found = group.patterns.matched_path_or_any_parents(path, is_folder);
            !found.is_none()
        };
        let last = self.groups.iter().rev().find(matching);
        last.is_some_and(|group| group.leaves_out)
    }

    /// Whether nothing can come back from a folder that is left out, so that it need not be read.
    pub fn are_final(&self) -> bool {
        self.groups.iter().all(|group| group.leaves_out)
    }
}

/// `a/**/` is all that is below `a`, to git only the folders of it; `**/` is all that is in
/// folders, to the matcher everything.
fn as_azure_means_it(pattern: &str) -> &str {
    match pattern.strip_suffix('/') {
        Some("**") => "?*/",
        Some(rest) if rest.ends_with("/**") => rest,
        _ => pattern,
    }
}

fn text(path: &Path) -> Result<String, SnapshotError> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(path).map_err(read(path))?;
    let bytes = atomic::read_file_bounded(&file, FILE_BYTES_MAX);
    let bytes = bytes.map_err(|error| match error {
        ReadError::Io(source) => read(path)(source),
        other => read(path)(std::io::Error::other(other)),
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(text: &str, path: &str) -> bool {
        let rules = Rules::parse(text, Path::new("/x/.amlignore")).unwrap();
        rules.leave_out(Path::new(path), false)
    }

    #[test]
    fn the_last_line_that_matches_a_file_decides() {
        assert!(out("data/", "data/deep/a.csv"));
        assert!(!out("data/\n!data/keep.csv", "data/keep.csv"));
        assert!(out("!data/keep.csv\ndata/", "data/keep.csv"));
        assert!(!out("data/\n!data/sub/\n", "data/sub/x/y"));
        assert!(out("data/\n!data/sub/\n*.log", "data/sub/x.log"));
        assert!(out("**/", "a/file") && !out("**/", "file"));
        assert!(out("a/**/", "a/file") && !out("a/**/", "a"));
    }

    #[test]
    fn lines_are_patterns_of_git() {
        let text = "\u{feff}*.pyc\n# note\n\n/root.txt\na/**/z  \n\\!odd\n\\#odd\nname\r\n";
        for path in [
            "x/y.pyc", "root.txt", "a/b/c/z", "a/z", "!odd", "#odd", "q/name", "name/x",
        ] {
            assert!(out(text, path), "{path}");
        }
        for path in ["x/root.txt", "note", "b/z", "odd", "names", ".git/config"] {
            assert!(!out(text, path), "{path}");
        }
        assert!(!out("data/", "data"), "a file of a folder's name");
    }

    #[test]
    fn a_line_that_is_no_pattern_is_named() {
        let error = Rules::parse("ok\n\n[z-a]\n", Path::new("/x/.amlignore")).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("understand line 3 of /x/.amlignore: "),
            "{text}"
        );
    }
}
