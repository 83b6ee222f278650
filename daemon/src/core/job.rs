//! A job's state and [`Job::apply`], the one place where it changes.

use proto::job::limits::Priority;
use proto::outcome::Outcome;
use proto::record::{Ended, Exit};
use proto::stage::StageReport;
use proto::status::{Status, Transition};
use serde::{Deserialize, Serialize};

use super::event::{Force, NewJob, StepEnd};
use super::plan::STAGE_SECS_MAX;
use super::step::{ActiveStep, Phase, StepKind, StepRef};

mod end;
mod event;
mod standing;

pub use end::End;
pub use event::{Act, JobEvent, Refusal};

use end::{end, failure, outcome_of, seen_at};

/// A job's number: jobs are queued in the order of their numbers.
pub type JobId = i64;

/// How often a step whose supervisor vanished before it began anything, or a stage whose end is
/// not known, is tried again.
pub const VANISHED_MAX: u32 = 5;

/// A job's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub uid: u32,
    /// Its priority.
    pub priority: Priority,
    /// Whether it has a prepare step.
    pub prepares: bool,
    /// Whether it has a finalize step.
    #[serde(default)]
    pub finalizes: bool,
    /// Its time limit in seconds, for the words of its end: the shim keeps the limit itself.
    pub limit_secs: Option<u64>,
    /// Its status: always the last one of the history.
    pub status: Status,
    /// Every status it has had.
    pub history: Vec<Transition>,
    /// Attempts made at the present step.
    pub attempts: u32,
    /// How often a supervisor of the present step vanished.
    #[serde(default)]
    pub vanished: u32,
    /// Why its last start came to nothing, while it waits for the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// The step under way.
    pub active: Option<ActiveStep>,
    /// The stop that was asked for.
    pub cancel: Option<Force>,
    /// How its command ended, while its finalize step is still to come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<End>,
    /// How it ended.
    pub end: Option<End>,
}

impl Job {
    /// A new job, stored but not planned.
    #[must_use]
    pub fn new(id: JobId, new: &NewJob, at: i64) -> Job {
        Job {
            id,
            name: new.name.clone(),
            uid: new.uid,
            priority: new.priority,
            prepares: new.prepares,
            finalizes: new.finalizes,
            limit_secs: new.limit_secs,
            status: Status::NotStarted,
            history: vec![Transition {
                status: Status::NotStarted,
                at,
                reason: None,
            }],
            attempts: 0,
            vanished: 0,
            held: None,
            active: None,
            cancel: None,
            pending: None,
            end: None,
        }
    }

    /// The same job as the next daemon finds it: a grant of the last one may have been used.
    #[must_use]
    pub fn inherited(mut self) -> Job {
        if let Some(active) = self.active.as_mut().filter(|active| active.is_granted()) {
            active.phase = Phase::Unsure;
        }
        self
    }

    /// Changes the state as the event demands and says what must be done next.
    ///
    /// # Errors
    /// A [`Refusal`] when the event changes nothing; the state is then as before.
    pub fn apply(&mut self, at: i64, event: JobEvent) -> Result<Option<Act>, Refusal> {
        match event {
            JobEvent::Planned => self.planned(at),
            JobEvent::GrantedAhead => self.granted_ahead(),
            JobEvent::LinedUp => self.lined_up(),
            JobEvent::Granted => self.granted(at),
            JobEvent::Launched(step) => self.launched(at, step),
            JobEvent::LaunchFailed(step, reason) => self.launch_failed(at, step, reason),
            JobEvent::Ended(step, end) => self.step_ended(at, step, end),
            JobEvent::CancelAsked(force) => self.cancel_asked(at, force),
            JobEvent::Silent(step, reason) => self.silent(at, step, reason),
            JobEvent::Heard(step) => self.heard(at, step),
            JobEvent::RetryFinalize => self.retry_finalize(at),
        }
    }

    fn planned(&mut self, at: i64) -> Result<Option<Act>, Refusal> {
        if self.status != Status::NotStarted {
            return Err(Refusal::BadStatus(self.status));
        }
        self.enter(Status::Starting, at, None)?;
        if !self.prepares {
            self.enter(Status::Queued, at, None)?;
        }
        Ok(None)
    }

