//! The signs of life of a command: output, or a change of its heartbeat file. Whether it is
//! silent is told by a record in the step directory, which is there as long as the silence.

use std::fs::symlink_metadata;
use std::os::unix::fs::MetadataExt;

use proto::record::HeartbeatSpec;

use super::record::Records;

/// What was last seen of the file: its inode and change time. The time is only compared with
/// itself, so a clock that jumps is at most one beat.
type Stamp = (u64, i64, i64);

/// The file, and what the record says.
#[derive(Debug)]
pub(super) struct Heartbeat<'a> {
    spec: &'a HeartbeatSpec,
    records: &'a Records,
    stamp: Option<Stamp>,
    is_recorded: bool,
}

impl<'a> Heartbeat<'a> {
    /// Nothing was seen yet, and no silence is recorded.
    pub(super) fn new(spec: &'a HeartbeatSpec, records: &'a Records) -> Heartbeat<'a> {
        let mut heartbeat = Heartbeat {
            spec,
            records,
            stamp: None,
            is_recorded: false,
        };
        heartbeat.has_changed();
        heartbeat
    }

    /// Whether the file has changed since the last look.
    pub(super) fn has_changed(&mut self) -> bool {
        let found = symlink_metadata(&self.spec.path).ok();
        let stamp = found.map(|found| (found.ino(), found.ctime(), found.ctime_nsec()));
        let is_other = stamp.is_some() && stamp != self.stamp;
        self.stamp = stamp;
        is_other
    }

    /// Makes the record say how it is. What fails is tried again by the next look.
    pub(super) fn tell(&mut self, silence_ms: Option<u64>) {
        if silence_ms.is_some() == self.is_recorded {
            return;
        }
        let told = match silence_ms {
            Some(silence_ms) => self.records.silent(silence_ms),
            None => self.records.heard(),
        };
        if told.is_ok() {
            self.is_recorded = silence_ms.is_some();
        }
    }
}
