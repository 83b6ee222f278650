//! Where a child says why it could not become the command: a number in memory that it shares with
//! the supervisor until its exec. One serves every step of a shim.
#![expect(unsafe_code, reason = "memory that a fork shares has no safe wrapper")]

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;

use super::child::Failure;

/// No failure.
const NONE: u64 = 0;

/// The number.
#[derive(Debug)]
pub(super) struct Report(NonNull<AtomicU64>);

impl Report {
    /// Takes the memory, which is this process' for life.
    pub(super) fn new() -> Result<Report, Errno> {
        let (protection, flags) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
        );
        // SAFETY: no address is asked for and no file is mapped.
        let memory = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size_of::<AtomicU64>(),
                protection,
                flags,
                -1,
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        NonNull::new(memory.cast()).map(Report).ok_or(Errno::ENOMEM)
    }

    /// Says it; safe in a forked child.
    pub(super) fn tell(&self, failure: Failure) {
        self.number().store(failure.to_number(), Ordering::SeqCst);
    }

    /// Takes what the child has said that has ended, if it has said something.
    pub(super) fn take(&self) -> Option<Failure> {
        Failure::from_number(self.number().swap(NONE, Ordering::SeqCst))
    }

    fn number(&self) -> &AtomicU64 {
        // SAFETY: the mapping is aligned to pages, begins with zeroes and is never unmapped.
        unsafe { self.0.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shim::child::Stage;

    #[test]
    fn what_was_said_is_taken_once() {
        let report = Report::new().unwrap();
        assert_eq!(report.take(), None);
        let failure = Failure {
            stage: Stage::Session,
            index: 0,
            errno: Errno::EPERM,
        };
        report.tell(failure);
        assert_eq!(report.take(), Some(failure));
        assert_eq!(report.take(), None);
    }
}
