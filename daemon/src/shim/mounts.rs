//! What the command sees in another place, read-only: a mount namespace of its own.
//!
//! It is made after the change of identity: what is mounted is what the user may see, and a user
//! who is not privileged gets a user namespace around it, in which no mount can raise anybody's
//! rights (user_namespaces(7)). Between fork and exec only plain system calls are made; the
//! strings for them are made ready here before.
#![expect(unsafe_code, reason = "after a fork only plain system calls are safe")]

use std::ffi::{CStr, CString, NulError, OsStr};
use std::io::Write;
use std::mem::{self, MaybeUninit};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use libc::{c_int, c_ulong};
use nix::errno::Errno;
use nix::unistd::{Gid, Uid};
use proto::record::Spec;

/// Mount flags and what statvfs(3) calls them: what a mount has must be kept in a remount
/// (mount(2), `MS_REMOUNT`).
const KEPT: [(c_ulong, c_ulong); 6] = [
    (libc::ST_NOSUID, libc::MS_NOSUID),
    (libc::ST_NODEV, libc::MS_NODEV),
    (libc::ST_NOEXEC, libc::MS_NOEXEC),
    (libc::ST_NOATIME, libc::MS_NOATIME),
    (libc::ST_NODIRATIME, libc::MS_NODIRATIME),
    (libc::ST_RELATIME, libc::MS_RELATIME),
];

/// The mounts of a step, ready to be made.
#[derive(Debug)]
pub(super) struct Mounts {
    all: Vec<Bound>,
    uid_map: Vec<u8>,
    gid_map: Vec<u8>,
}

#[derive(Debug)]
struct Bound {
    source: CString,
    target: CString,
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
        let path = |path: &Path| CString::new(OsStr::as_bytes(path.as_os_str()));
        let all = spec.mounts.iter().map(|one| {
            Ok(Bound {
                source: path(&one.mount.source)?,
                target: path(&one.mount.target)?,
            })
        });
        let user = spec.user.as_ref();
        let uid = user.map_or(Uid::effective().as_raw(), |user| user.uid);
        let gid = user.map_or(Gid::effective().as_raw(), |user| user.gid);
        Ok(Some(Mounts {
            all: all.collect::<Result<_, NulError>>()?,
            uid_map: to_itself(uid),
            gid_map: to_itself(gid),
        }))
    }

    /// Makes them. To be called in a forked child only, once it is the user.
    ///
    /// # Errors
    /// Which one cannot be made and why; the first where there can be none at all.
    pub(super) fn make(&self) -> Result<(), (u32, Errno)> {
        self.enter().map_err(|errno| (0, errno))?;
        for (index, bound) in (0u32..).zip(&self.all) {
            bound.make().map_err(|errno| (index, errno))?;
        }
        Ok(())
    }

    /// A mount namespace whose mounts nobody else sees.
    fn enter(&self) -> Result<(), Errno> {
        if unshare(libc::CLONE_NEWNS).is_err() {
            self.enter_as_user()?;
        }
        mount(c"none", c"/", libc::MS_REC | libc::MS_PRIVATE)
    }

    fn enter_as_user(&self) -> Result<(), Errno> {
        // A change of identity took it away, and with it the own files in /proc (proc(5)).
        // SAFETY: integers only.
        Errno::result(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1) })?;
        unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS)?;
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

impl Bound {
    fn make(&self) -> Result<(), Errno> {
        mount(&self.source, &self.target, libc::MS_BIND | libc::MS_REC)?;
        match set_read_only(&self.target) {
            // Kernels before 5.12; what is mounted below stays as it is.
            Err(Errno::ENOSYS) => remount_read_only(&self.target),
            result => result,
        }
    }
}

/// With everything that is mounted below (mount_setattr(2)).
fn set_read_only(target: &CStr) -> Result<(), Errno> {
    // SAFETY: zeroes are a valid value of this plain struct, which is valid for its size; the
    // path is ended by a null.
    let result = unsafe {
        let mut attributes: libc::mount_attr = mem::zeroed();
        attributes.attr_set = libc::MOUNT_ATTR_RDONLY;
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            mem::size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(result).map(drop)
}

fn remount_read_only(target: &CStr) -> Result<(), Errno> {
    let mut found = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path is ended by a null and there is room for the answer.
    Errno::result(unsafe { libc::statvfs(target.as_ptr(), found.as_mut_ptr()) })?;
    // SAFETY: statvfs(3) succeeded and filled it.
    let had = unsafe { found.assume_init() }.f_flag;
    let mut flags = libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY;
    for (has, keep) in KEPT {
        if had & has != 0 {
            flags |= keep;
        }
    }
    mount(c"none", target, flags)
}

fn mount(source: &CStr, target: &CStr, flags: c_ulong) -> Result<(), Errno> {
    let (kind, data) = (ptr::null(), ptr::null());
    // SAFETY: the paths are ended by a null; the kind and the data are not looked at.
    Errno::result(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind, flags, data) })
        .map(drop)
}

fn unshare(flags: c_int) -> Result<(), Errno> {
    // SAFETY: an integer; there is one thread.
    Errno::result(unsafe { libc::unshare(flags) }).map(drop)
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
