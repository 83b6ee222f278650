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
use proto::record::{Ended, Exit, Stop};

use super::batch::{Batch, Deed};
use crate::core::event::Force;
use crate::core::job::End;
use crate::core::{
    Answer, Capacity, Core, Definition, Event, Job, JobId, NewJob, Now, StepRef, Ticket,
};
use crate::store::Write;

mod promises;
mod shims;

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

/// What exec knows of steps that were not let go by itself.
#[derive(Debug, Default)]
struct Exec {
    granted: HashMap<JobId, StepRef>,
    /// Made ready before their job was stored.
    ahead: HashSet<JobId>,
    coming: VecDeque<Key>,
    /// What shims have said and it has not heard: whose step has ended.
    words: VecDeque<Key>,
    // The kernel's.
    line: VecDeque<Key>,
    /// Taken out of the line by a shim, which exec has not heard of.
    taken: Vec<Key>,
}

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
    news: VecDeque<Vec<Event>>,
    watched: HashSet<Key>,
    exec: Exec,
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
            exec: Exec::default(),
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
        match self.random.below(20) {
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
            16..=18 => self.exec_hears(),
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

    /// A supervisor cannot be reached for a while.
    fn fall_silent(&mut self) {
        let keys: Vec<_> = self.keys(|shim| shim.alive);
        match self.random.pick(&keys) {
            Some((id, step)) if self.watched.contains(&(id, step)) => {
                let silent = Event::Silent(id, step, "no word".into());
                self.news
                    .extend([vec![silent], vec![Event::Heard(id, step)]]);
            }
            _ => self.step(Event::Tick),
        }
    }

    fn deliver(&mut self) {
        for event in self.news.pop_front().unwrap_or_default() {
            self.step(event);
        }
    }

    /// What the engine does at the end of a batch; the disk may refuse, and the daemon may die
    /// in the middle of the deeds.
    fn finish_batch(&mut self, disk: Disk) {
        let mut effects = Vec::new();
        self.core.schedule(self.now, &mut effects);
        self.batch.extend(effects);
        self.carry_out_at_once();
        let begins = self.batch.begins().map(|(job, _)| job.id);
        self.exec.ahead.extend(begins);
        if matches!(disk, Disk::Full) && !self.batch.writes.is_empty() {
            let error = ApiError::Unavailable {
                reason: "full".into(),
            };
            let refused = self.batch.refuse_submissions(&error);
            for id in std::mem::take(&mut self.exec.ahead) {
                assert!(refused.contains(&id), "{id} is given up, and to start");
            }
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
        let left = &self.exec.ahead;
        assert!(
            left.is_empty(),
            "{left:?} are ready, and nobody lets them go"
        );
        self.tell(batch.replies);
        let mut effects = Vec::new();
        self.core.line_up(self.now, &mut effects);
        self.batch.extend(effects);
        self.carry_out_at_once();
    }

    fn carry_out_at_once(&mut self) {
        for deed in std::mem::take(&mut self.batch.at_once) {
            self.check_at_once(deed);
            self.carry_out(deed);
        }
        self.check_line();
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
            Deed::MakeReady(id, step) => {
                self.exec.granted.insert(id, step);
            }
            Deed::Launch(id, step) => {
                self.exec.ahead.remove(&id);
                self.launch((id, step));
            }
            Deed::LineUp(id, step) => {
                if self.exec.granted.get(&id) == Some(&step) {
                    self.exec.coming.push_back((id, step));
                    self.exec_fills_line();
                }
            }
            Deed::LetGo(id, step) => {
                self.exec_recalls();
                if self.exec.granted.get(&id) == Some(&step) {
                    self.launch((id, step));
                }
            }
            Deed::Disband => {
                self.exec_recalls();
                self.exec.coming.clear();
            }
            Deed::Stop(id, step, force) => self.stop((id, step), force),
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
        self.exec = Exec::default();
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
            let found = self.look(key);
            self.news.push_back(vec![found]);
            if let (Some(force), Some(shim)) = (job.cancel, self.shims.get_mut(&key)) {
                shim.stop = Some(force);
            }
        }
    }

    /// No more faults: everything that was admitted must come to its end.
    fn come_to_rest(&mut self) {
        let ticket = self.ticket();
        self.step(Event::Pause(ticket, false));
        for _ in 0..REST_ACTS_MAX {
            self.now.mono_ms += 20_000;
            self.deliver();
            self.shim_acts();
            self.exec_hears();
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
        stop,
        duration_ms,
        ..Exit::of_nothing(ended, 0)
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
