//! Comparing and copying. A file that is there already is left alone: it is the same, or nothing
//! at all is written.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::fcntl::OFlag;
use proto::stage::Progress;

use super::run::DownloadError;
use super::tree::{Met, read_error, walk};
use crate::progress::Line;

/// How much is copied between two looks at the progress.
const PIECE_BYTES: u64 = 8 << 20;
/// The end of the name of a file that is not whole yet.
const PART_SUFFIX: &str = ".jobctl-part";
/// The bits of a mode that are copied.
const MODE: u32 = 0o777;

/// A download under way.
#[derive(Debug)]
pub struct Copying {
    progress: Progress,
    line: Line,
    begun: Instant,
}

impl Default for Copying {
    fn default() -> Copying {
        let progress = Progress {
            what: "downloading".into(),
            bytes_total: Some(0),
            files_total: Some(0),
            ..Progress::default()
        };
        Copying {
            progress,
            line: Line::new(),
            begun: Instant::now(),
        }
    }
}

impl Copying {
    /// Counts what is to be copied.
    ///
    /// # Errors
    /// `Differs` when something else is in the place of a file or folder.
    pub fn compare(&mut self, from: &Path, to: &Path) -> Result<(), DownloadError> {
        walk(from, to, &mut |from, to, met| {
            let differs = || DownloadError::Differs { path: to.into() };
            match (met, fs::metadata(to)) {
                (Met::File(file), Err(_)) => self.count(file.len()),
                (Met::Folder, Err(_)) => {}
                (Met::Folder, Ok(there)) if there.is_dir() => {}
                (Met::File(file), Ok(there)) if there.is_file() && there.len() == file.len() => {
                    if !is_same(from, to)? {
                        return Err(differs());
                    }
                }
                (_, Ok(_)) => return Err(differs()),
            }
            Ok(())
        })
    }

    fn count(&mut self, bytes: u64) {
        let add = |total: &mut Option<u64>, more| *total = total.map(|total| total + more);
        add(&mut self.progress.bytes_total, bytes);
        add(&mut self.progress.files_total, 1);
    }

    /// Copies what is not there.
    ///
    /// # Errors
    /// `Read` or `Write`.
    pub fn copy(&mut self, from: &Path, to: &Path) -> Result<(), DownloadError> {
        if let Some(parent) = to.parent() {
            make_folder(parent)?;
        }
        walk(from, to, &mut |from, to, met| match met {
            Met::Folder => make_folder(to),
            Met::File(_) if to.exists() => Ok(()),
            Met::File(file) => self.copy_file(from, to, file.permissions().mode()),
        })
    }

    fn copy_file(&mut self, from: &Path, to: &Path, mode: u32) -> Result<(), DownloadError> {
        let source = open(from)?;
        let part = with_suffix(to);
        let written = self.pour(&source, &part).and_then(|()| {
            fs::set_permissions(&part, Permissions::from_mode(mode & MODE))?;
            fs::rename(&part, to)
        });
        self.progress.files += 1;
        written.map_err(|source| {
            // A full disk gets its room back.
            drop(fs::remove_file(&part));
            write_error(to, source)
        })
    }

    fn pour(&mut self, source: &File, to: &Path) -> io::Result<()> {
        // What an earlier download left, or a link to the file of another.
        match fs::remove_file(to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut target = File::create_new(to)?;
        loop {
            // In the kernel, and without a copy where the file system can share the blocks.
            let copied = io::copy(&mut source.take(PIECE_BYTES), &mut target)?;
            self.progress.bytes += copied;
            self.show();
            if copied == 0 {
                return Ok(());
            }
        }
    }

    fn show(&mut self) {
        let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let progress = &mut self.progress;
        progress.rate = progress.bytes.saturating_mul(1000) / millis.max(1);
        let left = progress
            .bytes_total
            .map(|total| total.saturating_sub(progress.bytes));
        progress.eta_secs = left.and_then(|left| left.checked_div(progress.rate));
        self.line.show(progress);
    }

    /// Takes the progress away.
    pub fn finish(mut self) {
        self.line.clear();
    }
}

fn make_folder(path: &Path) -> Result<(), DownloadError> {
    fs::create_dir_all(path).map_err(|source| write_error(path, source))
}

fn with_suffix(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PART_SUFFIX);
    name.into()
}

/// Opens a file; what took its place since it was looked at does not block us.
fn open(path: &Path) -> Result<File, DownloadError> {
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(OFlag::O_NONBLOCK.bits());
    options
        .open(path)
        .map_err(|source| read_error(path, source))
}

/// Whether two files of the same length hold the same.
fn is_same(one: &Path, other: &Path) -> Result<bool, DownloadError> {
    let mut first = BufReader::new(open(one)?);
    let mut second = BufReader::new(open(other)?);
    loop {
        let left = first.fill_buf().map_err(|source| read_error(one, source))?;
        let right = second.fill_buf();
        let right = right.map_err(|source| read_error(other, source))?;
        let common = left.len().min(right.len());
        if common == 0 {
            return Ok(left.len() == right.len());
        }
        if left[..common] != right[..common] {
            return Ok(false);
        }
        first.consume(common);
        second.consume(common);
    }
}

fn write_error(path: &Path, source: io::Error) -> DownloadError {
    DownloadError::Write {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_no_file_of_another_and_does_not_stay() {
        let folder = std::env::temp_dir().join(format!("jobctl-copy-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let (from, to) = (folder.join("from"), folder.join("to"));
        let mut copying = Copying::default();
        // It can be opened, and not be read.
        let unreadable = Path::new("/proc/self/mem");
        copying.copy_file(unreadable, &to, 0o600).unwrap_err();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);

        let others = folder.join("others");
        fs::write(&others, "others").unwrap();
        fs::write(&from, "mine").unwrap();
        std::os::unix::fs::symlink(&others, with_suffix(&to)).unwrap();
        copying.copy_file(&from, &to, 0o600).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "mine");
        assert!(!to.is_symlink());
        assert_eq!(fs::read_to_string(&others).unwrap(), "others");
        fs::remove_dir_all(folder).unwrap();
    }
}
