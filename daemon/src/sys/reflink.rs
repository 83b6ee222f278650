//! Copies that share their blocks with the original until one of them is changed (ioctl_ficlone(2)).
#![expect(unsafe_code, reason = "an ioctl has no safe wrapper")]

use std::fs::File;
use std::os::fd::AsRawFd;

nix::ioctl_write_int!(
    /// FICLONE of linux/fs.h.
    ficlone,
    0x94,
    9
);

/// Makes an empty file share everything of another.
///
/// # Errors
/// Where the file system cannot, or the two are not on the same one.
pub fn share(from: &File, to: &File) -> nix::Result<()> {
    // The number is unsigned for the kernel; descriptors are never negative.
    let number = nix::sys::ioctl::ioctl_param_type::try_from(from.as_raw_fd());
    let number = number.map_err(|_| nix::errno::Errno::EBADF)?;
    // SAFETY: the kernel takes two descriptors, which are open, and touches no memory of ours.
    unsafe { ficlone(to.as_raw_fd(), number) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::share;
    use std::fs::{self, File};
    use std::io::Write;

    #[test]
    fn a_shared_file_has_the_same_bytes_and_its_own_life() {
        let path = std::env::temp_dir().join(format!("jobd-reflink-{}", std::process::id()));
        let other = path.with_extension("copy");
        fs::write(&path, "first").unwrap();
        let mut copy = File::create(&other).unwrap();
        match share(&File::open(&path).unwrap(), &copy) {
            Ok(()) => {
                assert_eq!(fs::read(&other).unwrap(), b"first");
                copy.write_all(b"F").unwrap();
                assert_eq!(fs::read(&other).unwrap(), b"First");
                assert_eq!(fs::read(&path).unwrap(), b"first");
            }
            Err(error) => {
                println!("SKIP: this file system shares no blocks: {error}");
                assert!(fs::read(&other).unwrap().is_empty(), "nothing was done");
            }
        }
        fs::remove_file(path).unwrap();
        fs::remove_file(other).unwrap();
    }
}
