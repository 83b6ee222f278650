//! Mounts that one process and its children see and nobody else (mount_namespaces(7)).
//!
//! Plain system calls that allocate nothing: they may be made between fork and exec.
#![expect(unsafe_code, reason = "after a fork only plain system calls are safe")]

use std::ffi::CStr;
use std::mem::{self, MaybeUninit};
use std::ptr;

use libc::{c_int, c_uint, c_ulong};
use nix::errno::Errno;

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

/// A mount namespace of this thread's own, which needs the rights of root.
///
/// # Errors
/// See unshare(2).
pub fn enter() -> Result<(), Errno> {
    unshare(libc::CLONE_NEWNS)
}

/// The same in a user namespace of its own, which needs no rights, and one thread.
///
/// # Errors
/// See unshare(2).
pub fn enter_as_user() -> Result<(), Errno> {
    unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS)
}

/// What is mounted here is not seen outside. What is mounted and unmounted outside is seen here:
/// a disk that is taken away must not be held by who never looked at it.
///
/// # Errors
/// See mount(2).
pub fn keep_to_itself() -> Result<(), Errno> {
    mount(c"none", c"/", libc::MS_REC | libc::MS_SLAVE)
}

/// Shows a file or folder, with everything that is mounted below, at another place or over itself.
///
/// # Errors
/// See mount(2).
pub fn bind(source: &CStr, target: &CStr) -> Result<(), Errno> {
    mount(source, target, libc::MS_BIND | libc::MS_REC)
}

/// Makes a mount read-only, with everything that is mounted below.
///
/// # Errors
/// See mount_setattr(2).
pub fn set_read_only(target: &CStr) -> Result<(), Errno> {
    match set_attributes(target, libc::MOUNT_ATTR_RDONLY, 0, libc::AT_RECURSIVE) {
        // Kernels before 5.12; what is mounted below stays as it is.
        Err(Errno::ENOSYS) => remount(target, libc::MS_RDONLY),
        result => result,
    }
}

/// Makes a mount writable again, and nothing that is mounted below.
///
/// # Errors
/// See mount_setattr(2).
pub fn set_writable(target: &CStr) -> Result<(), Errno> {
    match set_attributes(target, 0, libc::MOUNT_ATTR_RDONLY, 0) {
        Err(Errno::ENOSYS) => remount(target, 0),
        result => result,
    }
}

/// Whether nothing can be written there, whoever asks.
///
/// # Errors
/// See statvfs(3).
pub fn is_read_only(path: &CStr) -> Result<bool, Errno> {
    Ok(flags(path)? & libc::ST_RDONLY != 0)
}

fn set_attributes(target: &CStr, set: u64, clear: u64, flags: c_int) -> Result<(), Errno> {
    // SAFETY: zeroes are a valid value of this plain struct, which is valid for its size; the
    // path is ended by a null.
    let result = unsafe {
        let mut attributes: libc::mount_attr = mem::zeroed();
        attributes.attr_set = set;
        attributes.attr_clr = clear;
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            flags as c_uint,
            &raw const attributes,
            mem::size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(result).map(drop)
}

fn remount(target: &CStr, read_only: c_ulong) -> Result<(), Errno> {
    let had = flags(target)?;
    let kept = KEPT.iter().filter(|(has, _)| had & has != 0);
    let kept = kept.fold(0, |all, (_, keep)| all | keep);
    let what = libc::MS_REMOUNT | libc::MS_BIND | read_only;
    mount(c"none", target, what | kept)
}

fn flags(path: &CStr) -> Result<c_ulong, Errno> {
    let mut found = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path is ended by a null and there is room for the answer.
    Errno::result(unsafe { libc::statvfs(path.as_ptr(), found.as_mut_ptr()) })?;
    // SAFETY: statvfs(3) succeeded and filled it.
    Ok(unsafe { found.assume_init() }.f_flag)
}

fn mount(source: &CStr, target: &CStr, flags: c_ulong) -> Result<(), Errno> {
    let (kind, data) = (ptr::null(), ptr::null());
    // SAFETY: the paths are ended by a null; the kind and the data are not looked at.
    Errno::result(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind, flags, data) })
        .map(drop)
}

fn unshare(flags: c_int) -> Result<(), Errno> {
    // SAFETY: an integer; of the threads of this process only the calling one is concerned.
    Errno::result(unsafe { libc::unshare(flags) }).map(drop)
}
