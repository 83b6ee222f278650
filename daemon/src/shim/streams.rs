//! The files of a stage: its order and the place of its report, opened by the supervisor because
//! the step directory is not the user's.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use nix::fcntl::{FallocateFlags, OFlag, fallocate, openat};
use nix::sys::stat::Mode;
use proto::stage::{ORDER_FILE, REPORT_FILE};

use crate::sys::atomic;

/// Bytes that are taken for the report before the start: on a disk that the stage fills, it can
/// still say so.
const REPORT_ROOM_BYTES: i64 = 4096;

/// What a stage gets besides its output.
#[derive(Debug)]
pub(super) struct Streams {
    /// Becomes standard input.
    pub order: File,
    /// Becomes descriptor [`proto::stage::REPORT_FD`].
    pub report: File,
}

impl Streams {
    /// Opens both; the report is empty.
    ///
    /// # Errors
    /// What was opened, and what the file system said.
    pub(super) fn open(directory: impl AsFd) -> Result<Streams, (&'static str, io::Error)> {
        let directory = directory.as_fd();
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let order = openat(directory, ORDER_FILE, flags, Mode::empty());
        let order = order.map_err(|errno| (ORDER_FILE, errno.into()))?;
        let report = atomic::create_at(directory, REPORT_FILE);
        let report = report.map_err(|error| (REPORT_FILE, error))?;
        // Without the room the report is as likely to fit as before.
        let flags = FallocateFlags::FALLOC_FL_KEEP_SIZE;
        let _unsupported = fallocate(&report, flags, 0, REPORT_ROOM_BYTES);
        Ok(Streams {
            order: order.into(),
            report,
        })
    }
}
