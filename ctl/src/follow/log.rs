//! The log file of a job, read as it grows.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use proto::api::JobView;

use super::escape::Escaper;
use crate::output::OutputError;

/// Where a job's output goes, seen from its folder (azureml.md §4).
const LOG_FILE: &str = "user_logs/std_log.txt";
/// How the log files begin that hold a command's output, whatever its number of processes.
const LOG_PREFIX: &str = "user_logs/std_log";
/// How much is read at once.
const READ_BYTES: usize = 64 << 10;

/// Why a log cannot be read or followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The file cannot be opened or read.
    #[error("cannot read the log {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// A job may have put anything in the place of its log.
    #[error("the log {} is not a regular file", path.display())]
    NotAFile { path: PathBuf },
    /// Waiting failed.
    #[error("cannot wait for the job: {0}")]
    Wait(Errno),
    /// Ctrl-C cannot be caught.
    #[error("cannot prepare for Ctrl-C: {0}")]
    Interrupt(Errno),
}

/// The log of a job whose folder is all that is known.
pub fn default_path(job_path: &Path) -> PathBuf {
    job_path.join(LOG_FILE)
}

/// The log of a job: the first of its log files that holds a command's output.
pub fn log_path(job: &JobView) -> PathBuf {
    let known = job.log_files.keys().find(|name| is_log(name));
    job.job_path.join(known.map_or(LOG_FILE, String::as_str))
}

fn is_log(name: &str) -> bool {
    let inside = |path: &Path| path.components().all(|c| matches!(c, Component::Normal(_)));
    name.starts_with(LOG_PREFIX) && inside(Path::new(name))
}

/// A log that is read from its beginning, piece by piece.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: Option<File>,
    offset: u64,
    /// Of what is there when it is opened, only so many lines are read, where that is asked for.
    tail: Option<u64>,
}

impl Log {
    /// A log at `path`, which need not exist yet.
    pub fn new(path: PathBuf) -> Log {
        Log {
            path,
            file: None,
            offset: 0,
            tail: None,
        }
    }

    /// From the last `lines` on, if it is not from the beginning.
    #[must_use]
    pub fn tail(self, lines: Option<u64>) -> Log {
        Log {
            tail: lines,
            ..self
        }
    }

    /// The folder in which the log appears.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Reads some of what is new; nothing when there is nothing new.
    ///
    /// # Errors
    /// `Read` or `NotAFile`.
    pub fn read(&mut self) -> Result<Vec<u8>, FollowError> {
        if self.file.is_none() {
            self.file = open(&self.path)?;
            if let (Some(file), Some(lines)) = (&mut self.file, self.tail) {
                let begin = begin_of_last(file, lines).map_err(failed(&self.path))?;
                self.offset = file
                    .seek(SeekFrom::Start(begin))
                    .map_err(failed(&self.path))?;
            }
        }
        let Some(file) = &mut self.file else {
            return Ok(Vec::new());
        };
        read_from(file, &mut self.offset).map_err(failed(&self.path))
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> FollowError {
    move |source| FollowError::Read {
        path: path.to_owned(),
        source,
    }
}

/// Where the last lines begin; what follows the last line break is a line, too.
fn begin_of_last(file: &File, lines: u64) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut bytes = vec![0; READ_BYTES];
    let mut wanted = lines;
    if lines == 0 {
        return Ok(end);
    }
    let mut is_last = true;
    while end > 0 {
        let begin = end.saturating_sub(READ_BYTES as u64);
        let part = &mut bytes[..usize::try_from(end - begin).unwrap_or(READ_BYTES)];
        file.read_exact_at(part, begin)?;
        for (at, byte) in part.iter().enumerate().rev() {
            // The end of the last line begins no other.
            let is_break = *byte == b'\n' && !std::mem::take(&mut is_last);
            is_last = false;
            if is_break && wanted <= 1 {
                return Ok(begin + at as u64 + 1);
            }
            wanted -= u64::from(is_break);
        }
        end = begin;
    }
    Ok(0)
}

fn read_from(file: &mut File, offset: &mut u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; READ_BYTES];
    let mut length = file.read(&mut bytes)?;
    // A job may truncate its own log and begin anew.
    if length == 0 && file.metadata()?.len() < *offset {
        *offset = file.seek(SeekFrom::Start(0))?;
        length = file.read(&mut bytes)?;
    }
    *offset += length as u64;
    bytes.truncate(length);
    Ok(bytes)
}

/// Opens a log; none when it is not there yet. A FIFO in its place does not block us, and a link
/// leads nowhere: a job in a container may have made it.
fn open(path: &Path) -> Result<Option<File>, FollowError> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path);
    let result = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::ELOOP as i32) => {
            return Err(FollowError::NotAFile {
                path: path.to_owned(),
            });
        }
        Err(source) => Err(source),
        Ok(file) => file.metadata().map(|metadata| (file, metadata)),
    };
    match result {
        Ok((file, metadata)) if metadata.is_file() => Ok(Some(file)),
        Ok(_) => Err(FollowError::NotAFile {
            path: path.to_owned(),
        }),
        Err(source) => Err(FollowError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Prints a log as far as it goes now; says how many bytes it has, where there is one.
///
/// # Errors
/// Why it cannot be read, or printed.
pub fn print(
    path: &Path,
    escaped: bool,
    tail: Option<u64>,
) -> Result<Option<u64>, crate::error::Error> {
    if open(path)?.is_none() {
        return Ok(None);
    }
    let mut log = Log::new(path.to_owned()).tail(tail);
    let mut escaper = escaped.then(Escaper::default);
    let mut stdout = io::stdout().lock();
    let mut printed = 0;
    loop {
        let bytes = log.read()?;
        printed += bytes.len() as u64;
        let is_end = bytes.is_empty();
        let shown = super::sink::shown(&mut escaper, bytes, is_end);
        stdout.write_all(&shown).map_err(OutputError::Stdout)?;
        if is_end {
            stdout.flush().map_err(OutputError::Stdout)?;
            return Ok(Some(printed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_inside_the_job_folder_are_logs() {
        assert!(is_log("user_logs/std_log.txt"));
        assert!(is_log("user_logs/std_log_process_0.txt"));
        assert!(!is_log("user_logs/std_log/../../../x"));
        assert!(!is_log("system_logs/a.txt"));
    }

    #[test]
    fn the_last_lines_begin_behind_the_break_before_them() {
        let path = std::env::temp_dir().join(format!("jobctl-tail-{}", std::process::id()));
        let long = "x".repeat(READ_BYTES - 3);
        let text = format!("a\nb\n{long}\n\nlast");
        std::fs::write(&path, &text).unwrap();
        let tail = |lines| {
            let mut log = Log::new(path.clone()).tail(Some(lines));
            let mut all = Vec::new();
            loop {
                match log.read().unwrap() {
                    bytes if bytes.is_empty() => return String::from_utf8(all).unwrap(),
                    bytes => all.extend(bytes),
                }
            }
        };
        assert_eq!(tail(0), "");
        assert_eq!(tail(1), "last");
        assert_eq!(tail(2), "\nlast");
        assert_eq!(tail(3), format!("{long}\n\nlast"));
        assert_eq!(tail(4), format!("b\n{long}\n\nlast"));
        assert_eq!(tail(9), text);
        std::fs::write(&path, "a\nb\n").unwrap();
        assert_eq!((tail(1), tail(2)), ("b\n".into(), "a\nb\n".into()));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_is_no_file_is_refused_without_blocking() {
        let error = Log::new("/dev/null".into()).read().unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }
}
