//! Opens one spool file as if it were hostile, and settles it: admitted and removed, refused and
//! moved aside, or left for later.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, RenameFlags, openat};
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::sys::{clock, failpoint, lease};

/// The most bytes of a spool file: the job language's own bound.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// How long a file that was written in place must have been quiet, in microseconds.
const QUIET_MICROS: i64 = 250_000;
/// The most bytes of a refused file's own name in `rejected/`: Linux takes 255 (`NAME_MAX`), and a
/// number and `.error` may follow.
const REJECTED_NAME_BYTES_MAX: usize = 236;

/// The bits of a mode that let others than the owner write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// What an admitted file is called between the look at it and its removal; no job file's name.
const TAKEN_NAME: &str = ".admitted";

/// Why the spool cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The folder cannot be made, opened or read.
    #[error("{operation} the spool folder {}: {source}", path.display())]
    Folder {
        /// What was to be done.
        operation: &'static str,
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be moved or removed.
    #[error("{operation} {name} in the spool: {source}")]
    File {
        /// What was to be done.
        operation: &'static str,
        /// The file.
        name: String,
        /// Why.
        source: io::Error,
    },
}

/// What a spool file turned out to be.
#[derive(Debug)]
pub enum Opened {
    /// A whole job file with its unique key.
    File {
        /// The bytes.
        text: Vec<u8>,
        /// Tells this file from any other, also after a crash.
        key: String,
        /// The file itself: only this one is removed, and while it is open no other file can get
        /// its inode.
        file: File,
    },
    /// It is being written, or was just now.
    NotYet,
    /// It is gone.
    Gone,
    /// It is refused, and why.
    Refused(String),
}

/// The spool folder, held open: what is done with a file is done in the folder that was checked.
#[derive(Debug)]
pub struct Folder {
    pub(super) path: PathBuf,
    fd: OwnedFd,
    /// The same folder, to be read again and again: whoever watches it is not woken by that.
    entries: RefCell<Dir>,
    uid: u32,
    device: u64,
    inode: u64,
}

