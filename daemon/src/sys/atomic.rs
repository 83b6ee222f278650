//! Files that are read and written as a whole.
//!
//! A reader sees the old content or the new, never a part: the new content is written under
//! `<name>.tmp` beside it and renamed. Nothing is synced; durability is the store's affair.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::{FallocateFlags, OFlag, fallocate, openat, renameat};
use nix::sys::stat::Mode;
use thiserror::Error;

/// The end of the name under which new content is written.
pub const TMP_SUFFIX: &str = ".tmp";
/// Records may hold a job's environment, so nobody else reads them.
const MODE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);

/// Why a file was not read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file is there and cannot be read.
    #[error("cannot read the file: {0}")]
    Io(#[from] io::Error),
    /// A folder, device, socket or pipe.
    #[error("not a regular file")]
    NotRegular,
    /// More than the caller takes.
    #[error("longer than {max} bytes")]
    TooLong {
        /// The most that was allowed, in bytes.
        max: u64,
    },
}

/// Makes a file of an open directory hold exactly `bytes`, with mode 0600 for a new file.
///
/// # Errors
/// Whatever the file system says; the file is then as it was.
pub fn write_at(directory: impl AsFd, name: &str, bytes: &[u8]) -> io::Result<()> {
    let directory = directory.as_fd();
    let tmp = format!("{name}{TMP_SUFFIX}");
    create_at(directory, &tmp)?.write_all(bytes)?;
    Ok(renameat(directory, tmp.as_str(), directory, name)?)
}

/// Makes a new file with these bytes at once, under its own name: for a record that counts only
/// after something else has followed it, so that a part of it means as little as none.
///
/// # Errors
/// Whatever the file system says; a part of the file may be there then.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .write(true)
        .create_new(true)
        .mode(MODE.bits())
        .open(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Takes room on the disk for what is to be written to a file from its end on.
///
/// # Errors
/// No space, or whatever the file system says.
pub fn take_room(file: &File, bytes: u16) -> io::Result<()> {
    let end = file.metadata()?.len();
    let offset = i64::try_from(end).map_err(io::Error::other)?;
    let flags = FallocateFlags::FALLOC_FL_KEEP_SIZE;
    if fallocate(file, flags, offset, i64::from(bytes)).is_err() {
        // Not every file system can; blanks take the room too, or there is none.
        file.write_all_at(&vec![b' '; usize::from(bytes)], end)?;
    }
    Ok(())
}

/// Opens an empty file, relative to an open directory, to be filled and renamed later.
///
/// # Errors
/// Whatever the file system says.
pub fn create_at(directory: impl AsFd, name: &str) -> io::Result<File> {
    open_at(directory, name, OFlag::O_TRUNC)
}

fn open_at(directory: impl AsFd, name: &str, more: OFlag) -> io::Result<File> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | more;
    Ok(File::from(openat(directory, name, flags, MODE)?))
}

/// The content of a regular file of at most `max` bytes; none if there is no such file.
///
/// # Errors
/// [`ReadError`]: links are not followed, and a pipe or device does not block.
pub fn read_bounded(path: &Path, max: u64) -> Result<Option<Vec<u8>>, ReadError> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path);
    match opened {
        Ok(file) => read_file_bounded(&file, max).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The rest of an open regular file, of at most `max` bytes.
///
/// # Errors
/// As [`read_bounded`].
pub fn read_file_bounded(file: &File, max: u64) -> Result<Vec<u8>, ReadError> {
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(ReadError::NotRegular);
    }
    // In one go, as it hardly grows meanwhile.
    let expected = usize::try_from(found.len().min(max)).unwrap_or(0);
    let mut bytes = Vec::with_capacity(expected.saturating_add(1));
    let read = file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if read as u64 > max {
        return Err(ReadError::TooLong { max });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("jobd-atomic-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        path
    }

    fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
        let folder = File::open(path.parent().unwrap())?;
        write_at(&folder, path.file_name().unwrap().to_str().unwrap(), bytes)
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else_is_left() {
        let folder = folder("round");
        let path = folder.join("record");
        assert!(read_bounded(&path, 10).unwrap().is_none());
        write(&path, b"a longer first").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(read_bounded(&path, 6).unwrap().unwrap(), b"second");
        assert!(matches!(
            read_bounded(&path, 5),
            Err(ReadError::TooLong { max: 5 })
        ));
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn only_regular_files_are_read() {
        let folder = folder("kinds");
        let pipe = folder.join("pipe");
        nix::unistd::mkfifo(&pipe, Mode::S_IRUSR).unwrap();
        assert!(matches!(read_bounded(&pipe, 1), Err(ReadError::NotRegular)));
        assert!(matches!(
            read_bounded(&folder, 1),
            Err(ReadError::NotRegular)
        ));
        std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
        assert!(matches!(
            read_bounded(&folder.join("link"), 1 << 20),
            Err(ReadError::Io(_))
        ));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