    fn granted_ahead(&mut self) -> Result<Option<Act>, Refusal> {
        if self.active.is_some() || self.waits_for() != Some(StepKind::Command) {
            return Err(Refusal::BadStatus(self.status));
        }
        let step = self.begin(StepKind::Command, Phase::Granted);
        Ok(Some(Act::MakeReady(step)))
    }

    fn lined_up(&mut self) -> Result<Option<Act>, Refusal> {
        let granted = self.active.as_mut().filter(|active| active.is_granted());
        let active = granted.ok_or(Refusal::BadStatus(self.status))?;
        active.phase = Phase::InLine;
        Ok(Some(Act::LineUp(active.step)))
    }

    fn begin(&mut self, kind: StepKind, phase: Phase) -> StepRef {
        self.attempts += 1;
        let attempt = self.attempts;
        let step = StepRef { kind, attempt };
        self.active = Some(ActiveStep { step, phase });
        step
    }

    fn granted(&mut self, at: i64) -> Result<Option<Act>, Refusal> {
        let kind = self.waits_for().ok_or(Refusal::BadStatus(self.status))?;
        if let Some(active) = &mut self.active {
            let was_in_line = active.phase == Phase::InLine;
            active.phase = Phase::Launching;
            return Ok(Some(if was_in_line {
                Act::LetGo(active.step)
            } else {
                Act::LaunchAtOnce(active.step)
            }));
        }
        if self.status == Status::Starting {
            self.enter(Status::Preparing, at, None)?;
        }
        Ok(Some(Act::Launch(self.begin(kind, Phase::Launching))))
    }

    fn launched(&mut self, at: i64, step: StepRef) -> Result<Option<Act>, Refusal> {
        let active = self.under_way(step)?;
        if active.phase == Phase::Running {
            return Err(Refusal::NoChange);
        }
        if step.kind == StepKind::Command && self.status == Status::Queued {
            self.enter(Status::Running, at, None)?;
        }
        self.active = Some(ActiveStep {
            step,
            phase: Phase::Running,
        });
        self.held = None;
        Ok(None)
    }

    fn launch_failed(
        &mut self,
        at: i64,
        step: StepRef,
        reason: String,
    ) -> Result<Option<Act>, Refusal> {
        let active = self.under_way(step)?;
        if active.phase == Phase::Running {
            return Err(Refusal::Stale);
        }
        self.never_ran(at, Some(reason))
    }

    /// A supervisor that vanishes again and again is no passing fault.
    fn vanished(&mut self, at: i64) -> Result<Option<Act>, Refusal> {
        if self.cancel.is_none() && self.vanished + 1 >= VANISHED_MAX {
            let reason =
                format!("its supervisor ended {VANISHED_MAX} times before it began anything");
            let outcome = self.failed(reason);
            return self.finish(at, outcome, None);
        }
        self.vanished += 1;
        let reason = "its supervisor ended before it began anything";
        self.never_ran(at, Some(reason.into()))
    }

    /// What became of a step cannot be known. A stage is begun again: it finds what it has done.
    fn lost(&mut self, at: i64, step: StepRef, reason: String) -> Result<Option<Act>, Refusal> {
        let again = self.vanished + 1 < VANISHED_MAX && step.kind.is_stage();
        if !again {
            // Of a job whose stage is lost, what became of the command is known.
            let outcome = match step.kind.is_stage() {
                true => self.failed(reason),
                false => Outcome::Lost { reason },
            };
            return self.finish(at, outcome, None);
        }
        self.vanished += 1;
        self.never_ran(at, Some(reason))
    }

    /// Back to where the step was granted, or to the end when a cancel has come meanwhile.
    fn never_ran(&mut self, at: i64, reason: Option<String>) -> Result<Option<Act>, Refusal> {
        if self.cancel.is_some() {
            return self.finish(at, Outcome::Canceled { killed: false }, None);
        }
        let kind = self.active.ok_or(Refusal::Stale)?.step.kind;
        if self.status == Status::Running {
            self.enter(Status::NotResponding, at, reason.clone())?;
        }
        if self.status == Status::NotResponding {
            let waiting = match kind {
                StepKind::Prepare => Status::Preparing,
                StepKind::Command => Status::Queued,
                StepKind::Finalize => Status::Finalizing,
            };
            self.enter(waiting, at, None)?;
        }
        self.active = None;
        self.held = reason;
        Ok(None)
    }

