//! The loop.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use proto::api::ApiError;
use proto::record::Ended;
use tokio::sync::oneshot;

use super::batch::{Batch, Deed};
use super::handle::{Candidate, Change, Ends, Handle, Input, Snapshot, SubmitAnswer, channels};
use super::registration;
use crate::core::{Answer, Capacity, Core, Event, Job, JobId, Now, StepEnd, StepRef, Ticket};
use crate::exec::{AHEAD_MAX, Order};
use crate::store::{NewAsset, Row, Store, StoreError, Write};
use crate::sys::{clock, failpoint};

/// The most messages of one commit: bounds how long a reply waits for others.
const BATCH_INPUTS_MAX: usize = 2_000;
/// How long the news that a step was launched waits for something to share its commit with, in
/// milliseconds: nobody but onlookers waits for it, and should it be lost it is found out again.
const LAUNCHED_WAIT_MS: u64 = 20;
/// How long the news of an end waits for the same, in milliseconds, while the next job can start
/// without a commit: whoever waits for one of many jobs does not notice.
const ENDED_WAIT_MS: u64 = 20;
/// How long it waits while nobody watches: who does not may be about to submit the next job.
const UNWATCHED_WAIT_MS: u64 = 5;
/// How long a commit that failed waits for its next try, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// Why the engine ended. Whatever it is, the next daemon takes over.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store cannot be read, or failed so that its file is in doubt.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

/// Who waits for which answer.
enum Caller {
    Submit(Vec<String>, oneshot::Sender<Result<SubmitAnswer, ApiError>>),
    Register(String, oneshot::Sender<Result<String, ApiError>>),
    Other(oneshot::Sender<Result<Answer, ApiError>>),
}

/// The engine, with everything it owns.
pub struct Engine {
    pub(super) core: Core,
    pub(super) store: Store,
    ends: Ends,
    carry_out: Box<dyn FnMut(Order) + Send>,
    batch: Batch,
    callers: HashMap<Ticket, Caller>,
    /// Names and spool keys that the batch inserts and the store does not know yet.
    pub(super) claimed: HashSet<String>,
    pub(super) tickets: u64,
    retry_at_ms: Option<u64>,
    /// Until when the batch may wait; none when it must not.
    hold_until_ms: Option<u64>,
    pub(super) random: std::hash::RandomState,
}

