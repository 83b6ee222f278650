//! Following the statuses of jobs. A daemon that is restarted meanwhile is waited for: the jobs
//! go on without it, and so does the watch.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags};
use proto::api::{Changed, Watch};
use proto::status::Status;

use crate::client::{Answer, Client, ClientError, REPLY_TIMEOUT};
use crate::endpoint::Endpoint;
use crate::output::print;
use crate::poll;

/// How often a daemon that has gone away is looked for.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(200);
/// How long it is waited for.
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// A watch over some jobs.
#[derive(Debug)]
pub struct Watching<'e> {
    endpoint: &'e Endpoint,
    /// As the user named them.
    names: Vec<String>,
    /// The full names that were told, with their last status.
    seen: BTreeMap<String, Status>,
    connection: Connection,
    /// When the daemon went away; none while it answers.
    lost_since: Option<Instant>,
}

#[derive(Debug)]
enum Connection {
    /// Asked, with the time by which the first word must come.
    Asked(Box<Client>, Instant),
    /// Answering.
    Live(Box<Client>),
    /// Gone, with the time of the next attempt.
    Lost(Instant),
    Finished,
}

impl<'e> Watching<'e> {
    /// Begins to watch `names` over `client`.
    ///
    /// # Errors
    /// Why the daemon cannot be asked.
    pub fn start(
        endpoint: &'e Endpoint,
        client: Client,
        names: Vec<String>,
    ) -> Result<Watching<'e>, ClientError> {
        let mut watching = Watching {
            endpoint,
            names,
            seen: BTreeMap::new(),
            connection: Connection::Finished,
            lost_since: None,
        };
        watching.subscribe(client)?;
        Ok(watching)
    }

    /// The next change that has arrived already.
    ///
    /// # Errors
    /// What the daemon says.
    pub fn next_now(&mut self) -> Result<Option<Changed>, ClientError> {
        let answer = match &mut self.connection {
            Connection::Asked(client, _) | Connection::Live(client) => client.buffered()?,
            Connection::Lost(_) | Connection::Finished => None,
        };
        answer.map(|answer| self.take(answer)).transpose()
    }

    /// The next change; none when all jobs have ended.
    ///
    /// # Errors
    /// What the daemon says, or that it did not come back.
    pub fn next(&mut self) -> Result<Option<Changed>, ClientError> {
        loop {
            if let Some(change) = self.next_now()? {
                return Ok(Some(change));
            }
            if self.is_finished() {
                return Ok(None);
            }
            let mut fds = Vec::new();
            fds.extend(self.fd().map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
            let ready = poll::wait(&mut fds, self.timeout());
            let readable = ready.map_err(|errno| self.poll_error(errno))? > 0;
            self.wake(readable)?;
        }
    }

    /// Whether there is nothing more to come.
    pub fn is_finished(&self) -> bool {
        matches!(self.connection, Connection::Finished)
    }

    /// What to poll for reading.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.connection {
            Connection::Asked(client, _) | Connection::Live(client) => Some(client.as_fd()),
            Connection::Lost(_) | Connection::Finished => None,
        }
    }

    /// After how long to call [`Watching::wake`] though nothing can be read.
    pub fn timeout(&self) -> Option<Duration> {
        match self.connection {
            Connection::Asked(_, until) | Connection::Lost(until) => {
                Some(until.saturating_duration_since(Instant::now()))
            }
            Connection::Live(_) | Connection::Finished => None,
        }
    }

    /// Goes on after a poll: reads, or looks for the daemon again.
    ///
    /// # Errors
    /// What the daemon says, or that it did not come back.
    pub fn wake(&mut self, readable: bool) -> Result<(), ClientError> {
        let now = Instant::now();
        let result = match &mut self.connection {
            Connection::Asked(client, _) | Connection::Live(client) if readable => client.fill(),
            Connection::Asked(client, until) if *until <= now => Err(client.no_answer()),
            Connection::Lost(next) if *next <= now => {
                let attempt = self.endpoint.connect();
                attempt.and_then(|client| self.subscribe(client))
            }
            _ => Ok(()),
        };
        match result {
            Err(error) if error.is_lost_connection() => self.lose(error),
            result => result,
        }
    }

    /// The daemon has gone. One that has never answered is not waited for.
    fn lose(&mut self, error: ClientError) -> Result<(), ClientError> {
        let now = Instant::now();
        match self.lost_since {
            _ if self.seen.is_empty() => return Err(error),
            Some(since) if now - since >= RECONNECT_TIMEOUT => return Err(error),
            Some(_) => self.connection = Connection::Lost(now + RECONNECT_INTERVAL),
            None => {
                print::say("the daemon has gone away; the jobs go on, waiting for it to come back");
                self.lost_since = Some(now);
                self.connection = Connection::Lost(now);
            }
        }
        Ok(())
    }

    fn subscribe(&mut self, mut client: Client) -> Result<(), ClientError> {
        let names = self.unfinished();
        client.send(&Watch { names }, true)?;
        self.connection = Connection::Asked(Box::new(client), Instant::now() + REPLY_TIMEOUT);
        Ok(())
    }

    /// The full names once they are known: `@last` may mean another job by now.
    fn unfinished(&self) -> Vec<String> {
        if self.seen.is_empty() {
            return self.names.clone();
        }
        let alive = self.seen.iter().filter(|(_, status)| !status.is_terminal());
        alive.map(|(name, _)| name.clone()).collect()
    }

    fn take(&mut self, answer: Answer<Changed>) -> Result<Changed, ClientError> {
        let change = answer.reply;
        self.seen.insert(change.name.clone(), change.status);
        self.lost_since = None;
        let connection = std::mem::replace(&mut self.connection, Connection::Finished);
        if answer.continues {
            self.connection = match connection {
                Connection::Asked(client, _) => Connection::Live(client),
                other => other,
            };
        } else {
            self.check_finished()?;
        }
        Ok(change)
    }

    fn check_finished(&self) -> Result<(), ClientError> {
        match self.seen.iter().find(|(_, status)| !status.is_terminal()) {
            None => Ok(()),
            Some((name, status)) => Err(ClientError::Protocol {
                socket: self.endpoint.socket().to_owned(),
                reason: format!("the watch ended while job {name} is {status}"),
            }),
        }
    }

    fn poll_error(&self, errno: nix::errno::Errno) -> ClientError {
        ClientError::Io {
            socket: self.endpoint.socket().to_owned(),
            source: errno.into(),
        }
    }
}
