//! A gate that one process opens and another waits at: an eventfd (eventfd(2)).

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};

/// Bytes of an eventfd's count.
const COUNT_BYTES: usize = 8;

/// The gate. It is readable while it is open.
#[derive(Debug)]
pub struct Gate(File);

impl Gate {
    /// A closed gate.
    ///
    /// # Errors
    /// What eventfd(2) says.
    pub fn new() -> Result<Gate, Errno> {
        let gate = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        Ok(Gate::from(OwnedFd::from(gate)))
    }

    /// Opens it; once more changes nothing.
    pub fn open(&self) {
        // It fails only when it was opened 2^64 times.
        let _open = (&self.0).write(&1u64.to_ne_bytes());
    }

    /// Closes it; once more changes nothing.
    pub fn close(&self) {
        // It fails only when it is closed.
        let _closed = (&self.0).read(&mut [0; COUNT_BYTES]);
    }
}

impl From<OwnedFd> for Gate {
    fn from(gate: OwnedFd) -> Gate {
        Gate(gate.into())
    }
}

impl AsFd for Gate {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