impl Engine {
    /// Reads the live jobs and makes the engine; `carry_out` takes its orders to the steps.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(
        store: Store,
        path: std::path::PathBuf,
        capacity: Capacity,
    ) -> Result<(Engine, Handle), EngineError> {
        let core = Core::new(
            capacity,
            store.next_id()?,
            store.is_paused()?,
            store.live()?,
        );
        let (handle, ends) = channels(path);
        let engine = Engine {
            core,
            store,
            ends,
            carry_out: Box::new(|_| {}),
            batch: Batch::default(),
            callers: HashMap::new(),
            claimed: HashSet::new(),
            tickets: 0,
            retry_at_ms: None,
            hold_until_ms: None,
            random: std::hash::RandomState::new(),
        };
        Ok((engine, handle))
    }

    /// The live jobs, for whoever must find out what became of their steps.
    pub fn live(&self) -> impl Iterator<Item = &Job> {
        self.core.jobs()
    }

    /// Runs until it is told to end.
    ///
    /// # Errors
    /// When the store has failed for good.
    pub fn run(mut self, carry_out: impl FnMut(Order) + Send + 'static) -> Result<(), EngineError> {
        self.carry_out = Box::new(carry_out);
        let mut open = true;
        self.finish_batch()?;
        // Not before it is known how things stand: whoever asks is answered meanwhile.
        if let Err(error) = self.store.take_room() {
            tracing::debug!(%error, "there is no room for the store's log yet");
        }
        while open {
            open = self.receive();
            self.finish_batch()?;
        }
        if let Err(error) = self.store.checkpoint() {
            tracing::debug!(%error, "the store keeps its log");
        }
        Ok(())
    }

    /// Waits for a message, takes it and all that are there; answers whether to go on.
    fn receive(&mut self) -> bool {
        let first = match self.wake_in() {
            None => self
                .ends
                .inbox
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
            Some(delay) => self.ends.inbox.recv_timeout(delay),
        };
        let mut next = match first {
            Ok(input) => Some(input),
            Err(RecvTimeoutError::Timeout) => Some(Input::News(vec![Event::Tick])),
            Err(RecvTimeoutError::Disconnected) => return false,
        };
        let mut taken = 0;
        while let Some(input) = next {
            if matches!(input, Input::Shutdown) {
                self.hold_until_ms = None;
                return false;
            }
            match input {
                // The first ones change what the next ones may wait for.
                Input::News(events) => events.into_iter().for_each(|event| {
                    self.hold(self.wait_of(&event));
                    self.step(event);
                }),
                input => {
                    self.hold(None);
                    self.take(input);
                }
            }
            taken += 1;
            next = (taken < BATCH_INPUTS_MAX)
                .then(|| self.ends.inbox.try_recv().ok())
                .flatten();
        }
        true
    }

    /// Milliseconds that news may wait for its commit; none if somebody waits for it.
    fn wait_of(&self, event: &Event) -> Option<u64> {
        match event {
            Event::Launched(..) => Some(LAUNCHED_WAIT_MS),
            Event::Ended(..) if self.core.has_granted() => Some(ENDED_WAIT_MS),
            Event::Ended(..) if self.is_unwatched() => Some(UNWATCHED_WAIT_MS),
            _ => None,
        }
    }

    /// Lets the batch wait if nobody waits for what it holds.
    fn hold(&mut self, wait: Option<u64>) {
        let Some(wait) = wait else {
            self.hold_until_ms = None;
            return;
        };
        let until = clock::monotonic_ms() + wait;
        self.hold_until_ms = match self.hold_until_ms {
            None if self.batch.is_empty() => Some(until),
            held => held.map(|held| held.min(until)),
        };
    }

    /// Whether nobody is told of changes.
    fn is_unwatched(&self) -> bool {
        self.ends.changes.receiver_count() == 0
    }

    fn wake_in(&self) -> Option<Duration> {
        let at = self
            .core
            .wake_at()
            .into_iter()
            .chain(self.retry_at_ms)
            .chain(self.hold_until_ms)
            .min()?;
        Some(Duration::from_millis(
            at.saturating_sub(clock::monotonic_ms()),
        ))
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::News(events) => events.into_iter().for_each(|event| self.step(event)),
            Input::Submit(jobs, reply) => self.submit(jobs, reply),
            Input::Cancel(id, force, reply) => {
                let ticket = self.ticket(Caller::Other(reply));
                self.step(Event::Cancel(ticket, id, force));
            }
            Input::RetryFinalize(id, reply) => match self.ended(id) {
                Ok(job) => {
                    let ticket = self.ticket(Caller::Other(reply));
                    self.step(Event::RetryFinalize(ticket, Box::new(job)));
                }
                Err(error) => answer(reply, Err(error)),
            },
            Input::Pause(paused, reply) => {
                let ticket = self.ticket(Caller::Other(reply));
                self.step(Event::Pause(ticket, paused));
            }
            Input::SetArchived(id, archived, reply) => {
                self.write(Write::SetArchived(id, archived), reply);
            }
            Input::Prune(ids, reply) => self.write(Write::Prune(ids, now().wall), reply),
            Input::Swept(ids, reply) => self.write(Write::Swept(ids), reply),
            Input::Register(asset, reply) => self.register(*asset, reply),
            Input::SetAssetArchived(name, version, archived, reply) => {
                self.write(Write::SetAssetArchived(name, version, archived), reply);
            }
            Input::Ping(reply) => answer(reply, Ok(())),
            Input::Shutdown => {}
        }
    }

    /// Writes what the core need not know: it is about jobs that have ended.
    fn write(&mut self, write: Write, reply: oneshot::Sender<Result<Answer, ApiError>>) {
        let ticket = self.ticket(Caller::Other(reply));
        self.batch.writes.push(write);
        self.batch.replies.push((ticket, Ok(Answer::Done)));
    }

    /// A job that has ended, as it is stored, and that keeps its folders.
    fn ended(&self, id: JobId) -> Result<Job, ApiError> {
        let refused = |reason: &str| ApiError::Unavailable {
            reason: reason.into(),
        };
        let stored = self.store.ended(id).map_err(unavailable)?;
        match stored.filter(|_| self.core.job(id).is_none()) {
            None => Err(refused("the job has not ended")),
            Some((_, is_pruned)) if is_pruned || self.batch.is_pruning(id) => {
                Err(refused("the job was pruned: what it made is gone"))
            }
            Some((job, _)) => Ok(job),
        }
    }

    fn register(&mut self, asset: NewAsset, reply: oneshot::Sender<Result<String, ApiError>>) {
        match registration::version(&self.store, &self.batch, &asset) {
            Err(error) => answer(reply, Err(error)),
            Ok(version) => {
                let ticket = self.ticket(Caller::Register(version.clone(), reply));
                let write = Write::Register(version, asset, now().wall);
                self.batch.writes.push(write);
                self.batch.replies.push((ticket, Ok(Answer::Done)));
            }
        }
    }

    fn step(&mut self, event: Event) {
        if let Some((id, step, reason)) = refused_start(&event) {
            tracing::warn!(
                job = id,
                step = step.kind.name(),
                reason,
                "a step could not be started"
            );
        }
        let now = now();
        let event =
            registration::of_outputs(&self.core, &self.store, &mut self.batch, event, now.wall);
        let mut effects = Vec::new();
        self.core.step(now, event, &mut effects);
        self.batch.extend(effects);
    }

    fn ticket(&mut self, caller: Caller) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.callers.insert(ticket, caller);
        ticket
    }

    fn submit(
        &mut self,
        jobs: Vec<Candidate>,
        reply: oneshot::Sender<Result<SubmitAnswer, ApiError>>,
    ) {
        match self.claim(jobs) {
            Ok(Some(jobs)) => {
                let names = jobs.iter().map(|job| job.name.clone()).collect();
                let ticket = self.ticket(Caller::Submit(names, reply));
                self.step(Event::Submit(ticket, jobs));
            }
            Ok(None) => answer(reply, Ok(SubmitAnswer::Known)),
            Err(error) => answer(reply, Err(error)),
        }
    }

    /// Schedules, commits, and carries out what waited for the commit.
    fn finish_batch(&mut self) -> Result<(), EngineError> {
        let mut effects = Vec::new();
        self.core.schedule(now(), &mut effects);
        self.batch.extend(effects);
        self.carry_out_at_once();
        if self.may_wait() {
            return Ok(());
        }
        self.hold_until_ms = None;
        failpoint::reach("engine.before-commit");
        if !self.batch.writes.is_empty() {
            let made = self.make_ahead();
            if let Err(error) = self.store.commit(&self.batch.writes) {
                made.into_iter()
                    .for_each(|id| (self.carry_out)(Order::GiveUp { id }));
                return self.commit_failed(error);
            }
        }
        failpoint::reach("engine.after-commit");
        self.core.stored();
        self.retry_at_ms = None;
        self.claimed.clear();
        let mut batch = std::mem::take(&mut self.batch);
        self.publish(&batch);
        failpoint::reach("engine.before-replies");
        // Before the deeds: whoever waits is told in no time, and a step takes a while to begin.
        self.reply(std::mem::take(&mut batch.replies));
        for deed in &batch.deeds {
            self.carry_out_deed(deed, &batch);
        }
        self.line_up();
        Ok(())
    }

    /// The commands that are to start with this commit are made ready meanwhile. Answers whose.
    fn make_ahead(&mut self) -> Vec<JobId> {
        let rows = self.batch.begins().take(AHEAD_MAX).map(|(job, new)| Row {
            job: job.clone(),
            definition: Arc::clone(&new.definition),
            archived: false,
            spool_key: new.spool_key.clone(),
            pruned_at: None,
        });
        let rows: Vec<_> = rows.collect();
        let ids = rows.iter().map(|row| row.job.id).collect();
        for row in rows {
            (self.carry_out)(Order::MakeAhead(Box::new(row)));
        }
        ids
    }

    /// What was granted by the last commit may begin from now on.
    fn line_up(&mut self) {
        let mut effects = Vec::new();
        self.core.line_up(now(), &mut effects);
        self.batch.extend(effects);
        self.carry_out_at_once();
    }

    fn carry_out_at_once(&mut self) {
        for deed in std::mem::take(&mut self.batch.at_once) {
            self.carry_out_deed(&deed, &Batch::default());
        }
    }

    /// Whether the batch holds launches only, and not for long. A deed never waits.
    fn may_wait(&self) -> bool {
        let held = self
            .hold_until_ms
            .is_some_and(|until| clock::monotonic_ms() < until);
        held && !self.batch.is_urgent()
    }

    fn commit_failed(&mut self, error: StoreError) -> Result<(), EngineError> {
        if error.is_fatal() {
            return Err(error.into());
        }
        tracing::error!(%error, "the commit failed; submissions are refused, the rest is tried again");
        let kept = ApiError::Unavailable {
            reason: format!("{error}; what was asked for is kept and tried again"),
        };
        let refused = self.batch.refuse_submissions(&unavailable(error));
        self.core.forget(&refused);
        self.claimed.clear();
        let replies = self.batch.take_replies(&kept);
        self.reply(replies);
        // A job that fills the disk must be stopped although the disk is full.
        let batch = Batch::default();
        for stop in self.batch.take_stops() {
            self.carry_out_deed(&stop, &batch);
        }
        let waits = !self.batch.writes.is_empty();
        self.retry_at_ms = waits.then(|| clock::monotonic_ms() + RETRY_MS);
        Ok(())
    }

    fn carry_out_deed(&mut self, deed: &Deed, batch: &Batch) {
        failpoint::reach("engine.before-deed");
        let order = match *deed {
            Deed::MakeReady(id, step) => {
                let name = self.name_of(id, batch);
                name.map(|name| Order::MakeReady { id, name, step })
            }
            Deed::Launch(id, step) => {
                let name = self.name_of(id, batch);
                name.map(|name| Order::Launch { id, name, step })
            }
            Deed::LetGo(id, step) => {
                let name = self.name_of(id, batch);
                name.map(|name| Order::LetGo { id, name, step })
            }
            Deed::LineUp(id, step) => Some(Order::LineUp { id, step }),
            Deed::Disband => Some(Order::Disband),
            Deed::Stop(id, step, force) => Some(Order::Stop { id, step, force }),
        };
        if let Some(order) = order {
            (self.carry_out)(order);
        }
    }

    fn name_of(&self, id: JobId, batch: &Batch) -> Option<String> {
        let live = self.core.job(id);
        live.or_else(|| batch.jobs().find(|job| job.id == id))
            .map(|job| job.name.clone())
    }

    fn publish(&self, batch: &Batch) {
        for job in batch.jobs() {
            // Nobody listening is no fault.
            drop(self.ends.changes.send(Change::of(job)));
        }
        self.ends.snapshot.send_replace(Snapshot {
            slots: self.core.slots(),
            slots_used: self.core.slots_used(),
            queued: self.core.waiting(),
            paused: self.core.is_paused(),
        });
    }

    fn reply(&mut self, replies: Vec<(Ticket, Result<Answer, ApiError>)>) {
        for (ticket, result) in replies {
            match self.callers.remove(&ticket) {
                Some(Caller::Submit(names, reply)) => {
                    answer(reply, result.map(|_| SubmitAnswer::Admitted(names)));
                }
                Some(Caller::Register(version, reply)) => answer(reply, result.map(|_| version)),
                Some(Caller::Other(reply)) => answer(reply, result),
                None => {}
            }
        }
    }
}

/// What could not be started, and why: by us, or by the supervisor.
fn refused_start(event: &Event) -> Option<(JobId, StepRef, &str)> {
    match event {
        Event::LaunchFailed(id, step, reason) => Some((*id, *step, reason)),
        Event::Ended(id, step, StepEnd::Exit(exit)) => match &exit.ended {
            Ended::Refused { reason, .. } => Some((*id, *step, reason)),
            _ => None,
        },
        _ => None,
    }
}

/// Tells a caller, who may have gone away.
fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    if reply.send(value).is_err() {
        tracing::debug!("a caller went away before its answer");
    }
}

pub(super) fn unavailable(error: StoreError) -> ApiError {
    ApiError::Unavailable {
        reason: error.to_string(),
    }
}

fn now() -> Now {
    Now {
        wall: clock::wall_micros(),
        mono_ms: clock::monotonic_ms(),
    }
}
