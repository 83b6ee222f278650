//! The thin layer over the kernel that the daemon and the shim share: clocks, process identity,
//! file locks, mounts and whole-file writes. It decides nothing and keeps no state.

pub mod atomic;
pub mod clock;
pub mod cpu;
pub mod failpoint;
pub mod folder;
pub mod gate;
pub mod lease;
pub mod lock;
pub mod mount;
pub mod passing;
pub mod pidfd;
pub mod process;
pub mod reflink;
#[path = "../../../proto/sys/slice.rs"]
pub mod slice;