impl Folder {
    /// Opens the folder, which must belong to us; makes it with `rejected/` when it is not there.
    pub fn open(path: &Path) -> Result<Folder, SpoolError> {
        let failed = |operation| {
            move |source: io::Error| SpoolError::Folder {
                operation,
                path: path.into(),
                source,
            }
        };
        crate::sys::folder::make_all(path).map_err(failed("make"))?;
        crate::sys::folder::make_all(&path.join("rejected"))
            .map_err(failed("make rejected/ in"))?;
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let folder = nix::fcntl::open(path, flags, Mode::empty())
            .map(File::from)
            .map_err(|errno| failed("open")(errno.into()))?;
        let found = folder.metadata().map_err(failed("look at"))?;
        let uid = nix::unistd::geteuid().as_raw();
        if found.uid() != uid {
            return Err(failed("use")(io::Error::other(
                "it belongs to another user",
            )));
        }
        if found.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(failed("use")(io::Error::other(
                "others may write there, and so could replace files while they are looked at: \
                 chmod go-w it",
            )));
        }
        let entries = folder.try_clone().map_err(failed("open"))?;
        let entries = Dir::from_fd(entries.into()).map_err(|errno| failed("read")(errno.into()))?;
        Ok(Folder {
            path: path.into(),
            fd: folder.into(),
            entries: entries.into(),
            uid,
            device: found.dev(),
            inode: found.ino(),
        })
    }

    /// Whether it still is what its path leads to, with the place for what is refused.
    pub fn is_in_place(&self) -> bool {
        let found = self.path.symlink_metadata();
        let is_same = found.is_ok_and(|it| (it.dev(), it.ino()) == (self.device, self.inode));
        is_same && self.path.join("rejected").is_dir()
    }

    /// The names that may be job files.
    pub fn names(&self) -> Result<Vec<OsString>, SpoolError> {
        let failed = |errno: Errno| SpoolError::Folder {
            operation: "read",
            path: self.path.clone(),
            source: errno.into(),
        };
        let mut names = Vec::new();
        for entry in self.entries.borrow_mut().iter() {
            let entry = entry.map_err(failed)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
            let bytes = name.as_encoded_bytes();
            let wanted = bytes.ends_with(b".yml") || bytes.ends_with(b".yaml");
            if wanted && !bytes.starts_with(b".") {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Opens a file without following, blocking or believing anything.
    pub fn open_file(&self, name: &OsStr, moved_in: bool) -> Opened {
        let flags = OFlag::O_RDONLY
            | OFlag::O_NOFOLLOW
            | OFlag::O_NONBLOCK
            | OFlag::O_NOCTTY
            | OFlag::O_CLOEXEC;
        let file = match openat(self.fd.as_fd(), name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::ENOENT) => return Opened::Gone,
            Err(Errno::ELOOP) => {
                return Opened::Refused("it is a symbolic link; put the file itself here".into());
            }
            // No fault of the file.
            Err(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM) => return Opened::NotYet,
            Err(Errno::ENXIO) => return Opened::Refused("it is not a regular file".into()),
            Err(errno) => return Opened::Refused(format!("it cannot be opened: {}", errno.desc())),
        };
        match self.read(file, moved_in) {
            Ok(opened) => opened,
            Err(error) => Opened::Refused(format!("it cannot be read: {error}")),
        }
    }

    fn read(&self, file: File, moved_in: bool) -> io::Result<Opened> {
        let before = file.metadata()?;
        if let Some(reason) = self.objection(&before) {
            return Ok(Opened::Refused(reason));
        }
        if !moved_in && !is_quiet(&before) || lease::is_being_written(&file)? {
            return Ok(Opened::NotYet);
        }
        let mut text = Vec::new();
        (&file).take(FILE_BYTES_MAX + 1).read_to_end(&mut text)?;
        let after = file.metadata()?;
        let same = |a: &std::fs::Metadata, b: &std::fs::Metadata| {
            (a.len(), a.mtime(), a.mtime_nsec()) == (b.len(), b.mtime(), b.mtime_nsec())
        };
        if !same(&before, &after) {
            return Ok(Opened::NotYet);
        }
        let key = format!(
            "{:x}.{:x}.{:x}.{:x}.{:x}.{:x}",
            before.dev(),
            before.ino(),
            before.ctime(),
            before.ctime_nsec(),
            before.mtime(),
            before.mtime_nsec()
        );
        Ok(Opened::File { text, key, file })
    }

    /// What is wrong with a file before its first byte is read.
    fn objection(&self, found: &std::fs::Metadata) -> Option<String> {
        if !found.is_file() {
            return Some("it is not a regular file".into());
        }
        if found.uid() != self.uid {
            return Some("it belongs to another user".into());
        }
        if found.nlink() > 1 {
            return Some("it has other names (hard links); put a copy here".into());
        }
        if found.mode() & WRITABLE_BY_OTHERS != 0 {
            return Some("others may write to it; use `chmod go-w`".into());
        }
        if found.dev() != self.device {
            return Some("it is on another file system than the spool folder".into());
        }
        if found.len() > FILE_BYTES_MAX {
            return Some(format!("it is larger than {FILE_BYTES_MAX} bytes"));
        }
        None
    }

    /// Removes a file that was admitted, if it is still the one that was read. It is taken away
    /// first and looked at again then: nothing that was put in its place meanwhile is dropped.
    pub fn remove(&self, name: &OsStr, read: &File) -> Result<(), SpoolError> {
        let failed = |source| SpoolError::File {
            operation: "remove",
            name: name.to_string_lossy().into_owned(),
            source,
        };
        let inode = read.metadata().map_err(failed)?.ino();
        if !self.is_inode(name, inode).map_err(failed)? {
            return Ok(());
        }
        failpoint::io("spool.remove").map_err(failed)?;
        let fd = self.fd.as_fd();
        let taken = OsStr::new(TAKEN_NAME);
        match nix::fcntl::renameat(fd, name, fd, taken) {
            Ok(()) => {}
            Err(Errno::ENOENT) => return Ok(()),
            Err(errno) => return Err(failed(errno.into())),
        }
        if self.is_inode(taken, inode).map_err(failed)? {
            let removed = unlinkat(fd, taken, UnlinkatFlags::NoRemoveDir);
            return removed.map_err(|errno| failed(errno.into()));
        }
        let back = RenameFlags::RENAME_NOREPLACE;
        match nix::fcntl::renameat2(fd, taken, fd, name, back) {
            Err(Errno::EEXIST) => self.reject(taken, "another file has taken its name\n"),
            put_back => put_back.map_err(|errno| failed(errno.into())),
        }
    }

    /// Whether the name is that inode's; false when there is no such name.
    fn is_inode(&self, name: &OsStr, inode: u64) -> io::Result<bool> {
        match fstatat(self.fd.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(found.st_ino == inode),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Moves a file to `rejected/` and puts the reason beside it. The reason is written first, so
    /// that no file is ever there without one.
    pub fn reject(&self, name: &OsStr, reason: &str) -> Result<(), SpoolError> {
        let failed = |operation| {
            move |source: io::Error| SpoolError::File {
                operation,
                name: name.to_string_lossy().into_owned(),
                source,
            }
        };
        let target = self.free_name(&name.to_string_lossy());
        let rejected = self.path.join("rejected");
        failpoint::io("spool.explain")
            .and_then(|()| File::create(rejected.join(format!("{target}.error"))))
            .and_then(|mut file| file.write_all(reason.as_bytes()))
            .map_err(failed("explain"))?;
        failpoint::reach("spool.explained");
        failpoint::io("spool.move-aside").map_err(failed("move aside"))?;
        let moved = nix::fcntl::renameat(
            self.fd.as_fd(),
            name,
            self.fd.as_fd(),
            Path::new("rejected").join(&target).as_path(),
        );
        match moved {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(failed("move aside")(errno.into())),
        }
    }

    /// The name under which a refused file is kept: its own, or with a number when that is taken.
    fn free_name(&self, name: &str) -> String {
        let rejected = self.path.join("rejected");
        let taken = |name: &str| rejected.join(name).symlink_metadata().is_ok();
        let name = cut(name);
        let numbered = (1..).map(|number| format!("{name}.{number}"));
        std::iter::once(name.to_owned())
            .chain(numbered)
            .find(|candidate| !taken(candidate))
            .unwrap_or_else(|| name.to_owned())
    }
}

/// The beginning of a name that leaves room for a number and `.error`.
fn cut(name: &str) -> &str {
    let end = name.floor_char_boundary(REJECTED_NAME_BYTES_MAX);
    &name[..end]
}

fn is_quiet(found: &std::fs::Metadata) -> bool {
    let age = found
        .modified()
        .map(|at| clock::wall_micros().saturating_sub(clock::micros_of(at)));
    // A time in the future says nothing; the lease still tells whether somebody writes.
    !matches!(age, Ok(age) if (0..QUIET_MICROS).contains(&age))
}