    fn step_ended(&mut self, at: i64, step: StepRef, end: StepEnd) -> Result<Option<Act>, Refusal> {
        let active = self.under_way(step)?;
        let at = seen_at(&self.history, at, &end);
        match end {
            // It was granted and never started: nothing has gone wrong.
            StepEnd::NeverRan | StepEnd::Unproven(_) | StepEnd::NoFolder
                if !active.was_ordered() =>
            {
                self.never_ran(at, None)
            }
            // It was seen to begin.
            StepEnd::Unproven(reason) if active.phase == Phase::Running => {
                self.lost(at, step, reason)
            }
            StepEnd::NeverRan | StepEnd::Unproven(_) => self.vanished(at),
            StepEnd::NoFolder if active.phase == Phase::Launching => self.vanished(at),
            StepEnd::NoFolder => {
                self.lost(at, step, "the folder with its records was removed".into())
            }
            StepEnd::Lost(reason) => self.lost(at, step, reason),
            StepEnd::Exit(exit) => self.exited(at, step, &exit, None),
            StepEnd::Staged(exit, report) => self.exited(at, step, &exit, Some(*report)),
        }
    }

    fn exited(
        &mut self,
        at: i64,
        step: StepRef,
        exit: &Exit,
        report: Option<StageReport>,
    ) -> Result<Option<Act>, Refusal> {
        if let Ended::Refused { reason, .. } = &exit.ended {
            return self.never_ran(at, Some(reason.clone()));
        }
        let limit_secs = match step.kind {
            StepKind::Command => self.limit_secs,
            StepKind::Prepare | StepKind::Finalize => Some(STAGE_SECS_MAX),
        };
        let outcome = outcome_of(exit, limit_secs);
        match step.kind {
            StepKind::Command if self.is_to_finalize(&outcome) => {
                self.await_finalize(at, outcome, exit)
            }
            StepKind::Command => self.finish(at, outcome, Some(exit)),
            StepKind::Prepare | StepKind::Finalize => {
                self.stage_ended(at, step.kind, outcome, exit, report)
            }
        }
    }

    fn is_to_finalize(&self, outcome: &Outcome) -> bool {
        self.finalizes && outcome.is_success()
    }

    /// The command has done its work, what it made is still to be brought where it belongs.
    fn await_finalize(
        &mut self,
        at: i64,
        outcome: Outcome,
        exit: &Exit,
    ) -> Result<Option<Act>, Refusal> {
        if self.cancel.is_some() {
            return self.finish(at, Outcome::Canceled { killed: false }, Some(exit));
        }
        self.approach_end(at)?;
        self.pending = Some(end(outcome, Some(exit)));
        self.next_step();
        Ok(None)
    }

    fn stage_ended(
        &mut self,
        at: i64,
        kind: StepKind,
        outcome: Outcome,
        exit: &Exit,
        report: Option<StageReport>,
    ) -> Result<Option<Act>, Refusal> {
        if self.cancel.is_some() || matches!(outcome, Outcome::Canceled { .. }) {
            return self.finish(at, Outcome::Canceled { killed: false }, Some(exit));
        }
        if let Some(reason) = failure(kind, outcome, report) {
            let outcome = self.failed(reason);
            return self.finish(at, outcome, Some(exit));
        }
        if let Some(pending) = &self.pending {
            return self.finish(at, pending.outcome.clone(), Some(exit));
        }
        self.enter(Status::Queued, at, None)?;
        self.next_step();
        Ok(None)
    }

    fn next_step(&mut self) {
        self.active = None;
        self.attempts = 0;
        self.vanished = 0;
        self.held = None;
    }

    /// The outcome of a job that cannot come to its next step for this reason.
    fn failed(&self, reason: String) -> Outcome {
        match self.pending {
            Some(_) => Outcome::FinalizeFailed { reason },
            None => Outcome::StartFailed {
                reason,
                errno: None,
            },
        }
    }

