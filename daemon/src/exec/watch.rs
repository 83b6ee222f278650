//! The exec thread: waits for orders and for the ends of shims in one epoll, without a timer
//! unless a step is unclear.

use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signal::Signal;
use proto::stage::StageSettings;

use super::Order;
use super::adopt::{Finding, find_out};
use super::ahead::Ahead;
use super::launch::Ready;
use super::line::Line;
use super::maker::Maker;
use super::order::Inbox;
use super::pool::{Pool, Shim, Word};
use super::silence::{self, Silences};
use super::spare::Spare;
use crate::core::event::Force;
use crate::core::plan::Host;
use crate::core::{Event, JobId, StepEnd, StepRef};
use crate::engine::Handle;
use crate::layout::Layout;
use crate::store::Reader;
use crate::sys::{clock, failpoint, pidfd};

/// How often an unclear step is looked at, in milliseconds.
const UNCLEAR_LOOK_MS: u16 = 50;
/// How long a step may be unclear before its job is said not to respond, in milliseconds.
const UNCLEAR_MS_MAX: u64 = 5_000;
/// The most steps that wait for *go*: each has a supervisor and a process, two small ones that
/// sleep.
pub const READY_MAX: usize = 8;
/// For how long nothing must have happened before spare folders are made, in milliseconds.
const SPARE_WAIT_MS: u16 = 10;
/// Events taken from one epoll.
const EVENTS: usize = 256;
/// The epoll token of the inbox; jobs' numbers begin at 1.
const INBOX: u64 = 0;
/// The epoll token of the silences.
const SILENCES: u64 = u64::MAX;

/// Why the exec thread cannot work.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The kernel gave no epoll.
    #[error("wait for steps: {0}")]
    Poll(#[from] Errno),
    /// The store cannot be read.
    #[error("read jobs: {0}")]
    Store(#[from] crate::store::StoreError),
}

/// A step whose shim is watched.
struct Watched {
    name: String,
    step: StepRef,
    supervisor: Supervisor,
}

/// How the end of a step is noticed.
pub(super) enum Supervisor {
    /// The shim says so, and takes the next step.
    Ours(Shim),
    /// The process ends: an earlier daemon has started it, or it was ours and is ending.
    Process(OwnedFd),
}

impl Supervisor {
    fn source(&self) -> BorrowedFd<'_> {
        match self {
            Supervisor::Ours(shim) => shim.control(),
            Supervisor::Process(process) => process.as_fd(),
        }
    }

    fn stop(&mut self, signal: Signal) -> Result<(), pidfd::PidfdError> {
        match self {
            Supervisor::Ours(shim) => shim.stop(signal),
            Supervisor::Process(process) => pidfd::signal(process, signal).map(drop),
        }
    }
}

/// A step that only waits for *go*.
pub(super) struct Waiting {
    pub name: String,
    pub step: StepRef,
    pub ready: Ready,
}

/// A step that is looked at again until it is clear.
struct Unclear {
    name: String,
    step: StepRef,
    since_ms: u64,
    silent: bool,
    stop: Option<Force>,
}

/// The exec thread's possessions.
pub struct Exec {
    inbox: Inbox,
    engine: Handle,
    pub(super) maker: Maker,
    epoll: Epoll,
    watched: HashMap<JobId, Watched>,
    unclear: HashMap<JobId, Unclear>,
    /// What the engine is to be told, all at once: who has ended and who has begun in its stead.
    pub(super) news: Vec<Event>,
    /// Steps that may be let go by us or by another's end, and were not.
    pub(super) granted: HashMap<JobId, StepRef>,
    /// Those of them that are to wait for *go*.
    pub(super) to_make_ready: VecDeque<(JobId, String, StepRef)>,
    /// Jobs whose folders are made before they are stored; none where they cannot be noted.
    pub(super) ahead: Option<Ahead>,
    /// Those that wait for *go*.
    pub(super) ready: HashMap<JobId, Waiting>,
    /// Those of them that another's end lets go.
    pub(super) line: Line,
    /// Made with the first step that has a heartbeat.
    silences: Option<Silences>,
}

