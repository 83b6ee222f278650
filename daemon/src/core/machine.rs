//! [`Core`]: all live jobs, the queues and the slots, and the one function that events go through.

use std::collections::{HashMap, HashSet, VecDeque};

use proto::api::ApiError;
use proto::status::Status;

use super::event::{Answer, Effect, Event, Force, NewJob, Now, Ticket};
use super::job::{Act, Job, JobEvent, JobId, Refusal};
use super::queue::Queue;
use super::step::{StepKind, StepRef};

/// How long no step is started after one could not be, in milliseconds: at first.
pub const LAUNCH_BACKOFF_MS_MIN: u64 = 200;
/// And at most.
pub const LAUNCH_BACKOFF_MS_MAX: u64 = 15_000;

/// How many jobs may begin without another commit, for each slot: the next one starts while the
/// end of the last is still being stored, and they share commits. Half of them last longer than a
/// commit that waits for company, with jobs of a millisecond.
pub const GRANTED_PER_SLOT_MAX: usize = 64;

/// And how many in all: the next daemon must find out about each, and many slots hide the wait
/// anyway.
pub const GRANTED_MAX: usize = 128;

/// How much may happen at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Commands that run at once.
    pub slots: usize,
    /// Preparations and finalizations that run at once.
    pub preparing: usize,
    /// Live jobs in all.
    pub jobs: usize,
}

/// The state of everything that lives. Ended jobs are in the store only.
#[derive(Debug)]
pub struct Core {
    capacity: Capacity,
    jobs: HashMap<JobId, Job>,
    next_id: JobId,
    to_finalize: Queue,
    to_prepare: Queue,
    to_run: Queue,
    /// Stages under way.
    preparing: usize,
    slots_used: usize,
    paused: bool,
    /// Nothing is started before this moment of monotonic time.
    hold_until_ms: Option<u64>,
    backoff_ms: u64,
    /// Jobs that are granted ahead: bounded, as the next daemon must find out about each.
    granted: usize,
    /// Those of them that are not stored yet.
    unstored: HashSet<JobId>,
    /// Those that the end of another starts: the first of the queue, in its order.
    line: VecDeque<JobId>,
    /// Who waits to hear whether a job of the line was canceled before it began.
    in_doubt: HashMap<JobId, Vec<Ticket>>,
}

impl Core {
    /// A core with the live jobs that the store knows.
    #[must_use]
    pub fn new(capacity: Capacity, next_id: JobId, paused: bool, live: Vec<Job>) -> Core {
        let mut core = Core {
            capacity,
            jobs: HashMap::new(),
            next_id,
            to_finalize: Queue::default(),
            to_prepare: Queue::default(),
            to_run: Queue::default(),
            preparing: 0,
            slots_used: 0,
            paused,
            hold_until_ms: None,
            backoff_ms: LAUNCH_BACKOFF_MS_MIN,
            granted: 0,
            unstored: HashSet::new(),
            line: VecDeque::new(),
            in_doubt: HashMap::new(),
        };
        for job in live.into_iter().map(Job::inherited) {
            core.count(&job, true);
            core.jobs.insert(job.id, job);
        }
        core
    }

