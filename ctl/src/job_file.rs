//! Reading the job files that the user names: refused early, with the reason, and bounded.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use proto::api::Submission;
use proto::job::{JobText, Override};

/// The most bytes of a job file.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// The bytes of most job files.
const FILE_BYTES: usize = 1 << 10;
/// The argument that means standard input.
const STDIN: &str = "-";
/// What messages call standard input.
const STDIN_NAME: &str = "<stdin>";

/// A job file that was read.
#[derive(Debug)]
pub struct JobFile {
    /// As the user named it.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The absolute folder against which its paths resolve.
    pub folder: PathBuf,
    /// Values that take the place of the file's.
    pub overrides: Vec<Override>,
}

/// Why a job file is refused. The file's name goes before the message.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not there.
    #[error("no such file")]
    Missing,
    /// It is a folder.
    #[error("is a folder, not a job file")]
    Folder,
    /// It is a pipe, a device or the like.
    #[error("is not a regular file")]
    Special,
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// It is no text.
    #[error("is a binary file, not YAML text (byte {offset} is NUL)")]
    Binary { offset: usize },
    /// It is text of another encoding.
    #[error("is not UTF-8 text (see byte {offset})")]
    NotUtf8 { offset: usize },
    /// It is no job file of this size.
    #[error("is larger than {FILE_BYTES_MAX} bytes, the most that a job file may have")]
    TooLarge,
    /// Its folder cannot be sent.
    #[error("lies in a folder whose name is not UTF-8: {}", folder.display())]
    FolderNotUtf8 { folder: PathBuf },
    /// The system refuses.
    #[error("cannot be read: {0}")]
    Io(io::Error),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> FileError {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FileError::Missing,
            io::ErrorKind::IsADirectory => FileError::Folder,
            _ => FileError::Io(error),
        }
    }
}

impl JobFile {
    /// Reads a file, or standard input for `-`.
    ///
    /// # Errors
    /// The name for messages, and why the file is refused.
    pub fn read(path: &Path) -> Result<JobFile, (String, FileError)> {
        let is_stdin = path.as_os_str() == STDIN;
        let name = if is_stdin {
            STDIN_NAME.to_owned()
        } else {
            path.display().to_string()
        };
        let content = if is_stdin { read_stdin() } else { read(path) };
        match content {
            Ok((text, folder)) => Ok(JobFile {
                name,
                text,
                folder,
                overrides: Vec::new(),
            }),
            Err(error) => Err((name, error)),
        }
    }

    /// What the daemon gets.
    pub fn submission(&self, experiment: &str) -> Submission {
        Submission {
            yaml: self.text.clone(),
            file: Some(self.name.clone()),
            base_path: self.folder.clone(),
            experiment_name: Some(experiment.to_owned()),
            overrides: Some(self.overrides.clone()).filter(|all| !all.is_empty()),
        }
    }

    /// What the reader of the job language gets.
    pub fn job_text(&self) -> JobText<'_> {
        JobText {
            overrides: &self.overrides,
            ..JobText::new(self.text.as_bytes(), Some(&self.name))
        }
    }
}

fn read_stdin() -> Result<(String, PathBuf), FileError> {
    let text = read_text(io::stdin().lock())?;
    Ok((text, sendable(std::env::current_dir()?)?))
}

fn read(path: &Path) -> Result<(String, PathBuf), FileError> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(FileError::Folder);
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(FileError::TooLarge);
    }
    let text = read_text(file)?;
    // Symbolic links are followed now: the job may start when they lead elsewhere.
    let folder = std::path::absolute(path)?
        .parent()
        .unwrap_or(Path::new("/"))
        .canonicalize()?;
    Ok((text, sendable(folder)?))
}

fn sendable(folder: PathBuf) -> Result<PathBuf, FileError> {
    match folder.to_str() {
        Some(_) => Ok(folder),
        None => Err(FileError::FolderNotUtf8 { folder }),
    }
}

/// Reads no more than the limit, whatever the source says about its size.
fn read_text(source: impl Read) -> Result<String, FileError> {
    let mut bytes = Vec::with_capacity(FILE_BYTES);
    source.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::TooLarge);
    }
    if bytes.is_empty() {
        return Err(FileError::Empty);
    }
    if let Some(offset) = bytes.iter().position(|byte| *byte == 0) {
        return Err(FileError::Binary { offset });
    }
    String::from_utf8(bytes).map_err(|error| FileError::NotUtf8 {
        offset: error.utf8_error().valid_up_to(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_refused_with_the_reason() {
        for (bytes, expected) in [
            (&b""[..], "is empty"),
            (b"a: \0", "is a binary file, not YAML text (byte 3 is NUL)"),
            (b"a: \xff", "is not UTF-8 text (see byte 3)"),
        ] {
            assert_eq!(read_text(bytes).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn an_endless_file_is_read_only_to_the_limit() {
        let error = read_text(io::repeat(b'a')).unwrap_err();
        assert!(matches!(error, FileError::TooLarge), "{error}");
        let fits = io::repeat(b'a').take(FILE_BYTES_MAX);
        assert_eq!(read_text(fits).unwrap().len() as u64, FILE_BYTES_MAX);
    }

    #[test]
    fn missing_files_and_folders_are_told_apart() {
        let folder = JobFile::read(Path::new("/")).unwrap_err().1;
        assert!(matches!(folder, FileError::Folder), "{folder}");
        let (name, missing) = JobFile::read(Path::new("/no/such.yml")).unwrap_err();
        assert!(matches!(missing, FileError::Missing), "{missing}");
        assert_eq!(name, "/no/such.yml");
    }
}
