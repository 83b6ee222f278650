//! The loop: what happens while a job is followed.

use std::os::fd::AsFd;
use std::time::Duration;

use proto::api::Changed;
use proto::status::Status;

use super::cancel::Canceler;
use super::folder::Folder;
use super::log::{Log, default_path};
use super::ready::{Ready, Sources};
use super::sink::Sink;
use super::{FollowError, Interrupt};
use crate::client::Client;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::print::say;
use crate::progress::{self, Line};
use crate::watch::Watching;

/// How often a log is looked at where its folder cannot be watched.
const LOG_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// How often the progress of a stage is looked at.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// How a job is to be followed.
#[derive(Debug)]
pub struct Setup {
    /// The job.
    pub name: String,
    /// Do not escape control characters on a terminal.
    pub raw: bool,
    /// Ctrl-C cancels the job; without it Ctrl-C only ends us.
    pub interrupt: Option<Interrupt>,
}

/// A job that is followed.
#[derive(Debug)]
pub struct Session<'e> {
    endpoint: &'e Endpoint,
    watching: Watching<'e>,
    interrupt: Option<Interrupt>,
    canceler: Option<Canceler>,
    interrupts: u32,
    last: Option<Changed>,
    log: Option<Log>,
    tail: Option<u64>,
    folder: Folder,
    sink: Sink,
    line: Line,
}

