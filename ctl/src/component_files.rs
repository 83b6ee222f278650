//! The component files that a job file names, read for the checks of `validate`: the loader of
//! the job language, which opens no file itself.

use std::cell::RefCell;
use std::io::Read;
use std::path::Path;

use proto::job::Loader;

use crate::job_file::{FILE_BYTES_MAX, FileError, JobFile};

/// The files beside a job file. Keeps what it has read, for messages with source lines.
pub struct ComponentFiles<'f> {
    job: &'f JobFile,
    read: RefCell<Vec<JobFile>>,
}

impl<'f> ComponentFiles<'f> {
    /// For the files that this one names.
    pub fn beside(job: &'f JobFile) -> ComponentFiles<'f> {
        ComponentFiles {
            job,
            read: RefCell::default(),
        }
    }

    /// The name of such a file for messages: as seen from where the user named the job file.
    pub fn shown(&self, path: &Path) -> String {
        let folder = Path::new(&self.job.name).parent().unwrap_or(Path::new(""));
        let shown: std::path::PathBuf = folder.join(path).components().collect();
        shown.display().to_string()
    }

    /// The files that were read.
    pub fn into_read(self) -> Vec<JobFile> {
        self.read.into_inner()
    }
}

impl Loader for ComponentFiles<'_> {
    fn load(&self, path: &Path) -> Result<Vec<u8>, String> {
        let bytes = read(&self.job.folder.join(path)).map_err(|error| error.to_string())?;
        // What is no text has no lines to show, and the reader says what it is.
        if let Ok(text) = std::str::from_utf8(&bytes) {
            self.read.borrow_mut().push(JobFile {
                name: self.shown(path),
                text: text.to_owned(),
                folder: self.job.folder.clone(),
                overrides: Vec::new(),
            });
        }
        Ok(bytes)
    }
}

/// Reads a file whole, and nothing that could keep its reader waiting.
fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let metadata = path.metadata()?;
    if metadata.is_dir() {
        return Err(FileError::Folder);
    }
    if !metadata.is_file() {
        return Err(FileError::Special);
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::TooLarge);
    }
    Ok(bytes)
}
