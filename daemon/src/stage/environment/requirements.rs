//! Lines of pip's requirements: files that they include are taken in, so that the digest and the
//! build see the same whole, wherever the build runs.

use std::path::Path;

use super::definition::{DefinitionError, local};
use super::file;

/// Files inside each other at most.
const INCLUDE_DEPTH_MAX: usize = 8;
/// Files in all at most.
pub const INCLUDED_FILES_MAX: usize = 100;

/// The lines without comments and with the files that they include; relative paths are made
/// absolute, seen from `folder`.
pub(super) fn expand(lines: &[String], folder: &Path) -> Result<Vec<String>, DefinitionError> {
    let mut expansion = Expansion::default();
    for line in lines {
        expansion.take(line, folder, INCLUDE_DEPTH_MAX)?;
    }
    Ok(expansion.lines)
}

#[derive(Default)]
struct Expansion {
    lines: Vec<String>,
    /// Files that were read.
    files: usize,
}

impl Expansion {
    fn take(&mut self, line: &str, folder: &Path, depth: usize) -> Result<(), DefinitionError> {
        let line = uncommented(line);
        if line.is_empty() {
            return Ok(());
        }
        let Some(path) = option(line, ["-r", "--requirement"]) else {
            self.lines.push(absolute(line, folder));
            return Ok(());
        };
        let path = local(path, folder);
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| DefinitionError::Depth(path.clone()))?;
        self.files += 1;
        if self.files > INCLUDED_FILES_MAX {
            return Err(DefinitionError::Files(path));
        }
        let text = file::text(&path)?.replace("\\\n", " ");
        let beside = path.parent().unwrap_or(folder);
        for line in text.lines() {
            self.take(line, beside, depth)?;
        }
        Ok(())
    }
}

/// A comment begins the line or follows a blank.
fn uncommented(line: &str) -> &str {
    let end = match line.trim_start().starts_with('#') {
        true => 0,
        false => {
            let ends = [" #", "\t#"].into_iter().filter_map(|end| line.find(end));
            ends.min().unwrap_or(line.len())
        }
    };
    line[..end].trim()
}

/// The value of an option that a line begins with: a short name needs nothing behind it.
fn option<'a>(line: &'a str, [short, long]: [&str; 2]) -> Option<&'a str> {
    let value = match line.strip_prefix(long) {
        Some(rest) => rest.strip_prefix([' ', '=', '\t'])?,
        None => line.strip_prefix(short)?,
    };
    let value = value.trim();
    (!value.is_empty()).then_some(value)
}

fn absolute(line: &str, folder: &Path) -> String {
    for names in [
        ["-e", "--editable"],
        ["-c", "--constraint"],
        ["-f", "--find-links"],
    ] {
        if let Some(path) = option(line, names).filter(|path| !path.contains("://")) {
            return format!("{} {}", names[0], local(path, folder).display());
        }
    }
    match line.starts_with("./") || line.starts_with("../") || line == "." {
        true => folder.join(line).display().to_string(),
        false => line.into(),
    }
}

/// The file or folder that an expanded line means: a package, or what limits the versions.
pub(super) fn on_disk(line: &str) -> Option<&Path> {
    let path = ["-e ", "-c "]
        .iter()
        .find_map(|option| line.strip_prefix(option))
        .or_else(|| Some(line.split_once("@ file://")?.1))
        .unwrap_or(line);
    let path = Path::new(path.split('[').next().unwrap_or(path));
    (path.is_absolute() && path.exists()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_on_disk_is_found_however_it_is_named() {
        for line in [
            "/etc",
            "/etc[extra]",
            "-e /etc",
            "-c /etc",
            "x @ file:///etc",
        ] {
            assert_eq!(on_disk(line), Some(Path::new("/etc")), "{line}");
        }
        for line in ["etc", "six==1", "-f /etc", "/no/such", "x @ https://h/etc"] {
            assert_eq!(on_disk(line), None, "{line}");
        }
    }

    #[test]
    fn included_files_are_taken_in() {
        let folder = std::env::temp_dir().join(format!("jobd-requirements-{}", std::process::id()));
        fs::create_dir_all(folder.join("more")).unwrap();
        fs::write(
            folder.join("all.txt"),
            "# all of it\nnumpy\t# fast\n\n-rmore/rest.txt\nx==1 \\\n  --hash=sha256:1\n",
        )
        .unwrap();
        fs::write(folder.join("more/rest.txt"), "./wheel.whl # it\n-e../src\n").unwrap();
        let lines = ["--requirement=all.txt".to_owned(), "a-r b".to_owned()];
        let expanded = expand(&lines, &folder).unwrap();
        let at = folder.display();
        assert_eq!(
            expanded,
            [
                "numpy".to_owned(),
                format!("{at}/more/./wheel.whl"),
                format!("-e {at}/more/../src"),
                "x==1    --hash=sha256:1".to_owned(),
                "a-r b".to_owned(),
            ]
        );
        fs::write(folder.join("loop.txt"), "-r loop.txt\n").unwrap();
        let error = expand(&["-r loop.txt".to_owned()], &folder).unwrap_err();
        assert!(error.to_string().contains("too deeply"), "{error}");
        let bomb = "-r bomb2.txt\n".repeat(100);
        fs::write(folder.join("bomb.txt"), &bomb).unwrap();
        fs::write(folder.join("bomb2.txt"), bomb.replace('2', "3")).unwrap();
        fs::write(folder.join("bomb3.txt"), "").unwrap();
        let error = expand(&["-r bomb.txt".to_owned()], &folder).unwrap_err();
        assert!(error.to_string().contains("more than 100 files"), "{error}");
        let error = expand(&["-r none.txt".to_owned()], &folder).unwrap_err();
        assert!(error.to_string().contains("none.txt"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
