//! How the scheduler is to take turns with a thread. A source of jobctl and of jobd, each of which
//! takes it into its own `sys`: proto itself asks nothing of the system.

#![expect(unsafe_code, reason = "sched_setattr(2) has no wrapper")]

use std::mem;

use nix::errno::Errno;
use nix::libc;

/// How long a thread that others wait for means to run at a time, in nanoseconds: the least that
/// Linux takes.
const SHORT_NS: u64 = 100_000;
const SELF: libc::pid_t = 0;
const NO_FLAGS: libc::c_uint = 0;

/// Tells the scheduler that the calling thread runs for moments only: when it wakes up it goes
/// ahead of what runs, such as a job that it has just asked for, and does not wait until that has
/// had its time. Threads and processes that it starts begin as if nothing had been said.
/// Priorities stay, and so does what somebody has set on purpose: another policy. Linux before
/// 6.12 takes no notice.
///
/// # Errors
/// What `sched_getattr(2)` or `sched_setattr(2)` says.
pub fn shorten() -> nix::Result<()> {
    let mut attributes = read()?;
    if attributes.sched_policy != libc::SCHED_OTHER.unsigned_abs() {
        return Ok(());
    }
    attributes.sched_runtime = SHORT_NS;
    attributes.sched_flags |= u64::from(libc::SCHED_FLAG_RESET_ON_FORK.unsigned_abs());
    let from = &raw const attributes;
    // SAFETY: the kernel reads as many bytes as the structure says that it has.
    let set = unsafe { libc::syscall(libc::SYS_sched_setattr, SELF, from, NO_FLAGS) };
    Errno::result(set).map(drop)
}

fn read() -> nix::Result<libc::sched_attr> {
    // SAFETY: all of it is numbers.
    let mut attributes: libc::sched_attr = unsafe { mem::zeroed() };
    let (to, size) = (&raw mut attributes, size_of::<libc::sched_attr>());
    // SAFETY: the kernel writes as many bytes as it is told that there are.
    let read = unsafe { libc::syscall(libc::SYS_sched_getattr, SELF, to, size, NO_FLAGS) };
    Errno::result(read).map(|_| attributes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn slices_are_short_and_nobody_inherits_them() {
        let before = read().unwrap();
        shorten().unwrap();
        let after = read().unwrap();
        assert_eq!(after.sched_nice, before.sched_nice);
        // A kernel that takes no notice says 0, as before.
        let short = if before.sched_runtime == 0 {
            0
        } else {
            SHORT_NS
        };
        assert_eq!(after.sched_runtime, short);
        let inherited = thread::spawn(|| read().unwrap()).join().unwrap();
        assert_ne!(inherited.sched_runtime, SHORT_NS);
        assert_eq!(inherited.sched_flags, before.sched_flags);
    }
}