    /// The live job of that number.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id)
    }

    /// All live jobs, in no order.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values()
    }

    /// How many commands run at once.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.capacity.slots
    }

    /// How many slots are taken.
    #[must_use]
    pub fn slots_used(&self) -> usize {
        self.slots_used
    }

    /// How many jobs wait for a slot or for a stage.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.to_run.len() + self.to_prepare.len() + self.to_finalize.len()
    }

    /// Whether the queue is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// When [`Event::Tick`] is wanted, in milliseconds of monotonic time.
    #[must_use]
    pub fn wake_at(&self) -> Option<u64> {
        self.hold_until_ms
    }

    /// What a job that is being submitted adds; taken back by [`Core::forget`].
    fn admit(&mut self, now: Now, new: NewJob, effects: &mut Vec<Effect>) -> JobId {
        let id = self.next_id;
        self.next_id += 1;
        let mut job = Job::new(id, &new, now.wall);
        // A new job is always NotStarted, from where planning is legal.
        if let Err(refusal) = job.apply(now.wall, JobEvent::Planned) {
            debug_assert!(false, "a new job cannot be planned: {refusal}");
        }
        self.count(&job, true);
        self.jobs.insert(id, job.clone());
        effects.push(Effect::Insert(job, new));
        id
    }

    /// Forgets jobs whose admission could not be made durable. Nothing was started for them.
    pub fn forget(&mut self, ids: &[JobId]) {
        for id in ids {
            if let Some(job) = self.jobs.remove(id) {
                self.count(&job, false);
            }
        }
    }

    /// Takes one event and says what is to be done. Call [`Core::schedule`] after the last event
    /// of a batch.
    pub fn step(&mut self, now: Now, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Submit(ticket, jobs) => self.submit(now, ticket, jobs, effects),
            Event::Cancel(ticket, id, force) => self.cancel(now, ticket, id, force, effects),
            Event::RetryFinalize(ticket, job) => {
                let answer = self.retry_finalize(now, *job, effects);
                effects.push(Effect::Reply(ticket, answer));
            }
            Event::Pause(ticket, paused) => {
                self.paused = paused;
                effects.push(Effect::SetPaused(paused));
                effects.push(Effect::Reply(ticket, Ok(Answer::Done)));
            }
            Event::Launched(id, step) => {
                self.apply(now, id, JobEvent::Launched(step), effects);
                self.clear_doubt(id, effects);
            }
            Event::LaunchFailed(id, step, reason) => {
                let failed = JobEvent::LaunchFailed(step, reason);
                if self.apply(now, id, failed, effects).is_none() {
                    self.hold_back(now);
                }
                self.clear_doubt(id, effects);
            }
            Event::Ended(id, step, end) => {
                if end.is_no_start() && self.was_ordered(id, step) {
                    self.hold_back(now);
                } else if !end.is_no_start() {
                    // The machine can start something again. A shim alone proves nothing: it may
                    // be refused the process of the command.
                    self.hold_until_ms = None;
                    self.backoff_ms = LAUNCH_BACKOFF_MS_MIN;
                }
                let report = end.report();
                if self
                    .apply(now, id, JobEvent::Ended(step, end), effects)
                    .is_none()
                {
                    effects.extend(report.map(|report| Effect::Report(id, report)));
                }
                self.clear_doubt(id, effects);
            }
            Event::Silent(id, step, reason) => {
                self.apply(now, id, JobEvent::Silent(step, reason), effects);
            }
            Event::Heard(id, step) => {
                self.apply(now, id, JobEvent::Heard(step), effects);
            }
            Event::Tick => {}
        }
    }

    fn was_ordered(&self, id: JobId, step: StepRef) -> bool {
        let active = self.jobs.get(&id).and_then(|job| job.active);
        active.is_some_and(|active| active.step == step && active.was_ordered())
    }

    /// Everything that was to be stored is.
    pub fn stored(&mut self) {
        self.unstored.clear();
    }

    /// Whether a job may begin without another commit.
    #[must_use]
    pub fn has_granted(&self) -> bool {
        self.to_run
            .first()
            .is_some_and(|id| self.is_granted(id) && !self.unstored.contains(&id))
    }

    fn is_granted(&self, id: JobId) -> bool {
        self.jobs.get(&id).is_some_and(Job::is_granted)
    }

    /// Starts nothing for a while, and longer each time in a row.
    fn hold_back(&mut self, now: Now) {
        self.hold_until_ms = Some(now.mono_ms + self.backoff_ms);
        self.backoff_ms = (self.backoff_ms * 2).min(LAUNCH_BACKOFF_MS_MAX);
    }

    /// Starts what may be started now.
    pub fn schedule(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.hold_until_ms.is_some_and(|until| now.mono_ms < until) {
            self.disband(effects);
            return;
        }
        self.hold_until_ms = None;
        while let Some(id) = self.next_to_start() {
            self.apply(now, id, JobEvent::Granted, effects);
        }
        self.line_up(now, effects);
        self.grant_ahead(now, effects);
    }

    /// Lets the first of the queue begin as soon as another ends, where that is stored. Nothing of
    /// this waits for a commit.
    pub fn line_up(&mut self, now: Now, effects: &mut Vec<Effect>) {
        // Somebody else may have come first meanwhile.
        let is_first = self
            .line
            .iter()
            .copied()
            .eq(self.to_run.iter().take(self.line.len()));
        if self.paused || self.slots_used > self.capacity.slots || !is_first {
            self.disband(effects);
        }
        if self.paused || self.hold_until_ms.is_some() || self.slots_used > self.capacity.slots {
            return;
        }
        let next = self.to_run.iter().skip(self.line.len());
        let next = next.take_while(|id| self.is_granted(*id) && !self.unstored.contains(id));
        for id in next.collect::<Vec<_>>() {
            self.apply(now, id, JobEvent::LinedUp, effects);
            self.line.push_back(id);
        }
    }

    fn disband(&mut self, effects: &mut Vec<Effect>) {
        if !self.line.is_empty() {
            self.line.clear();
            effects.push(Effect::Disband);
        }
    }

    /// Grants the next jobs their start, once half of what may be granted is used up.
    fn grant_ahead(&mut self, now: Now, effects: &mut Vec<Effect>) {
        // Not before it is known what became of the last daemon's grants: they would pile up.
        if self.paused || self.slots_used > self.capacity.slots {
            return;
        }
        let most = self.capacity.slots.saturating_mul(GRANTED_PER_SLOT_MAX);
        let most = most.min(GRANTED_MAX);
        if self.granted * 2 > most {
            return;
        }
        let next = self.to_run.iter().take(most);
        let missing = next.filter(|id| !self.is_granted(*id));
        let missing: Vec<_> = missing.take(most - self.granted).collect();
        for id in missing {
            self.apply(now, id, JobEvent::GrantedAhead, effects);
            self.unstored.insert(id);
        }
    }

    fn next_to_start(&self) -> Option<JobId> {
        if self.paused {
            return None;
        }
        let run = (self.slots_used < self.capacity.slots).then(|| self.to_run.first());
        let stage = (self.preparing < self.capacity.preparing)
            // What is almost done comes first.
            .then(|| self.to_finalize.first().or(self.to_prepare.first()));
        run.flatten().or(stage.flatten())
    }

    fn submit(&mut self, now: Now, ticket: Ticket, new: Vec<NewJob>, effects: &mut Vec<Effect>) {
        if self.jobs.len() + new.len() > self.capacity.jobs {
            let error = self.queue_full();
            effects.push(Effect::Reply(ticket, Err(error)));
            return;
        }
        let ids = new
            .into_iter()
            .map(|new| self.admit(now, new, effects))
            .collect();
        effects.push(Effect::Reply(ticket, Ok(Answer::Submitted(ids))));
    }

    fn cancel(
        &mut self,
        now: Now,
        ticket: Ticket,
        id: JobId,
        force: Force,
        effects: &mut Vec<Effect>,
    ) {
        let is_in_doubt = self.jobs.get(&id).is_some_and(Job::may_have_begun);
        let refusal = self.apply(now, id, JobEvent::CancelAsked(force), effects);
        if is_in_doubt && refusal.is_none() {
            self.in_doubt.entry(id).or_default().push(ticket);
            return;
        }
        let answer = match (refusal, self.jobs.get(&id)) {
            (Some(Refusal::BadStatus(status)), Some(job)) => Err(ApiError::BadStatus {
                name: job.name.clone(),
                status: status.to_string(),
                reason: "it can no longer be canceled".into(),
            }),
            (_, Some(job)) => Ok(Answer::Canceling(job.status)),
            (None, None) => Ok(Answer::Canceling(Status::Canceled)),
            (Some(_), None) => Ok(Answer::NotLive),
        };
        effects.push(Effect::Reply(ticket, answer));
    }

    /// It is known by now whether the job has begun.
    fn clear_doubt(&mut self, id: JobId, effects: &mut Vec<Effect>) {
        let status = self.jobs.get(&id).map(|job| job.status);
        let answer = Answer::Canceling(status.unwrap_or(Status::Canceled));
        for ticket in self.in_doubt.remove(&id).unwrap_or_default() {
            effects.push(Effect::Reply(ticket, Ok(answer.clone())));
        }
    }

    /// An ended job is alive again.
    fn retry_finalize(
        &mut self,
        now: Now,
        mut job: Job,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, ApiError> {
        if self.jobs.len() >= self.capacity.jobs {
            return Err(self.queue_full());
        }
        if job.apply(now.wall, JobEvent::RetryFinalize).is_err() {
            return Err(ApiError::BadStatus {
                status: job.status.to_string(),
                reason: "only a job whose finalization failed can be finalized once more".into(),
                name: job.name,
            });
        }
        self.count(&job, true);
        effects.push(Effect::Update(job.clone()));
        self.jobs.insert(job.id, job);
        Ok(Answer::Done)
    }

    fn queue_full(&self) -> ApiError {
        ApiError::LimitReached {
            limit: "queue_max".into(),
            max: i64::try_from(self.capacity.jobs).unwrap_or(i64::MAX),
        }
    }

    /// Applies an event to a job, keeps queues and counts true, and forgets the job when it has
    /// ended. Answers why nothing changed.
    fn apply(
        &mut self,
        now: Now,
        id: JobId,
        event: JobEvent,
        effects: &mut Vec<Effect>,
    ) -> Option<Refusal> {
        let Some(mut job) = self.jobs.remove(&id) else {
            return Some(Refusal::Stale);
        };
        self.count(&job, false);
        let was_in_line = job.is_in_line();
        let result = job.apply(now.wall, event);
        if was_in_line && !job.is_in_line() {
            self.line.retain(|in_line| *in_line != id);
        }
        self.count(&job, true);
        let is_stored = !self.unstored.contains(&id);
        let refusal = match result {
            Ok(act) => {
                match act.and_then(|act| at_once(id, act, is_stored)) {
                    Some(effect) => effects.push(effect),
                    None => {
                        effects.push(Effect::Update(job.clone()));
                        effects.extend(act.map(|act| once_stored(id, act)));
                    }
                }
                None
            }
            Err(refusal) => Some(refusal),
        };
        if !job.status.is_terminal() {
            self.jobs.insert(id, job);
        }
        refusal
    }

    /// Adds a job to the queues and counts, or takes it out of them.
    fn count(&mut self, job: &Job, add: bool) {
        let queue = match job.waits_for() {
            Some(StepKind::Prepare) => Some(&mut self.to_prepare),
            Some(StepKind::Command) => Some(&mut self.to_run),
            Some(StepKind::Finalize) => Some(&mut self.to_finalize),
            None => None,
        };
        match (queue, add) {
            (Some(queue), true) => queue.insert(job.priority, job.id),
            (Some(queue), false) => queue.remove(job.priority, job.id),
            (None, _) => {}
        }
        if job.is_granted() {
            self.granted = if add {
                self.granted + 1
            } else {
                self.granted - 1
            };
        }
        let counter = match job.holds() {
            Some(StepKind::Prepare | StepKind::Finalize) => &mut self.preparing,
            Some(StepKind::Command) => &mut self.slots_used,
            None => return,
        };
        if add {
            *counter += 1;
        } else {
            *counter -= 1;
        }
    }
}

/// What is done at once and changes nothing in the store: what is there says enough, and the next
/// news will be stored anyway.
fn at_once(id: JobId, act: Act, is_stored: bool) -> Option<Effect> {
    match act {
        Act::LaunchAtOnce(step) if is_stored => Some(Effect::LaunchAtOnce(id, step)),
        Act::LineUp(step) => Some(Effect::LineUp(id, step)),
        Act::LetGo(step) => Some(Effect::LetGo(id, step)),
        _ => None,
    }
}

/// What waits until the change is stored.
fn once_stored(id: JobId, act: Act) -> Effect {
    match act {
        Act::MakeReady(step) => Effect::MakeReady(id, step),
        Act::Launch(step) | Act::LaunchAtOnce(step) => Effect::Launch(id, step),
        Act::LineUp(step) => Effect::LineUp(id, step),
        Act::LetGo(step) => Effect::LetGo(id, step),
        Act::Stop(step, force) => Effect::Stop(id, step, force),
    }
}
