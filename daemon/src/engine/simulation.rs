//! Random histories from a seed: the core and the batch with a fake disk, fake shims and a fake
//! clock, cut at any point. Every history is checked against the promises after every act.
//!
//! `JOBD_SIMULATIONS=N` runs N histories, `JOBD_SEED=S` replays one.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use proto::api::ApiError;
use proto::job::limits::Priority;
use proto::outcome::Outcome;
use proto::record::{Ended, Exit, Format, Stop, StopReason};
use proto::status::Status;

use super::batch::{Batch, Deed};
use crate::core::event::Force;
use crate::core::job::{End, VANISHED_MAX};
use crate::core::machine::GRANTED_PER_SLOT_MAX;
use crate::core::reconcile::{ExitFact, Facts, StartedFact, Verdict, reconcile};
use crate::core::step::Phase;
use crate::core::{
    Answer, Capacity, Core, Definition, Event, Job, JobId, NewJob, Now, StepKind, StepRef, Ticket,
};
use crate::store::Write;

/// Histories that CI runs.
const HISTORIES: u64 = 10_000;
/// Random acts in one history, before it is brought to rest.
const ACTS: usize = 120;
/// Acts in which a history must come to rest.
const REST_ACTS_MAX: usize = 2_000;
const CAPACITY: Capacity = Capacity {
    slots: 3,
    preparing: 2,
    jobs: 40,
};

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        (!items.is_empty()).then(|| items[self.below(items.len())])
    }
}

/// A step's folder and the shim behind it.
#[derive(Debug, Clone, Default)]
struct Shim {
    alive: bool,
    started: bool,
    stop: Option<Force>,
    exit: Option<Exit>,
}

type Key = (JobId, StepRef);

struct World {
    random: Random,
    now: Now,
    core: Core,
    batch: Batch,
    // The disk.
    stored: BTreeMap<JobId, Job>,
    paused: bool,
    shims: BTreeMap<Key, Shim>,
    // The daemon's memory; gone with it.
    news: VecDeque<Event>,
    watched: HashSet<Key>,
    submitted: HashMap<Ticket, usize>,
    // What the outside world knows.
    acknowledged: HashSet<JobId>,
    executions: HashMap<JobId, u32>,
    tickets: u64,
    /// Jobs whose rows have changed since they were checked.
    changed: Vec<JobId>,
}

impl World {
    fn new(seed: u64) -> World {
        World {
            random: Random(seed),
            now: Now {
                wall: 1,
                mono_ms: 1,
            },
            core: Core::new(CAPACITY, 1, false, Vec::new()),
            batch: Batch::default(),
            stored: BTreeMap::new(),
            paused: false,
            shims: BTreeMap::new(),
            news: VecDeque::new(),
            watched: HashSet::new(),
            submitted: HashMap::new(),
            acknowledged: HashSet::new(),
            executions: HashMap::new(),
            tickets: 0,
            changed: Vec::new(),
        }
    }

