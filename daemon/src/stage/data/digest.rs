//! What contents are called: `sha256:…` of a file's bytes, or of a folder's paths and files. It
//! is the same wherever they are: modes, times and links have no part in it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::{DataError, io_of};

const CHUNK: usize = 1 << 20;

/// The digits of a hash.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The digest of a file's contents, without `sha256:`.
pub(super) fn of_file(path: &Path, mut told: impl FnMut(u64)) -> Result<String, DataError> {
    let mut file = File::open(path).map_err(io_of("read", path))?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file.read(&mut chunk).map_err(io_of("read", path))?;
        if read == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&chunk[..read]);
        told(read as u64);
    }
}

/// The digest of a file whose contents have this hash.
pub(super) fn named(sha256: &str) -> String {
    format!("sha256:{sha256}")
}

/// The digest of a folder of these files: relative path → hash of the contents.
pub(super) fn of_tree(files: &BTreeMap<PathBuf, String>) -> String {
    let mut hash = Sha256::new();
    for (path, sha256) in files {
        hash.update(path.as_os_str().as_bytes());
        hash.update([0]);
        hash.update(sha256.as_bytes());
        hash.update(b"\n");
    }
    named(&hex(&hash.finalize()))
}
