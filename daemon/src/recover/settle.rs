//! What became of a job while nobody wrote it down: what its step's folder tells is applied to
//! it, as a daemon that starts would do.

use crate::core::{Job, JobEvent, StepKind};
use crate::exec::{self, Finding};
use crate::layout::Layout;
use crate::sys::clock;

/// Brings the job up to date. A job whose supervisor lives stays as it is, for the next daemon to
/// adopt; what a dead supervisor left behind is killed.
pub fn settle(job: &mut Job, layout: &Layout) {
    let Some(active) = job.active else {
        return;
    };
    let (step, now) = (active.step, clock::wall_micros());
    if step.kind == StepKind::Finalize {
        // What it made is registered by the daemon that learns of its end.
        return;
    }
    let folder = layout.step(&job.name, step);
    let started = exec::started_at(&folder);
    let end = match exec::find_out(&folder) {
        Finding::Alive(_) => None,
        Finding::Unclear => return,
        Finding::Ended(end) | Finding::Killed(end) => Some(end),
    };
    if let Some(at) = started {
        apply(job, at, JobEvent::Launched(step));
    }
    match end {
        None => {}
        Some(end) => {
            let at = end.at().unwrap_or(now);
            apply(job, at, JobEvent::Ended(step, end));
        }
    }
}

/// A refusal means that the job knew it before.
fn apply(job: &mut Job, at: i64, event: JobEvent) {
    if let Err(refusal) = job.apply(at, event) {
        tracing::debug!(job = job.name, %refusal, "nothing new");
    }
}