    fn act(&mut self) {
        self.now.wall += 1;
        self.now.mono_ms += self.random.next() % 400;
        match self.random.below(17) {
            0..=2 => self.submit(),
            3 => self.cancel(),
            4 => self.pause(),
            5..=7 => self.shim_acts(),
            8..=10 => self.deliver(),
            11 => self.shim_dies(),
            12 => self.fall_silent(),
            13 => self.finish_batch(Disk::Full),
            14 => self.crash(),
            15 => self.retry_finalize(),
            _ => self.finish_batch(Disk::Works),
        }
        self.check();
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn step(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.core.step(self.now, event, &mut effects);
        self.batch.extend(effects);
    }

    fn submit(&mut self) {
        let count = 1 + self.random.below(4);
        let ticket = self.ticket();
        let jobs = (0..count).map(|_| self.new_job()).collect();
        self.submitted.insert(ticket, count);
        self.step(Event::Submit(ticket, jobs));
    }

    fn new_job(&mut self) -> NewJob {
        let priorities = [Priority::Low, Priority::Medium, Priority::High];
        self.tickets += 1;
        NewJob {
            name: format!("job{}", self.tickets),
            uid: 0,
            priority: priorities[self.random.below(3)],
            prepares: self.random.below(3) == 0,
            finalizes: self.random.below(3) == 0,
            limit_secs: Some(5),
            spool_key: None,
            definition: definition(),
        }
    }

    fn cancel(&mut self) {
        let ids: Vec<_> = self.stored.keys().copied().collect();
        let Some(id) = self.random.pick(&ids) else {
            return;
        };
        let ticket = self.ticket();
        let force = if self.random.below(3) == 0 {
            Force::Now
        } else {
            Force::Grace
        };
        self.step(Event::Cancel(ticket, id, force));
    }

    /// As the engine has it: a job that has ended as it is stored.
    fn retry_finalize(&mut self) {
        let ended = self.stored.values().filter(|job| {
            let end = job.end.as_ref();
            end.is_some_and(End::is_finalize_failure) && self.core.job(job.id).is_none()
        });
        let ended: Vec<Job> = ended.cloned().collect();
        let Some(at) = self.random.pick(&(0..ended.len()).collect::<Vec<_>>()) else {
            return;
        };
        let ticket = self.ticket();
        self.step(Event::RetryFinalize(ticket, Box::new(ended[at].clone())));
    }

    fn pause(&mut self) {
        let ticket = self.ticket();
        let paused = self.random.below(3) == 0;
        self.step(Event::Pause(ticket, paused));
    }

    fn keys(&self, wanted: impl Fn(&Shim) -> bool) -> Vec<Key> {
        self.shims
            .iter()
            .filter(|(_, shim)| wanted(shim))
            .map(|(key, _)| *key)
            .collect()
    }

    /// A living shim starts its command, or ends it.
    fn shim_acts(&mut self) {
        let keys = self.keys(|shim| shim.alive);
        let Some(key) = self.random.pick(&keys) else {
            return;
        };
        let duration_ms = self.random.next() % 100;
        let roll = self.random.below(7);
        let Some(shim) = self.shims.get_mut(&key) else {
            return;
        };
        if !shim.started && roll == 6 {
            let refused = Ended::Refused {
                reason: "new process".into(),
                errno: 11,
            };
            shim.exit = Some(exit(refused, None, 0));
            shim.alive = false;
            self.heard_of(key);
            return;
        }
        if !shim.started {
            shim.started = true;
            if key.1.kind == StepKind::Command {
                *self.executions.entry(key.0).or_default() += 1;
            }
            return;
        }
        let (ended, stop) = match (shim.stop, roll) {
            (Some(_), 0..=3) => (Ended::Signaled { signal: 15 }, Some(StopReason::Request)),
            (_, 4) => (Ended::Signaled { signal: 15 }, Some(StopReason::Limit)),
            (_, 5) => (Ended::Exited { code: 3 }, None),
            (_, 6) => (Ended::Signaled { signal: 15 }, Some(StopReason::Silence)),
            _ => (Ended::Exited { code: 0 }, None),
        };
        shim.exit = Some(exit(
            ended,
            stop.map(|reason| Stop {
                reason,
                killed: false,
            }),
            duration_ms,
        ));
        shim.alive = false;
        self.heard_of(key);
    }

    fn shim_dies(&mut self) {
        let keys = self.keys(|shim| shim.alive);
        let Some(key) = self.random.pick(&keys) else {
            return;
        };
        if let Some(shim) = self.shims.get_mut(&key) {
            shim.alive = false;
        }
        self.heard_of(key);
    }

    /// A watched shim has ended: what exec finds out becomes news.
    fn heard_of(&mut self, key: Key) {
        if self.watched.remove(&key) {
            self.look(key);
        }
    }

    fn look(&mut self, key: Key) {
        let shim = self.shims.get(&key).cloned().unwrap_or_default();
        let facts = Facts {
            lock_held: shim.alive,
            started: if shim.started {
                StartedFact::ThisBoot
            } else {
                StartedFact::Absent
            },
            exit: shim
                .exit
                .map_or(ExitFact::Absent, |exit| ExitFact::Whole(Box::new(exit))),
        };
        match reconcile(facts) {
            Verdict::Adopt | Verdict::LookAgain => {
                self.watched.insert(key);
                self.news.push_back(Event::Launched(key.0, key.1));
            }
            Verdict::Ended(end) | Verdict::KillLeftovers(end) => {
                self.news.push_back(Event::Ended(key.0, key.1, end));
            }
        }
    }

    /// A supervisor cannot be reached for a while.
    fn fall_silent(&mut self) {
        let keys: Vec<_> = self.keys(|shim| shim.alive);
        match self.random.pick(&keys) {
            Some((id, step)) if self.watched.contains(&(id, step)) => {
                self.news
                    .push_back(Event::Silent(id, step, "no word".into()));
                self.news.push_back(Event::Heard(id, step));
            }
            _ => self.step(Event::Tick),
        }
    }

    fn deliver(&mut self) {
        if let Some(event) = self.news.pop_front() {
            self.step(event);
        }
    }

    /// What the engine does at the end of a batch; the disk may refuse, and the daemon may die
    /// in the middle of the deeds.
    fn finish_batch(&mut self, disk: Disk) {
        let mut effects = Vec::new();
        self.core.schedule(self.now, &mut effects);
        self.batch.extend(effects);
        for deed in std::mem::take(&mut self.batch.at_once) {
            self.check_at_once(deed);
            self.carry_out(deed);
        }
        if matches!(disk, Disk::Full) && !self.batch.writes.is_empty() {
            let error = ApiError::Unavailable {
                reason: "full".into(),
            };
            let refused = self.batch.refuse_submissions(&error);
            self.core.forget(&refused);
            let replies = self.batch.take_replies(&error);
            self.tell(replies);
            for stop in self.batch.take_stops() {
                self.carry_out(stop);
            }
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        self.check_order(&batch);
        for write in &batch.writes {
            self.store(write);
        }
        self.core.stored();
        for deed in &batch.deeds {
            if matches!(disk, Disk::WorksThenCrash) && self.random.below(3) == 0 {
                return;
            }
            self.carry_out(*deed);
        }
        self.tell(batch.replies);
    }

    /// What goes before the commit must have been granted in one before.
    fn check_at_once(&self, deed: Deed) {
        let Deed::Launch(id, step) = deed else {
            panic!("{deed:?} does not wait for the commit");
        };
        let granted = self.stored.get(&id).and_then(|job| job.active);
        let is_granted = granted.is_some_and(|g| g.step == step && g.phase == Phase::Granted);
        assert!(is_granted, "{id} is started on {granted:?}");
        let Some(job) = self.core.job(id) else {
            return;
        };
        let rank = |job: &Job| (job.priority, std::cmp::Reverse(job.id));
        let overtaken = self
            .core
            .jobs()
            .find(|other| other.waits_for() == Some(step.kind) && rank(other) > rank(job));
        assert!(overtaken.is_none(), "I8: {job:?} overtook {overtaken:?}");
    }

    fn store(&mut self, write: &Write) {
        match write {
            Write::Insert(job, _) | Write::Update(job) => {
                if let Some(before) = self.stored.get(&job.id) {
                    let end = before.end.as_ref();
                    let is_retried = end.is_some_and(End::is_finalize_failure);
                    assert!(
                        !before.status.is_terminal() || is_retried,
                        "I4: {} left {}",
                        job.id,
                        before.status
                    );
                }
                self.stored.insert(job.id, job.clone());
                self.changed.push(job.id);
            }
            Write::SetPaused(paused) => self.paused = *paused,
            _ => {}
        }
    }

    fn carry_out(&mut self, deed: Deed) {
        match deed {
            Deed::MakeReady(..) => {}
            Deed::Launch(id, step) => {
                let key = (id, step);
                assert!(
                    !self.shims.contains_key(&key),
                    "I2: {key:?} is launched twice"
                );
                if self.random.below(8) == 0 {
                    self.news
                        .push_back(Event::LaunchFailed(id, step, "no fork".into()));
                    return;
                }
                self.shims.insert(
                    key,
                    Shim {
                        alive: true,
                        ..Shim::default()
                    },
                );
                self.watched.insert(key);
                self.news.push_back(Event::Launched(id, step));
            }
            Deed::Stop(id, step, force) => {
                if let Some(shim) = self.shims.get_mut(&(id, step)) {
                    shim.stop = Some(force);
                }
            }
        }
    }

    fn tell(&mut self, replies: Vec<(Ticket, Result<Answer, ApiError>)>) {
        for (ticket, answer) in replies {
            if let (Ok(Answer::Submitted(ids)), Some(count)) =
                (answer, self.submitted.remove(&ticket))
            {
                assert_eq!(ids.len(), count);
                self.acknowledged.extend(ids);
            }
        }
    }

    /// kill -9 of the daemon at any point, and the next one.
    fn crash(&mut self) {
        if self.random.below(2) == 0 {
            self.finish_batch(Disk::WorksThenCrash);
        }
        self.batch = Batch::default();
        self.news.clear();
        self.watched.clear();
        self.submitted.clear();
        let live: Vec<Job> = self
            .stored
            .values()
            .filter(|job| !job.status.is_terminal())
            .cloned()
            .collect();
        let next_id = self.stored.keys().max().map_or(1, |id| id + 1);
        self.core = Core::new(CAPACITY, next_id, self.paused, live.clone());
        for job in live {
            let Some(active) = job.active else { continue };
            let key = (job.id, active.step);
            self.look(key);
            if let (Some(force), Some(shim)) = (job.cancel, self.shims.get_mut(&key)) {
                shim.stop = Some(force);
            }
        }
    }

    fn check_order(&self, batch: &Batch) {
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
                    && (other.priority, std::cmp::Reverse(other.id))
                        > (job.priority, std::cmp::Reverse(job.id))
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

    fn check(&mut self) {
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

    fn check_job(&self, job: &Job) {
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
    fn check_truth(&self, job: &Job, last: Option<&Shim>) {
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

    fn has_ended_well(&self, job: &Job, kind: StepKind) -> bool {
        let mut own = self.shims.iter().filter(|((id, _), _)| *id == job.id);
        own.any(|((_, step), shim)| {
            let ended = shim.exit.as_ref().map(|exit| &exit.ended);
            step.kind == kind && ended == Some(&Ended::Exited { code: 0 })
        })
    }

    /// No more faults: everything that was admitted must come to its end.
    fn come_to_rest(&mut self) {
        let ticket = self.ticket();
        self.step(Event::Pause(ticket, false));
        for _ in 0..REST_ACTS_MAX {
            self.now.mono_ms += 20_000;
            self.deliver();
            self.shim_acts();
            self.finish_batch(Disk::Works);
            self.check();
            if self.stored.values().all(|job| job.status.is_terminal()) && self.news.is_empty() {
                return;
            }
        }
        let stuck: Vec<_> = self
            .stored
            .values()
            .filter(|job| !job.status.is_terminal())
            .collect();
        panic!("these jobs never end: {stuck:#?}");
    }
}

#[derive(Clone, Copy)]
enum Disk {
    Works,
    WorksThenCrash,
    Full,
}

fn exit(ended: Ended, stop: Option<Stop>, duration_ms: u64) -> Exit {
    Exit {
        format: Format::CURRENT,
        ended,
        stop,
        oom_killed: false,
        at: 0,
        duration_ms,
        log_bytes: 0,
        log_bytes_dropped: 0,
        log_errno: None,
        leftovers_killed: 0,
        cpu_ms: 0,
        max_rss_kib: 0,
    }
}

fn definition() -> Arc<Definition> {
    let job =
        serde_json::from_value(serde_json::json!({ "command": "x", "environment": "azureml:e:1" }));
    Arc::new(Definition {
        job: job.unwrap(),
        base_path: PathBuf::from("/"),
        experiment_name: "e".into(),
        created_by: "u".into(),
        notes: Vec::new(),
        pinned: None,
    })
}

fn history(seed: u64) -> World {
    let mut world = World::new(seed);
    for _ in 0..ACTS {
        world.act();
    }
    world.come_to_rest();
    world
}

#[test]
fn no_history_breaks_a_promise() {
    let setting = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let seeds = match setting("JOBD_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..setting("JOBD_SIMULATIONS").unwrap_or(HISTORIES),
    };
    let (mut jobs, mut lost, mut ran) = (0, 0, 0);
    for seed in seeds.clone() {
        let result = std::panic::catch_unwind(|| history(seed));
        let Ok(world) = result else {
            panic!("replay it with JOBD_SEED={seed}")
        };
        jobs += world.stored.len();
        ran += world.executions.len();
        lost += world.stored.values().filter(|job| is_lost(job)).count();
    }
    println!(
        "{} histories: {jobs} jobs, {ran} ran, {lost} lost with their reason",
        seeds.end - seeds.start
    );
    assert!(
        ran > 0 && lost > 0 || seeds.end - seeds.start < 100,
        "the histories exercise nothing"
    );
}

fn is_lost(job: &Job) -> bool {
    matches!(
        job.end.as_ref().map(|end| &end.outcome),
        Some(Outcome::Lost { .. })
    )
}
