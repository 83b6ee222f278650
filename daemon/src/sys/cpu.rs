//! Where a thread runs: off another's processor, where the kernel would not see to that.

use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::{Pid, gettid};

/// On so few processors Linux looks for no idle one for a thread that wakes up as soon as a fifth
/// of their time is used (`SIS_UTIL`): it runs where the one that woke it runs, after it.
const FEW: usize = 3;

/// A thread that others wake and go on beside.
#[derive(Debug)]
pub struct Helper {
    thread: Pid,
    /// The processors that it may use.
    own: CpuSet,
}

impl Helper {
    /// The calling thread; none where it needs no help to find a processor, or cannot have any.
    pub fn current() -> Option<Helper> {
        let thread = gettid();
        let own = sched_getaffinity(Pid::from_raw(0)).ok()?;
        let all = (0..CpuSet::count()).filter(|cpu| own.is_set(*cpu).unwrap_or(false));
        (2..=FEW)
            .contains(&all.count())
            .then_some(Helper { thread, own })
    }

    /// To be called before it is woken: it will not run where the caller runs.
    pub fn keep_off(&self) {
        let mut others = self.own;
        let is_left = sched_getcpu().and_then(|cpu| others.unset(cpu)).is_ok();
        if is_left {
            // What it may not use any more it could not be kept off either.
            let _anywhere = sched_setaffinity(self.thread, &others);
        }
    }

    /// To be called by itself: it runs where it likes again.
    pub fn come_back(&self) {
        let _elsewhere = sched_setaffinity(self.thread, &self.own);
    }
}

/// Lets a process that a helper has started run wherever this one may: it may have been born while
/// the helper was kept off.
///
/// # Errors
/// What `sched_setaffinity(2)` says.
pub fn free(process: Pid) -> nix::Result<()> {
    sched_setaffinity(process, &sched_getaffinity(Pid::this())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};
    use std::sync::{Barrier, mpsc};
    use std::thread;

    fn of_two() -> Option<[usize; 2]> {
        let own = sched_getaffinity(Pid::from_raw(0)).unwrap();
        let mut all = (0..CpuSet::count()).filter(|cpu| own.is_set(*cpu).unwrap());
        Some([all.next()?, all.next()?])
    }

    fn set(cpus: &[usize]) -> CpuSet {
        let mut set = CpuSet::new();
        cpus.iter().for_each(|cpu| set.set(*cpu).unwrap());
        set
    }

    #[test]
    fn a_helper_is_kept_off_until_it_comes_back() {
        let Some([one, other]) = of_two() else {
            assert!(Helper::current().is_none());
            return;
        };
        sched_setaffinity(Pid::from_raw(0), &set(&[one, other])).unwrap();
        let (tell, told) = mpsc::channel();
        let barrier = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                tell.send(Helper::current().unwrap()).unwrap();
                barrier.wait();
            });
            let helper = told.recv().unwrap();
            let allowed = || sched_getaffinity(helper.thread).unwrap();
            sched_setaffinity(Pid::from_raw(0), &set(&[one])).unwrap();
            helper.keep_off();
            assert_eq!(allowed(), set(&[other]));
            helper.come_back();
            assert_eq!(allowed(), set(&[one, other]));
            barrier.wait();
        });
        assert!(Helper::current().is_none(), "one processor is no choice");
    }

    #[test]
    fn what_a_kept_off_helper_starts_is_free() {
        let everywhere = sched_getaffinity(Pid::this()).unwrap();
        let Some([one, _]) = of_two() else {
            return;
        };
        sched_setaffinity(Pid::from_raw(0), &set(&[one])).unwrap();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let process = Pid::from_raw(child.id().cast_signed());
        assert_eq!(sched_getaffinity(process).unwrap(), set(&[one]));
        free(process).unwrap();
        assert_eq!(sched_getaffinity(process).unwrap(), everywhere);
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
