//! Whether somebody has a file open for writing, by the kernel's own word: a read lease is
//! granted only where nobody has (fcntl(2), `F_SETLEASE`).

#![expect(unsafe_code, reason = "fcntl(F_SETLEASE) has no safe wrapper")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Whether the file is open for writing anywhere. File systems without leases cannot tell: they
/// count as quiet, and the caller's own rule must do.
///
/// # Errors
/// What fcntl(2) says beyond that.
pub fn is_being_written(file: &File) -> io::Result<bool> {
    match set(file, libc::F_RDLCK) {
        Ok(()) => {
            set(file, libc::F_UNLCK)?;
            Ok(false)
        }
        Err(error) => match error.raw_os_error() {
            Some(libc::EAGAIN) => Ok(true),
            Some(libc::EINVAL | libc::EACCES | libc::ENOLCK | libc::EOPNOTSUPP) => Ok(false),
            _ => Err(error),
        },
    }
}

fn set(file: &File, lease: libc::c_int) -> io::Result<()> {
    // SAFETY: F_SETLEASE takes an integer and touches no memory of ours.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, lease) };
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::is_being_written;
    use std::fs::{self, File, OpenOptions};

    #[test]
    fn a_writer_is_seen_and_a_reader_is_not() {
        let path = std::env::temp_dir().join(format!("jobd-lease-{}", std::process::id()));
        fs::write(&path, "x").unwrap();
        let file = File::open(&path).unwrap();
        let _reader = File::open(&path).unwrap();
        assert!(!is_being_written(&file).unwrap());
        let writer = OpenOptions::new().append(true).open(&path).unwrap();
        assert!(is_being_written(&file).unwrap());
        drop(writer);
        assert!(!is_being_written(&file).unwrap());
        fs::remove_file(path).unwrap();
    }
}
