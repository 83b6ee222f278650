//! Where a thread runs: off another's processor, where the kernel would not see to that.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::{Pid, gettid};

/// On so few processors Linux often wakes a thread where the one that woke it runs, to run after
/// it, although another processor is idle.
const FEW: usize = 3;

/// A thread that others wake and go on beside.
#[derive(Debug)]
pub struct Helper {
    thread: Pid,
    is_off: AtomicBool,
}

impl Helper {
    /// The calling thread; none where it needs no help to find a processor, or cannot have any.
    pub fn current() -> Option<Helper> {
        let all = everywhere().ok()?;
        let all = (0..CpuSet::count()).filter(|cpu| all.is_set(*cpu).unwrap_or(false));
        (2..=FEW).contains(&all.count()).then(|| Helper {
            thread: gettid(),
            is_off: AtomicBool::new(false),
        })
    }

    /// To be called before it is woken: it will not run where the caller runs.
    pub fn keep_off(&self) {
        let others = everywhere().and_then(|mut all| {
            all.unset(sched_getcpu()?)?;
            Ok(all)
        });
        // Where there is no other it runs where it likes.
        if others
            .and_then(|others| sched_setaffinity(self.thread, &others))
            .is_ok()
        {
            // After the change: whoever calls it back before that has meant the time before.
            self.is_off.store(true, Ordering::Release);
        }
    }

    /// It runs where it likes again.
    pub fn come_back(&self) {
        if self.is_off.swap(false, Ordering::AcqRel) {
            let _elsewhere = everywhere().and_then(|all| sched_setaffinity(self.thread, &all));
        }
    }
}

/// Lets a process that a helper has started run wherever this one may: it may have been born while
/// the helper was kept off.
///
/// # Errors
/// What `sched_setaffinity(2)` says.
pub fn free(process: Pid) -> nix::Result<()> {
    let all = everywhere()?;
    if sched_getaffinity(process)? == all {
        return Ok(());
    }
    sched_setaffinity(process, &all)
}

/// Where the main thread may run, which nobody keeps off anything.
fn everywhere() -> nix::Result<CpuSet> {
    sched_getaffinity(Pid::this())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};
    use std::sync::{Barrier, mpsc};
    use std::thread;

    fn of_two() -> Option<[usize; 2]> {
        let own = everywhere().unwrap();
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
        let Some([one, _]) = of_two() else {
            assert!(Helper::current().is_none());
            return;
        };
        let (tell, told) = mpsc::channel();
        let barrier = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                tell.send(gettid()).unwrap();
                barrier.wait();
            });
            let helper = Helper {
                thread: told.recv().unwrap(),
                is_off: AtomicBool::new(false),
            };
            let allowed = || sched_getaffinity(helper.thread).unwrap();
            let (all, mut others) = (everywhere().unwrap(), everywhere().unwrap());
            others.unset(one).unwrap();
            sched_setaffinity(Pid::from_raw(0), &set(&[one])).unwrap();
            helper.keep_off();
            assert_eq!(allowed(), others);
            helper.come_back();
            assert_eq!(allowed(), all);
            barrier.wait();
        });
    }

    #[test]
    fn what_a_kept_off_helper_starts_is_free() {
        let Some([one, _]) = of_two() else {
            return;
        };
        sched_setaffinity(Pid::from_raw(0), &set(&[one])).unwrap();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let process = Pid::from_raw(child.id().cast_signed());
        assert_eq!(sched_getaffinity(process).unwrap(), set(&[one]));
        free(process).unwrap();
        assert_eq!(sched_getaffinity(process), everywhere());
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