impl Exec {
    /// Makes it; `shim` is the program that supervises a step.
    ///
    /// # Errors
    /// When the kernel or the store refuses.
    pub fn new(
        inbox: Inbox,
        engine: Handle,
        layout: Layout,
        (host, settings): (Host, Arc<StageSettings>),
        shim: PathBuf,
    ) -> Result<Exec, ExecError> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(inbox.wake(), EpollEvent::new(EpollFlags::EPOLLIN, INBOX))?;
        let reader = Reader::open(engine.store())?;
        let ahead = Ahead::open(&layout, |name| reader.has_name(name));
        let ahead = ahead.inspect_err(|error| tracing::warn!(%error, "nothing is made ahead"));
        let ahead = ahead.ok();
        let line = Line::new()?;
        let head = line.head().try_clone_to_owned();
        let head = head.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))?;
        let mut pool = Pool::new(shim, head);
        if let Err(error) = pool.warm_up() {
            tracing::warn!(%error, "there is no supervisor yet; a launch will say so");
        }
        let spare = Spare::new(&layout);
        let maker = Maker {
            reader,
            layout,
            host,
            settings,
            pool,
            spare,
        };
        let (watched, unclear) = (HashMap::new(), HashMap::new());
        Ok(Exec {
            inbox,
            engine,
            maker,
            epoll,
            watched,
            unclear,
            news: Vec::new(),
            granted: HashMap::new(),
            to_make_ready: VecDeque::new(),
            ahead,
            ready: HashMap::new(),
            line,
            silences: None,
        })
    }

    /// Runs for ever.
    ///
    /// # Errors
    /// When the kernel refuses to wait.
    pub fn run(mut self) -> Result<(), ExecError> {
        let mut events = vec![EpollEvent::empty(); EVENTS];
        self.inbox.begin();
        loop {
            let timeout = self.timeout();
            let ready = match self.epoll.wait(&mut events, timeout) {
                Ok(ready) => ready,
                Err(Errno::EINTR) => 0,
                Err(error) => return Err(error.into()),
            };
            for event in &events[..ready] {
                match event.data() {
                    INBOX => self.take_orders(),
                    SILENCES => self.take_silences(),
                    id => self.supervisor_spoke(id.cast_signed()),
                }
            }
            self.look_at_unclear();
            self.tell_news();
            if ready == 0 && self.needs_spare() {
                self.maker.spare.make();
            }
            // One at a time: ends and starts do not wait for it.
            if self.may_make_ready()
                && let Some((id, name, step)) = self.to_make_ready.pop_front()
            {
                self.keep_ready(id, name, step);
            }
            let ready = &self.ready;
            self.line
                .fill(|id| ready.get(&id).map(|waiting| waiting.ready.gate().as_fd()));
        }
    }

    fn tell_news(&mut self) {
        if !self.news.is_empty() {
            self.engine.news(std::mem::take(&mut self.news));
        }
    }

    fn may_make_ready(&self) -> bool {
        !self.to_make_ready.is_empty() && self.ready.len() < READY_MAX
    }

    fn timeout(&self) -> EpollTimeout {
        if self.may_make_ready() {
            EpollTimeout::ZERO
        } else if !self.unclear.is_empty() {
            EpollTimeout::from(UNCLEAR_LOOK_MS)
        } else if self.needs_spare() {
            EpollTimeout::from(SPARE_WAIT_MS)
        } else {
            EpollTimeout::NONE
        }
    }

    /// In a long queue nobody waits for the folders.
    fn needs_spare(&self) -> bool {
        self.granted.is_empty() && self.maker.spare.is_due()
    }

    fn take_orders(&mut self) {
        if let Err(error) = self.inbox.wake().read() {
            tracing::trace!(%error, "the inbox was read before");
        }
        while let Some(order) = self.inbox.take() {
            match order {
                Order::MakeAhead(row) => self.make_ahead(&row),
                Order::GiveUp { id } => self.give_up(id),
                Order::Launch { id, name, step } => self.launch(id, name, step),
                // Unless it has gone: it was in the line before.
                Order::LineUp { id, step } if self.granted.get(&id) == Some(&step) => {
                    self.line.line_up(id);
                }
                Order::LetGo { id, name, step } if self.granted.get(&id) == Some(&step) => {
                    self.let_go(id, name, step);
                }
                Order::LineUp { .. } | Order::LetGo { .. } => {}
                Order::Disband => {
                    let gone = self.line.disband();
                    self.were_taken(gone);
                }
                Order::MakeReady { id, name, step } => {
                    self.granted.insert(id, step);
                    self.to_make_ready.push_back((id, name, step));
                }
                Order::Stop { id, step, force } => self.stop(id, step, force),
                Order::Adopt {
                    id,
                    name,
                    step,
                    stop,
                } => self.adopt(id, name, step, stop),
            }
            // A launch takes its time, and what it has to tell belongs to nothing else.
            self.tell_news();
        }
    }

    pub(super) fn watch(&mut self, id: JobId, name: String, step: StepRef, supervisor: Supervisor) {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, id.cast_unsigned());
        if let Err(error) = self.epoll.add(supervisor.source(), event) {
            tracing::error!(job = id, %error, "a supervisor cannot be watched; it is looked at instead");
            self.look_again(id, name, step, None);
            return;
        }
        let watched = Watched {
            name,
            step,
            supervisor,
        };
        self.watched.insert(id, watched);
    }

    /// Watches for the silence of a step that has a heartbeat.
    pub(super) fn expect_beats(&mut self, id: JobId, name: &str, step: StepRef) {
        let folder = self.maker.layout.step(name, step);
        match self.watch_silence(id, step, &folder) {
            Ok(news) => self.news.push(news),
            // The shim keeps the heartbeat all the same, only nobody is told of a silence.
            Err(error) => tracing::error!(job = id, %error, "a heartbeat cannot be watched"),
        }
    }

    fn watch_silence(&mut self, id: JobId, step: StepRef, folder: &Path) -> Result<Event, Errno> {
        let silences = match self.silences.take() {
            Some(silences) => silences,
            None => {
                let silences = Silences::new()?;
                let event = EpollEvent::new(EpollFlags::EPOLLIN, SILENCES);
                self.epoll.add(silences.source(), event)?;
                silences
            }
        };
        self.silences.insert(silences).watch(id, step, folder)
    }

    fn forget_beats(&mut self, id: JobId) {
        if let Some(silences) = &mut self.silences {
            silences.forget(id);
        }
    }

    fn take_silences(&mut self) {
        if let Some(silences) = &mut self.silences {
            self.news.extend(silences.take());
        }
    }

    fn stop(&mut self, id: JobId, step: StepRef, force: Force) {
        self.to_make_ready.retain(|(waiting, ..)| *waiting != id);
        self.granted.remove(&id);
        // If it has gone it is watched now.
        let _went = self.take_out_of_line(id);
        // Its shim ends, having started nothing.
        drop(self.ready.remove(&id));
        if let Some(unclear) = self
            .unclear
            .get_mut(&id)
            .filter(|unclear| unclear.step == step)
        {
            unclear.stop = Some(force);
        }
        let is_unclear = self.unclear.contains_key(&id);
        let watched = self.watched.get_mut(&id);
        let Some(watched) = watched.filter(|watched| watched.step == step) else {
            if !is_unclear {
                // Unless it has ended meanwhile, which was told.
                self.news.push(Event::Ended(id, step, StepEnd::NeverRan));
            }
            return;
        };
        let signal = match force {
            Force::Grace => Signal::SIGTERM,
            Force::Now => Signal::SIGINT,
        };
        failpoint::reach("exec.before-stop");
        if let Err(error) = watched.supervisor.stop(signal) {
            tracing::error!(job = id, %error, "a supervisor cannot be told to stop");
        }
        failpoint::reach("exec.after-stop");
    }

    /// A supervisor is done with its step, or has ended.
    fn supervisor_spoke(&mut self, id: JobId) {
        let Some(watched) = self.watched.remove(&id) else {
            return;
        };
        let Watched {
            name,
            step,
            supervisor,
        } = watched;
        if let Err(error) = self.epoll.delete(supervisor.source()) {
            tracing::debug!(job = id, %error, "stop watching a supervisor");
        }
        let said = match supervisor {
            Supervisor::Ours(shim) => match shim.listen() {
                Word::Done { exit, passed } => {
                    self.maker.pool.give_back(shim);
                    // Before the end, so that its slot is not given away twice.
                    self.has_gone(passed);
                    exit
                }
                Word::Void => {
                    self.maker.pool.give_back(shim);
                    self.forget_beats(id);
                    self.news.push(Event::Ended(id, step, StepEnd::NeverRan));
                    return;
                }
                Word::Gone => {
                    // It may have taken one out without a word, or without letting it go.
                    let gone = self.line.recall();
                    self.were_taken(gone);
                    // It lives until its process has ended.
                    let supervisor = Supervisor::Process(shim.into_process());
                    return self.watch(id, name, step, supervisor);
                }
            },
            Supervisor::Process(_) => None,
        };
        self.forget_beats(id);
        match said.filter(|_| !step.kind.is_stage()) {
            Some(exit) => self.news.push(Event::Ended(id, step, StepEnd::Exit(*exit))),
            None => self.adopt(id, name, step, None),
        }
    }

    fn adopt(&mut self, id: JobId, name: String, step: StepRef, stop: Option<Force>) {
        failpoint::reach("exec.before-adoption");
        match find_out(&self.maker.layout.step(&name, step)) {
            Finding::Alive(shim) => {
                self.news.push(Event::Launched(id, step));
                self.news.push(Event::Heard(id, step));
                if silence::is_expected(&self.maker.layout.step(&name, step)) {
                    self.expect_beats(id, &name, step);
                }
                let supervisor = Supervisor::Process(shim);
                self.watch(id, name, step, supervisor);
                if let Some(force) = stop {
                    self.stop(id, step, force);
                }
            }
            Finding::Unclear => self.look_again(id, name, step, stop),
            Finding::Ended(end) => self.news.push(Event::Ended(id, step, end)),
            Finding::Killed(end) => {
                self.maker
                    .end_elsewhere(&self.maker.layout.step(&name, step));
                self.news.push(Event::Ended(id, step, end));
            }
        }
    }

    fn look_again(&mut self, id: JobId, name: String, step: StepRef, stop: Option<Force>) {
        let since_ms = clock::monotonic_ms();
        self.unclear.insert(
            id,
            Unclear {
                name,
                step,
                since_ms,
                silent: false,
                stop,
            },
        );
    }

    fn look_at_unclear(&mut self) {
        for (id, mut unclear) in std::mem::take(&mut self.unclear) {
            let waited = clock::monotonic_ms().saturating_sub(unclear.since_ms);
            if waited > UNCLEAR_MS_MAX && !unclear.silent {
                let reason = "its supervisor lives but does not say who it is";
                self.news
                    .push(Event::Silent(id, unclear.step, reason.into()));
                unclear.silent = true;
            }
            let Unclear {
                name,
                step,
                since_ms,
                silent,
                stop,
            } = unclear;
            self.adopt(id, name, step, stop);
            if let Some(again) = self.unclear.get_mut(&id) {
                again.since_ms = since_ms;
                again.silent = silent;
            }
        }
    }
}