    /// The end of the job, with its outcome.
    fn finish(
        &mut self,
        at: i64,
        outcome: Outcome,
        exit: Option<&Exit>,
    ) -> Result<Option<Act>, Refusal> {
        self.approach_end(at)?;
        let last = match &outcome {
            Outcome::Exited { code: 0 } => Status::Completed,
            Outcome::TimedOut { .. } | Outcome::Canceled { .. } => Status::Canceled,
            _ => Status::Failed,
        };
        let reason = (last != Status::Completed).then(|| outcome.describe());
        self.enter(last, at, reason)?;
        self.end = Some(match self.pending.take() {
            Some(command) => End { outcome, ..command },
            None => end(outcome, exit),
        });
        self.active = None;
        self.held = None;
        Ok(None)
    }

    /// Enters the statuses that lie before the end of a command. News of the end may come before
    /// news of the launch.
    fn approach_end(&mut self, at: i64) -> Result<(), Refusal> {
        if self.holds() != Some(StepKind::Command) {
            return Ok(());
        }
        if self.status == Status::Queued {
            self.enter(Status::Running, at, None)?;
        }
        if matches!(self.status, Status::Running | Status::NotResponding) {
            self.enter(Status::Finalizing, at, None)?;
        }
        Ok(())
    }

    fn cancel_asked(&mut self, at: i64, force: Force) -> Result<Option<Act>, Refusal> {
        match self.status {
            Status::Completed | Status::Failed => {
                return Err(Refusal::BadStatus(self.status));
            }
            Status::Canceled => return Err(Refusal::NoChange),
            Status::CancelRequested => {
                if self.cancel == Some(Force::Now) || force == Force::Grace {
                    return Err(Refusal::NoChange);
                }
            }
            _ => self.enter(Status::CancelRequested, at, None)?,
        }
        self.cancel = Some(force);
        match self.active {
            Some(active) if active.phase == Phase::Granted => {
                self.finish(at, Outcome::Canceled { killed: false }, None)?;
                // What was made ready for it is given up.
                Ok(Some(Act::Stop(active.step, force)))
            }
            Some(active) => Ok(Some(Act::Stop(active.step, force))),
            None => self.finish(at, Outcome::Canceled { killed: false }, None),
        }
    }

    fn silent(&mut self, at: i64, step: StepRef, reason: String) -> Result<Option<Act>, Refusal> {
        self.under_way(step)?;
        if !self.status.may_become(Status::NotResponding) {
            return Err(Refusal::NoChange);
        }
        self.enter(Status::NotResponding, at, Some(reason))?;
        Ok(None)
    }

    fn heard(&mut self, at: i64, step: StepRef) -> Result<Option<Act>, Refusal> {
        self.under_way(step)?;
        if self.status != Status::NotResponding {
            return Err(Refusal::NoChange);
        }
        self.enter(self.status_of_step(step.kind), at, None)?;
        Ok(None)
    }

    /// The one way back from an end: the command has done its work, and nothing of it was deleted.
    fn retry_finalize(&mut self, at: i64) -> Result<Option<Act>, Refusal> {
        let failed = self.end.take_if(|end| end.is_finalize_failure());
        let command = failed.ok_or(Refusal::BadStatus(self.status))?;
        self.pending = Some(End {
            outcome: Outcome::Exited { code: 0 },
            ..command
        });
        self.vanished = 0;
        self.note(Status::Finalizing, at, None);
        Ok(None)
    }

    fn status_of_step(&self, kind: StepKind) -> Status {
        match kind {
            StepKind::Prepare => Status::Preparing,
            StepKind::Command => Status::Running,
            StepKind::Finalize => Status::Finalizing,
        }
    }

    fn under_way(&self, step: StepRef) -> Result<ActiveStep, Refusal> {
        self.active
            .filter(|active| active.step == step)
            .ok_or(Refusal::Stale)
    }

    /// Sets a status by the transition table.
    fn enter(&mut self, status: Status, at: i64, reason: Option<String>) -> Result<(), Refusal> {
        if !self.status.may_become(status) {
            return Err(Refusal::BadStatus(self.status));
        }
        self.note(status, at, reason);
        Ok(())
    }

    fn note(&mut self, status: Status, at: i64, reason: Option<String>) {
        self.status = status;
        self.history.push(Transition { status, at, reason });
    }
}

#[cfg(test)]
mod tests;
