//! Lines of pip's requirements: files that they include are taken in, so that the digest and the
//! build see the same whole, wherever the build runs.

use std::path::Path;

use super::definition::{DefinitionError, local};
use super::file;

/// Files inside each other at most.
const INCLUDE_DEPTH_MAX: usize = 8;

/// The lines without comments and with the files that they include; relative paths are made
/// absolute, seen from `folder`.
pub(super) fn expand(lines: &[String], folder: &Path) -> Result<Vec<String>, DefinitionError> {
    let mut expanded = Vec::new();
    for line in lines {
        take(line, folder, INCLUDE_DEPTH_MAX, &mut expanded)?;
    }
    Ok(expanded)
}

fn take(
    line: &str,
    folder: &Path,
    depth: usize,
    expanded: &mut Vec<String>,
) -> Result<(), DefinitionError> {
    let line = uncommented(line);
    if line.is_empty() {
        return Ok(());
    }
    let Some(path) = option(line, &["-r", "--requirement"]) else {
        expanded.push(absolute(line, folder));
        return Ok(());
    };
    let path = local(path, folder);
    let depth = depth
        .checked_sub(1)
        .ok_or_else(|| DefinitionError::Depth(path.clone()))?;
    let text = file::text(&path)?.replace("\\\n", " ");
    let beside = path.parent().unwrap_or(folder);
    for line in text.lines() {
        take(line, beside, depth, expanded)?;
    }
    Ok(())
}

/// A comment begins the line or follows a blank.
fn uncommented(line: &str) -> &str {
    let end = match line.trim_start().starts_with('#') {
        true => 0,
        false => line.find(" #").unwrap_or(line.len()),
    };
    line[..end].trim()
}

/// The value of an option that a line begins with.
fn option<'a>(line: &'a str, names: &[&str]) -> Option<&'a str> {
    let rest = names.iter().find_map(|name| line.strip_prefix(name))?;
    let value = rest.strip_prefix([' ', '=', '\t'])?.trim();
    (!value.is_empty()).then_some(value)
}

fn absolute(line: &str, folder: &Path) -> String {
    for names in [
        ["-e", "--editable"],
        ["-c", "--constraint"],
        ["-f", "--find-links"],
    ] {
        if let Some(path) = option(line, &names).filter(|path| !path.contains("://")) {
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
            "# all of it\nnumpy # fast\n\n-r more/rest.txt\nx==1 \\\n  --hash=sha256:1\n",
        )
        .unwrap();
        fs::write(folder.join("more/rest.txt"), "./wheel.whl\n-e ../src\n").unwrap();
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
        let error = expand(&["-r none.txt".to_owned()], &folder).unwrap_err();
        assert!(error.to_string().contains("none.txt"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
