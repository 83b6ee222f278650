//! Following the statuses of jobs. A daemon that is restarted meanwhile is waited for: the jobs
//! go on without it, and so does the watch.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags};
use proto::api::{Changed, Watch};
use proto::status::Status;

use crate::client::{Answer, Client, ClientError};
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
    arrived: VecDeque<Changed>,
    connection: Connection,
}

#[derive(Debug)]
enum Connection {
    Live(Box<Client>),
    Lost { since: Instant, next: Instant },
    Finished,
}

impl<'e> Watching<'e> {
    /// Begins to watch `names` over `client`; waits for the daemon's first word.
    ///
    /// # Errors
    /// What the daemon says to the names, or why it does not.
    pub fn start(
        endpoint: &'e Endpoint,
        client: Client,
        names: Vec<String>,
    ) -> Result<Watching<'e>, ClientError> {
        let mut watching = Watching {
            endpoint,
            names,
            seen: BTreeMap::new(),
            arrived: VecDeque::new(),
            connection: Connection::Finished,
        };
        watching.subscribe(client)?;
        Ok(watching)
    }

    /// The next change that has arrived already.
    ///
    /// # Errors
    /// What the daemon says.
    pub fn next_now(&mut self) -> Result<Option<Changed>, ClientError> {
        if self.arrived.is_empty()
            && let Connection::Live(client) = &mut self.connection
            && let Some(answer) = client.buffered()?
        {
            self.take(answer)?;
        }
        Ok(self.arrived.pop_front())
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
        self.arrived.is_empty() && matches!(self.connection, Connection::Finished)
    }

    /// What to poll for reading.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.connection {
            Connection::Live(client) => Some(client.as_fd()),
            _ => None,
        }
    }

    /// After how long to call [`Watching::wake`] though nothing can be read.
    pub fn timeout(&self) -> Option<Duration> {
        match self.connection {
            Connection::Lost { next, .. } => Some(next.saturating_duration_since(Instant::now())),
            _ => None,
        }
    }

    /// Goes on after a poll: reads, or looks for the daemon again.
    ///
    /// # Errors
    /// What the daemon says, or that it did not come back.
    pub fn wake(&mut self, readable: bool) -> Result<(), ClientError> {
        let result = match &mut self.connection {
            Connection::Live(client) if readable => client.fill(),
            Connection::Lost { since, next } if *next <= Instant::now() => {
                let since = *since;
                return self.reconnect(since);
            }
            _ => Ok(()),
        };
        match result {
            Err(error) if error.is_lost_connection() => {
                self.lose();
                Ok(())
            }
            result => result,
        }
    }

    fn lose(&mut self) {
        print::say("the daemon has gone away; the jobs go on, waiting for it to come back");
        let now = Instant::now();
        self.connection = Connection::Lost {
            since: now,
            next: now,
        };
    }

    fn reconnect(&mut self, since: Instant) -> Result<(), ClientError> {
        let attempt = self.endpoint.connect();
        match attempt.and_then(|client| self.subscribe(client)) {
            Err(error) if error.is_lost_connection() && since.elapsed() < RECONNECT_TIMEOUT => {
                let next = Instant::now() + RECONNECT_INTERVAL;
                self.connection = Connection::Lost { since, next };
                Ok(())
            }
            result => result,
        }
    }

    fn subscribe(&mut self, mut client: Client) -> Result<(), ClientError> {
        let names = self.unfinished();
        client.send(&Watch { names }, true)?;
        let first = client.receive()?;
        self.connection = Connection::Live(Box::new(client));
        self.take(first)
    }

    /// The full names once they are known: `@last` may mean another job by now.
    fn unfinished(&self) -> Vec<String> {
        if self.seen.is_empty() {
            return self.names.clone();
        }
        let alive = self.seen.iter().filter(|(_, status)| !status.is_terminal());
        alive.map(|(name, _)| name.clone()).collect()
    }

    fn take(&mut self, answer: Answer<Changed>) -> Result<(), ClientError> {
        let change = answer.reply;
        self.seen.insert(change.name.clone(), change.status);
        self.arrived.push_back(change);
        if !answer.continues {
            self.connection = Connection::Finished;
            return self.check_finished();
        }
        Ok(())
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
