//! Which daemon we talk to, and whether we may start it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::geteuid;
use proto::api;
use proto::paths::{self, Paths};

use crate::args::Global;
use crate::client::{Client, ClientError};
use crate::error::Error;
use crate::output::print;
use crate::start::{self, START_TIMEOUT, StartError};

/// Names a daemon's socket, as `--socket` does.
const SOCKET_VARIABLE: &str = "JOBD_SOCKET";
/// Keeps us from starting a daemon, as `--no-start` does.
const NO_START_VARIABLE: &str = "JOBD_NO_START";

/// The user who may do all anyhow.
const ROOT: u32 = 0;
/// How soon a daemon that another client is starting is asked again.
const HELD_PAUSE: Duration = Duration::from_millis(50);

/// A daemon's address.
#[derive(Debug)]
pub struct Endpoint {
    socket: PathBuf,
    /// Whether it was named for itself: then it may be another user's.
    is_named: bool,
    /// The paths of the user's own daemon, where we may start it.
    startable: Option<Paths>,
}

impl Endpoint {
    /// The daemon that the options and the environment name.
    ///
    /// # Errors
    /// `Paths` when there is no place for a socket, `Cwd` when the working folder is gone.
    pub fn resolve(
        global: &Global,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Endpoint, Error> {
        let endpoint = Endpoint::named(global, environment)?;
        paths::check_socket(&endpoint.socket)?;
        Ok(endpoint)
    }

    /// The same, also where the kernel would not take the socket's path.
    ///
    /// # Errors
    /// As [`Endpoint::resolve`].
    pub fn named(
        global: &Global,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Endpoint, Error> {
        let cwd = std::env::current_dir().map_err(Error::Cwd)?;
        let set = |name: &str| environment(name).filter(|value| !value.is_empty());
        let given = global.socket.clone();
        Ok(
            match given.or_else(|| set(SOCKET_VARIABLE).map(PathBuf::from)) {
                Some(socket) => Endpoint {
                    socket: paths::absolute(&cwd, &socket),
                    is_named: true,
                    startable: None,
                },
                None => {
                    let own = Paths::resolve(&environment, &cwd)?;
                    let forbidden =
                        global.no_start || set(NO_START_VARIABLE).is_some_and(|value| value != "0");
                    Endpoint {
                        socket: own.socket.clone(),
                        is_named: false,
                        startable: (!forbidden).then_some(own),
                    }
                }
            },
        )
    }

    /// The daemon's socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Connects to a daemon that runs.
    ///
    /// # Errors
    /// What [`Client::connect`] says.
    pub fn connect(&self) -> Result<Client, ClientError> {
        let client = Client::connect(&self.socket)?;
        let owner = client.listener()?;
        let is_ours = [ROOT, geteuid().as_raw()].contains(&owner);
        if is_ours || self.is_named {
            return Ok(client);
        }
        Err(ClientError::Stranger {
            socket: self.socket.clone(),
            owner,
        })
    }

    /// Connects; starts the user's own daemon first when none runs.
    ///
    /// # Errors
    /// Why there is no connection, or no daemon.
    pub fn connect_or_start(&self) -> Result<Client, Error> {
        match (self.connect(), &self.startable) {
            (Err(ClientError::NoDaemon { .. }), Some(own)) => self.start(own),
            (result, _) => Ok(result?),
        }
    }

    fn start(&self, own: &Paths) -> Result<Client, Error> {
        let begun = Instant::now();
        loop {
            let started = start::start();
            match (self.connect(), started) {
                (result, Ok(())) => return introduce(result?, own),
                // Another client was faster; its daemon is as good.
                (Ok(client), Err(_)) => return Ok(client),
                // The same, and it is not ready yet. Should it fail, our next one tells why.
                (Err(_), Err(StartError::Held { .. })) if begun.elapsed() < START_TIMEOUT => {
                    thread::sleep(HELD_PAUSE);
                }
                (Err(_), Err(error)) => return Err(error.into()),
            }
        }
    }
}

/// Says which daemon was started.
fn introduce(mut client: Client, own: &Paths) -> Result<Client, Error> {
    let status = client.call(&api::Status {})?;
    let state = status.paths.get("state").cloned();
    print::say(&format!(
        "started jobd (pid {}), state in {}",
        status.pid,
        state.unwrap_or_else(|| own.state.display().to_string())
    ));
    Ok(client)
}
