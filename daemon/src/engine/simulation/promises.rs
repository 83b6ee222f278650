//! What every history is checked against.

use std::cmp::Reverse;

use proto::outcome::Outcome;
use proto::record::{Ended, StopReason};
use proto::status::Status;

use super::{CAPACITY, Shim, World};
use crate::core::job::VANISHED_MAX;
use crate::core::machine::GRANTED_PER_SLOT_MAX;
use crate::core::{Job, JobId, StepKind};
use crate::engine::batch::{Batch, Deed};

impl World {
    /// Nobody in the line overtakes anybody who waits, and they stand in their order.
    pub(super) fn check_line(&self) {
        // One that is to be stopped may stand in it until that is stored.
        let waiting = |id| self.core.job(id).filter(|job| job.waits_for().is_some());
        let rank = |id: JobId| waiting(id).map(|job| (Reverse(job.priority), id));
        let line = self.exec.line.iter().chain(&self.exec.coming);
        let line: Vec<_> = line.filter_map(|(id, _)| rank(*id)).collect();
        assert!(line.is_sorted(), "I8: {line:?} is no order");
        let waiting = self.core.jobs().filter(|job| {
            let is_taken = self.exec.taken.iter().any(|(id, _)| *id == job.id);
            let is_known = self.exec.granted.contains_key(&job.id);
            job.waits_for() == Some(StepKind::Command)
                && !is_taken
                && (is_known || !job.is_granted())
        });
        let waiting: Vec<_> = waiting.map(|job| (Reverse(job.priority), job.id)).collect();
        let overtaken = waiting.iter().filter(|one| !line.contains(one)).min();
        assert!(
            overtaken.is_none_or(|one| line.last().is_none_or(|last| last < one)),
            "I8: {overtaken:?} is overtaken by {line:?}"
        );
    }

    /// What goes before the commit must have been granted in one before.
    pub(super) fn check_at_once(&self, deed: Deed) {
        let (id, step) = match deed {
            Deed::Launch(id, step) | Deed::LetGo(id, step) | Deed::LineUp(id, step) => (id, step),
            Deed::Disband => return,
            deed => panic!("{deed:?} does not wait for the commit"),
        };
        let granted = self.stored.get(&id).and_then(|job| job.active);
        let is_granted = granted.is_some_and(|g| g.step == step && g.is_granted());
        assert!(is_granted, "{id} is started on {granted:?}");
        if matches!(deed, Deed::LineUp(..)) {
            return;
        }
        let Some(job) = self.core.job(id) else {
            return;
        };
        let rank = |job: &Job| (job.priority, Reverse(job.id));
        let overtaken = self
            .core
            .jobs()
            .find(|other| other.waits_for() == Some(step.kind) && rank(other) > rank(job));
        assert!(overtaken.is_none(), "I8: {job:?} overtook {overtaken:?}");
    }

    pub(super) fn check_order(&self, batch: &Batch) {
        let granted: Vec<&Job> = batch
            .deeds
            .iter()
            .filter_map(|deed| match deed {
                Deed::Launch(id, step) if step.kind == StepKind::Command => self.core.job(*id),
                _ => None,
            })
            .collect();
        for job in granted {
            let overtaken = self.core.jobs().find(|other| {
                other.waits_for() == Some(StepKind::Command)
                    && (other.priority, Reverse(other.id))
                        > (job.priority, Reverse(job.id))
                    // One that was granted ahead may have been under way meanwhile.
                    && self.stored.get(&other.id).is_some_and(|stored| {
                        stored.waits_for() == Some(StepKind::Command) && !stored.is_granted()
                    })
                    && self
                        .stored
                        .get(&job.id)
                        .is_some_and(|stored| stored.waits_for().is_some())
            });
            assert!(overtaken.is_none(), "I8: {job:?} overtook {overtaken:?}");
        }
    }