impl<'e> Session<'e> {
    /// Begins to follow over `client`.
    ///
    /// # Errors
    /// What the daemon says to the name.
    pub fn start(
        endpoint: &'e Endpoint,
        client: Client,
        setup: Setup,
    ) -> Result<Session<'e>, Error> {
        Ok(Session {
            endpoint,
            watching: Watching::start(endpoint, client, vec![setup.name])?,
            interrupt: setup.interrupt,
            canceler: None,
            interrupts: 0,
            last: None,
            log: None,
            tail: None,
            folder: Folder::default(),
            sink: Sink::new(setup.raw),
            line: Line::new(),
        })
    }

    /// Begins with the last lines of the log, where a number of them is given.
    #[must_use]
    pub fn tail(self, lines: Option<u64>) -> Session<'e> {
        Session {
            tail: lines,
            ..self
        }
    }

    /// Follows to the end of the job and of its log.
    ///
    /// # Errors
    /// Why it cannot be followed any longer.
    pub fn run(mut self) -> Result<Ending, Error> {
        loop {
            while let Some(change) = self.watching.next_now()? {
                self.note(change);
            }
            let ended = self.ended();
            // The watch comes before the look, so that nothing falls between them.
            let watched = self.watch_folder();
            if self.sink.is_empty() && !self.refill(ended)? && ended {
                return Ok(self.finish());
            }
            self.show_progress();
            let ready = self.wait(watched)?;
            // Whatever is written next has the line for itself.
            self.line.clear();
            if let Some(ending) = self.react(&ready)? {
                return Ok(ending);
            }
        }
    }

    fn note(&mut self, change: Changed) {
        self.log
            .get_or_insert_with(|| Log::new(default_path(&change.job_path)).tail(self.tail));
        self.last = Some(change);
    }

    fn status(&self) -> Option<Status> {
        self.last.as_ref().map(|change| change.status)
    }

    fn ended(&self) -> bool {
        self.status().is_some_and(Status::is_terminal)
    }

    /// Whether a stage is at work, which tells how far it has come.
    fn is_staged(&self) -> bool {
        matches!(self.status(), Some(Status::Preparing | Status::Finalizing))
    }

    fn show_progress(&mut self) {
        if !self.is_staged() || !self.sink.is_at_line_start() {
            return;
        }
        let told = self.last.as_ref().map(|change| change.job_path.as_path());
        if let Some(progress) = told.and_then(progress::read) {
            self.line.show(&progress);
        }
    }

    fn watch_folder(&mut self) -> bool {
        match &self.log {
            Some(log) => self.folder.watch(log.folder()),
            None => false,
        }
    }

    /// Reads the next piece of the log; says whether there is something to write.
    fn refill(&mut self, ended: bool) -> Result<bool, FollowError> {
        loop {
            let bytes = match &mut self.log {
                Some(log) => log.read()?,
                None => Vec::new(),
            };
            let is_end = bytes.is_empty();
            self.sink.put(bytes, is_end && ended);
            // A piece may be no more than the beginning of a character.
            if is_end || !self.sink.is_empty() {
                return Ok(!self.sink.is_empty());
            }
        }
    }

    fn wait(&self, watched: bool) -> Result<Ready, FollowError> {
        let sources = Sources {
            watch: self.watching.fd(),
            interrupt: self.interrupt.as_ref().map(AsFd::as_fd),
            cancel: self.canceler.as_ref().map(AsFd::as_fd),
            folder: self.folder.fd(),
            stdout: self.sink.as_fd(),
            writing: !self.sink.is_empty(),
        };
        sources.wait(self.timeout(watched))
    }

    /// The log is polled only where its folder cannot be watched and something may write to it.
    fn timeout(&self, watched: bool) -> Option<Duration> {
        let may_write = matches!(
            self.status(),
            Some(
                Status::Preparing
                    | Status::Running
                    | Status::Finalizing
                    | Status::CancelRequested
                    | Status::NotResponding
            )
        );
        let look = (!watched && may_write).then_some(LOG_POLL_INTERVAL);
        let look = look.or(self.is_staged().then_some(PROGRESS_INTERVAL));
        match (look, self.watching.timeout()) {
            (Some(look), Some(reconnect)) => Some(look.min(reconnect)),
            (look, reconnect) => look.or(reconnect),
        }
    }

    fn react(&mut self, ready: &Ready) -> Result<Option<Ending>, Error> {
        if ready.interrupt && self.take_interrupt()? {
            return Ok(Some(Ending::Interrupted));
        }
        if ready.cancel {
            self.read_cancel();
        }
        if ready.folder {
            self.folder.clear();
        }
        self.watching.wake(ready.watch)?;
        if ready.closed {
            return Ok(Some(Ending::OutputClosed));
        }
        if ready.writable {
            self.sink.write()?;
        }
        Ok(None)
    }

    /// Takes Ctrl-C; says whether it is time to leave.
    fn take_interrupt(&mut self) -> Result<bool, FollowError> {
        let taken = match &self.interrupt {
            Some(interrupt) => interrupt.take()?,
            None => false,
        };
        if !taken {
            return Ok(false);
        }
        self.interrupts += 1;
        let name = self.name();
        if self.interrupts > 1 {
            say(&format!(
                "left job {name}, which goes on to its end; `jobctl logs -f {name}` follows it"
            ));
            return Ok(true);
        }
        say(&format!("canceling job {name}; Ctrl-C again leaves it"));
        match Canceler::ask(self.endpoint, &name) {
            Ok(canceler) => self.canceler = Some(canceler),
            Err(error) => say(&error.to_string()),
        }
        Ok(false)
    }

    fn read_cancel(&mut self) {
        let Some(canceler) = &mut self.canceler else {
            return;
        };
        match canceler.read() {
            Ok(false) => return,
            Ok(true) => {}
            // The end that was asked for has come by itself: the watch tells it.
            Err(_) if self.ended() => {}
            Err(error) => say(&error.to_string()),
        }
        self.canceler = None;
    }

    fn name(&self) -> String {
        self.last
            .as_ref()
            .map(|change| change.name.clone())
            .unwrap_or_default()
    }

    fn finish(&self) -> Ending {
        let Some(change) = &self.last else {
            return Ending::OwnError;
        };
        if change.status != Status::Completed {
            let why = change.message.as_deref().unwrap_or("no reason is known");
            say(&format!("job {} {}: {why}", change.name, change.status));
        }
        Ending::of_job(change)
    }
}
