//! What the command sees read-only: a mount namespace of its own.
//!
//! It is made after the change of identity: what is mounted is what the user may see, and a user
//! who is not privileged gets a user namespace around it, in which no mount can raise anybody's
//! rights (user_namespaces(7)). Between fork and exec only plain system calls are made; the
//! strings for them are made ready here before.
//!
//! An optional mount is data that the command reads where it is, mounted over itself: the path
//! stays what it was, and the command cannot write to it. It is not worth a user namespace, in
//! which `sudo` fails and other people's files are nobody's, nor the job: where it cannot be made,
//! the command can write, and its log says so. (Landlock, which needs no rights, is no way: it
//! allows by hierarchy and can except nothing below it, so everything beside the data would have
//! to be listed; and it takes `sudo` away, too.)
#![expect(unsafe_code, reason = "after a fork only plain system calls are safe")]

use std::cell::Cell;
use std::ffi::{CStr, CString, NulError, OsStr};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid};
use proto::record::{InputMount, Spec};

use crate::sys::mount;

/// The mounts of a step, ready to be made.
#[derive(Debug)]
pub(super) struct Mounts {
    all: Vec<Bound>,
    writable: Vec<Writable>,
    /// The first that the command cannot do without.
    first_needed: Option<u32>,
    uid_map: Vec<u8>,
    gid_map: Vec<u8>,
}

#[derive(Debug)]
struct Bound {
    source: CString,
    target: CString,
    /// What the command's log says where it does without.
    without: Option<CString>,
}

/// What must not become read-only with what it lies in.
#[derive(Debug)]
struct Writable {
    path: CString,
    /// Nobody makes writable what was not.
    was_writable: Cell<bool>,
}

impl Mounts {
    /// Makes them ready; none where the spec has none.
    ///
    /// # Errors
    /// A path with a NUL byte.
    pub(super) fn new(spec: &Spec) -> Result<Option<Mounts>, NulError> {
        if spec.mounts.is_empty() {
            return Ok(None);
        }
        let user = spec.user.as_ref();
        let uid = user.map_or(Uid::effective().as_raw(), |user| user.uid);
        let gid = user.map_or(Gid::effective().as_raw(), |user| user.gid);
        let mut needed = (0u32..).zip(&spec.mounts).filter(|(_, one)| !one.optional);
        let writable = spec.writable.iter().map(|path| {
            Ok(Writable {
                path: to_c(path)?,
                was_writable: Cell::new(false),
            })
        });
        Ok(Some(Mounts {
            all: spec
                .mounts
                .iter()
                .map(Bound::new)
                .collect::<Result<_, _>>()?,
            writable: writable.collect::<Result<_, NulError>>()?,
            first_needed: needed.next().map(|(index, _)| index),
            uid_map: to_itself(uid),
            gid_map: to_itself(gid),
        }))
    }

    /// Makes them. To be called in a forked child only, once it is the user.
    ///
    /// # Errors
    /// Which one cannot be made and why; the first that is needed where there can be none at all.
    pub(super) fn make(&self) -> Result<(), (u32, Errno)> {
        match (self.enter(), self.first_needed) {
            (Ok(()), _) => {}
            (Err(errno), Some(index)) => return Err((index, errno)),
            (Err(_), None) => {
                self.all.iter().for_each(Bound::tell);
                return Ok(());
            }
        }
        self.writable.iter().for_each(Writable::look);
        for (index, bound) in (0u32..).zip(&self.all) {
            match bound.make() {
                Err(errno) if bound.without.is_none() => return Err((index, errno)),
                Err(_) => bound.tell(),
                Ok(()) => {}
            }
        }
        let mut writable = self.writable.iter();
        writable.try_for_each(|one| one.keep().map_err(|errno| (0, errno)))
    }

    /// A mount namespace whose mounts nobody else sees.
    fn enter(&self) -> Result<(), Errno> {
        match mount::enter() {
            Err(_) if self.first_needed.is_some() => self.enter_as_user()?,
            result => result?,
        }
        mount::keep_to_itself()
    }

    fn enter_as_user(&self) -> Result<(), Errno> {
        // A change of identity took it away, and with it the own files in /proc (proc(5)).
        // SAFETY: integers only.
        Errno::result(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1) })?;
        mount::enter_as_user()?;
        write(c"/proc/self/uid_map", &self.uid_map)?;
        write(c"/proc/self/setgroups", b"deny")?;
        write(c"/proc/self/gid_map", &self.gid_map)
    }
}

/// A user or group that keeps its number.
fn to_itself(id: u32) -> Vec<u8> {
    let mut map = Vec::new();
    // Writing to memory does not fail.
    let _written = write!(map, "{id} {id} 1");
    map
}

fn to_c(path: &Path) -> Result<CString, NulError> {
    CString::new(OsStr::as_bytes(path.as_os_str()))
}

impl Bound {
    fn new(one: &InputMount) -> Result<Bound, NulError> {
        let (name, path) = (&one.name, one.mount.source.display());
        let without = one.optional.then(|| {
            CString::new(format!(
                "jobd: {name}: {path} cannot be mounted read-only here: the command can write to it\n"
            ))
        });
        Ok(Bound {
            source: to_c(&one.mount.source)?,
            target: to_c(&one.mount.target)?,
            without: without.transpose()?,
        })
    }

    fn make(&self) -> Result<(), Errno> {
        mount::bind(&self.source, &self.target)?;
        mount::set_read_only(&self.target)
    }

    fn tell(&self) {
        if let Some(text) = &self.without {
            let bytes = text.as_bytes();
            // SAFETY: the bytes are valid for their length. Where nobody listens nobody is told.
            unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
        }
    }
}

impl Writable {
    fn look(&self) {
        self.was_writable
            .set(mount::is_read_only(&self.path) == Ok(false));
    }

    fn keep(&self) -> Result<(), Errno> {
        if !self.was_writable.get() || !mount::is_read_only(&self.path)? {
            return Ok(());
        }
        mount::bind(&self.path, &self.path)?;
        mount::set_writable(&self.path)
    }
}

fn write(path: &CStr, bytes: &[u8]) -> Result<(), Errno> {
    // SAFETY: the path is ended by a null, the bytes are valid for their length, and the
    // descriptor is this function's own.
    unsafe {
        let fd = Errno::result(libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC))?;
        let written = Errno::result(libc::write(fd, bytes.as_ptr().cast(), bytes.len()));
        libc::close(fd);
        written.map(drop)
    }
}
