//! The state folder on a small disk that can be filled, where this process may mount.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// Room for some tens of thousands of jobs.
const OPTIONS: &str = "size=512m,nr_inodes=1000000,mode=0700";

/// A mounted disk; unmounted when it is dropped.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
}

impl Disk {
    pub fn mount(path: &Path) -> Option<Disk> {
        fs::create_dir_all(path).ok()?;
        let flags = MsFlags::empty();
        mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some(OPTIONS)).ok()?;
        Some(Disk { path: path.into() })
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }

    pub fn is_full(&self) -> bool {
        self.filler().exists()
    }

    pub fn fill(&self) {
        if let Ok(mut file) = File::create(self.filler()) {
            let bytes = vec![0; 1 << 20];
            while file.write_all(&bytes).is_ok() {}
        }
    }

    pub fn free(&self) {
        let _not_full = fs::remove_file(self.filler());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _busy = umount2(&self.path, MntFlags::MNT_DETACH);
    }
}