    pub(super) fn check(&mut self) {
        for id in &self.acknowledged {
            assert!(
                self.stored.contains_key(id),
                "I1: acknowledged job {id} is lost"
            );
        }
        for (id, runs) in &self.executions {
            assert!(*runs <= 1, "I2: job {id} ran {runs} times");
        }
        let running = self
            .keys(|shim| shim.alive)
            .iter()
            .filter(|key| key.1.kind == StepKind::Command)
            .count();
        assert!(
            running <= CAPACITY.slots,
            "{running} commands run in {} slots",
            CAPACITY.slots
        );
        // What was granted to the last daemon counts until it is known not to run.
        let inherited = CAPACITY.slots * GRANTED_PER_SLOT_MAX;
        assert!(self.core.slots_used() <= CAPACITY.slots + inherited);
        for id in std::mem::take(&mut self.changed) {
            self.check_job(&self.stored[&id]);
        }
    }

    pub(super) fn check_job(&self, job: &Job) {
        assert_eq!(
            job.history.last().map(|entry| entry.status),
            Some(job.status)
        );
        for pair in job.history.windows(2) {
            // The one way back from an end.
            let is_retried =
                (pair[0].status, pair[1].status) == (Status::Failed, Status::Finalizing);
            assert!(
                pair[0].status.may_become(pair[1].status) || job.finalizes && is_retried,
                "{} -> {}",
                pair[0].status,
                pair[1].status
            );
        }
        if !job.status.is_terminal() {
            assert!(job.end.is_none());
            return;
        }
        let own = self.shims.iter().filter(|((id, _), _)| *id == job.id);
        assert!(
            own.clone().all(|(_, shim)| !shim.alive),
            "I6: {} has ended and a shim lives",
            job.name
        );
        let last = own.max_by_key(|((_, step), _)| *step).map(|(_, shim)| shim);
        self.check_truth(job, last);
    }

    /// I3: the outcome is what the last shim saw, or Lost when it saw no end.
    pub(super) fn check_truth(&self, job: &Job, last: Option<&Shim>) {
        let outcome = job.end.as_ref().map(|end| &end.outcome);
        let exit = last.and_then(|shim| shim.exit.as_ref());
        match outcome {
            Some(Outcome::Exited { code }) => {
                assert_eq!(
                    exit.map(|exit| &exit.ended),
                    Some(&Ended::Exited { code: *code })
                );
                let is_done = !job.finalizes || self.has_ended_well(job, StepKind::Finalize);
                assert!(*code != 0 || is_done, "{job:?} is not finalized");
                assert_eq!(
                    job.status,
                    if *code == 0 {
                        Status::Completed
                    } else {
                        Status::Failed
                    }
                );
            }
            Some(Outcome::Lost { .. }) => {
                assert!(last.is_some_and(|shim| shim.started && shim.exit.is_none()));
                assert_eq!(job.status, Status::Failed);
            }
            Some(Outcome::TimedOut { .. }) => {
                let reason = exit.and_then(|exit| exit.stop).map(|stop| stop.reason);
                assert_eq!(reason, Some(StopReason::Limit));
                assert_eq!(job.status, Status::Canceled);
            }
            Some(Outcome::FellSilent { .. }) => {
                let reason = exit.and_then(|exit| exit.stop).map(|stop| stop.reason);
                assert_eq!(reason, Some(StopReason::Silence));
                assert_eq!(job.status, Status::Failed);
            }
            // Asked for, or told to stop by a daemon that died before it could note it.
            Some(Outcome::Canceled { .. }) => {
                let reason = exit.and_then(|exit| exit.stop).map(|stop| stop.reason);
                let was_told = reason == Some(StopReason::Request);
                assert!(job.cancel.is_some() || was_told, "{job:?}");
            }
            Some(Outcome::FinalizeFailed { .. }) => {
                assert!(
                    job.finalizes && self.has_ended_well(job, StepKind::Command),
                    "{job:?}"
                );
            }
            Some(Outcome::StartFailed { .. }) => {
                assert!(job.prepares || job.vanished + 1 == VANISHED_MAX, "{job:?}");
            }
            other => panic!("{} ended with {other:?}", job.name),
        }
    }

    pub(super) fn has_ended_well(&self, job: &Job, kind: StepKind) -> bool {
        let mut own = self.shims.iter().filter(|((id, _), _)| *id == job.id);
        own.any(|((_, step), shim)| {
            let ended = shim.exit.as_ref().map(|exit| &exit.ended);
            step.kind == kind && ended == Some(&Ended::Exited { code: 0 })
        })
    }
}
