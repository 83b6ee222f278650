//! Finds out what became of a step that no daemon watched.

use std::os::fd::OwnedFd;
use std::path::Path;

use proto::record::Spec;

use crate::core::StepEnd;
use crate::core::reconcile::{Verdict, reconcile};
use crate::sys::{failpoint, pidfd};

use super::facts;
use super::leftovers;
use super::stage;

/// What was found out.
pub enum Finding {
    /// Its shim lives; this is it.
    Alive(OwnedFd),
    /// Its shim lives but has not said yet who it is, or is just ending.
    Unclear,
    /// It has ended; nothing of it is left.
    Ended(StepEnd),
    /// Its shim died before it; all of it that can be found was killed.
    Killed(StepEnd),
}

/// Looks at a step's folder and, where its shim died, kills what it left behind.
pub fn find_out(folder: &Path) -> Finding {
    if matches!(folder.try_exists(), Ok(false)) {
        // With the folder went the lock that tells whether its shim lives: what it was to
        // supervise must not go on unseen.
        leftovers::kill(folder, None);
        return Finding::Ended(StepEnd::NoFolder);
    }
    let Some(facts) = facts::gather(folder) else {
        return Finding::Unclear;
    };
    match reconcile(facts) {
        Verdict::Adopt => open_shim(folder),
        Verdict::LookAgain => Finding::Unclear,
        Verdict::Ended(end) => Finding::Ended(stage::with_report(folder, end)),
        Verdict::KillLeftovers(end) => {
            let cgroup = facts::started(folder).and_then(|started| started.cgroup);
            let killed = leftovers::kill(folder, cgroup.as_deref());
            failpoint::reach("exec.leftovers-killed");
            tracing::warn!(
                step = %folder.display(),
                killed,
                "a supervisor died; its processes were killed"
            );
            Finding::Killed(end)
        }
    }
}

/// What the dead shim would have run to end what no kill reaches; none where there is nothing.
pub fn killer(folder: &Path) -> Option<Spec> {
    let spec = facts::spec(folder).filter(|spec| !spec.kill.is_empty());
    spec.map(|spec| spec.killer())
}

/// Opens the shim's pidfd. The lock is looked at again once it is open: only then is the process
/// behind the pidfd provably the one that holds the lock.
fn open_shim(folder: &Path) -> Finding {
    let Some(started) = facts::started(folder) else {
        return Finding::Unclear;
    };
    match pidfd::open_verified(&started.shim) {
        Ok(Some(shim)) if facts::gather(folder).is_some_and(|facts| facts.lock_held) => {
            Finding::Alive(shim)
        }
        Ok(_) => Finding::Unclear,
        Err(error) => {
            tracing::error!(%error, "a supervisor cannot be watched");
            Finding::Unclear
        }
    }
}
