//! The clocks, and the identity of this boot.
//!
//! Every limit and duration is monotonic. Wall-clock time is shown to people; it is compared with
//! nothing but the times of files in the spool and the days that ended jobs are kept.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

use super::failpoint;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Microseconds since the Unix epoch, negative before it.
#[must_use]
pub fn wall_micros() -> i64 {
    micros_of(SystemTime::now()).saturating_add(failpoint::clock_jump_micros())
}

/// A moment, such as a file's time, in microseconds since the Unix epoch, negative before it.
#[must_use]
pub fn micros_of(moment: SystemTime) -> i64 {
    match moment.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |us| -us),
    }
}

/// Milliseconds of `CLOCK_MONOTONIC`, rounded down. The clock is the same in every process of
/// this boot and stands still while the machine sleeps.
#[must_use]
pub fn monotonic_ms() -> u64 {
    // clock_gettime(2) fails for an unknown clock or a bad address only: neither is possible here.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| {
        let seconds = u64::try_from(now.tv_sec()).unwrap_or(0);
        let nanoseconds = u64::try_from(now.tv_nsec()).unwrap_or(0);
        seconds * 1_000 + nanoseconds / 1_000_000
    })
}

/// The random name of this boot, `/proc/sys/kernel/random/boot_id` (random(4)).
///
/// # Errors
/// When `/proc` cannot be read.
pub fn boot_id() -> io::Result<String> {
    std::fs::read_to_string(BOOT_ID).map(|text| text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_does_not_go_back() {
        let first = monotonic_ms();
        assert!(first > 0);
        assert!(monotonic_ms() >= first);
    }

    #[test]
    fn the_boot_id_is_a_uuid() {
        assert_eq!(boot_id().unwrap().len(), 36);
    }
}
