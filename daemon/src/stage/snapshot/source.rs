//! What `code` names: a file or folder of this machine, or something that is refused.

use std::fs;
use std::path::{Path, PathBuf};

use proto::job::{PathForm, classify_path};

use super::error::{SnapshotError, read};

/// Where the code is.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// A folder, without links in its path.
    Folder(PathBuf),
    /// One file, and the name that it has in the job's folder.
    File { path: PathBuf, name: PathBuf },
}

impl Source {
    /// The folder that git is asked about.
    pub fn folder(&self) -> &Path {
        match self {
            Source::Folder(folder) => folder,
            Source::File { path, .. } => path.parent().unwrap_or(Path::new("/")),
        }
    }
}

/// Finds it. A link at the very name is followed: the user named it.
///
/// # Errors
/// What is not local, not there, or neither file nor folder.
pub fn locate(code: &str, base: &Path) -> Result<Source, SnapshotError> {
    let named = base.join(local(code)?);
    let path = fs::canonicalize(&named).map_err(read(&named))?;
    let metadata = fs::metadata(&path).map_err(read(&named))?;
    if metadata.is_dir() {
        return Ok(Source::Folder(path));
    }
    let name = named.file_name().or(path.file_name()).map(PathBuf::from);
    match name {
        Some(name) if metadata.is_file() => Ok(Source::File { path, name }),
        _ => Err(SnapshotError::Special(named)),
    }
}

fn local(code: &str) -> Result<PathBuf, SnapshotError> {
    let why = match classify_path(code) {
        PathForm::Local(path) => return Ok(path),
        PathForm::Uri(uri) if uri.starts_with("git+") => {
            "code cannot come from git, on Azure ML neither"
        }
        PathForm::Uri(_) => "it is a URI",
        PathForm::Asset(_) => "it is a registered asset of a workspace",
    };
    // A URL may hold a token behind `?` or before `@`.
    let code = code.split(['?', '#']).next().unwrap_or_default();
    let code = super::git::without_credentials(code);
    Err(SnapshotError::NotLocal { code, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_local_is_taken() {
        for (code, why) in [
            ("git+https://me:secret@host/repo.git", "from git"),
            ("https://me:secret@host/code.zip?sig=secret", "a URI"),
            (
                "azureml://registries/r/codes/c/versions/1?x=secret",
                "a URI",
            ),
            ("azureml:train:3", "registered asset"),
        ] {
            let error = locate(code, Path::new("/")).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = locate("no/such", Path::new("/base")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("read /base/no/such: No such file")
        );
        let error = locate("/dev/null", Path::new("/base")).unwrap_err();
        assert!(error.to_string().contains("/dev/null"));
        let found = locate("file:/etc/../etc", Path::new("/base")).unwrap();
        assert_eq!(found, Source::Folder("/etc".into()));
    }
}
