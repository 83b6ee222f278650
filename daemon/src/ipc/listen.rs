//! The listening socket: made by us, or handed over by systemd; and the accept loop with its
//! bounds.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::traits::StreamCommon;
use interprocess::local_socket::traits::tokio::Listener as _;
use interprocess::local_socket::{GenericFilePath, ListenerOptions, ToFsName};
use interprocess::os::unix::local_socket::ListenerOptionsExt;

use proto::paths::SOCKET_PATH_BYTES_MAX;

use super::connection;
use super::policy::Caller;
use super::service::Service;

/// The most connections at once.
pub const CLIENTS_MAX: usize = 1_024;
/// The most connections of one user at once: the rest is for others and for root.
pub const CLIENTS_PER_UID_MAX: usize = 960;
/// How long accepting rests when the kernel refuses, in milliseconds: out of descriptors or memory.
const ACCEPT_PAUSE_MS: u64 = 100;
/// Permissions of the socket: its user alone.
const SOCKET_MODE: u32 = 0o600;

/// Why the socket cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The path is too long for the kernel.
    #[error("the socket path {} is longer than {SOCKET_PATH_BYTES_MAX} bytes; use a shorter JOBD_HOME", path.display())]
    PathTooLong {
        /// The path.
        path: PathBuf,
    },
    /// Something that is not a socket has its name.
    #[error("{} is in the way: it is not a socket", path.display())]
    InTheWay {
        /// The path.
        path: PathBuf,
    },
    /// It cannot be made.
    #[error("listen on {}: {source}", path.display())]
    Bind {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The descriptor from systemd is no listening socket.
    #[error("take over the socket from the service manager: {0}")]
    Adopt(io::Error),
}

/// Makes the socket. A stale one is replaced: the caller holds the lock of the state folder, so
/// no other daemon serves it.
///
/// # Errors
/// See [`ListenError`].
pub fn bind(path: &Path) -> Result<Listener, ListenError> {
    if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
        return Err(ListenError::PathTooLong { path: path.into() });
    }
    let failed = |source| ListenError::Bind {
        path: path.into(),
        source,
    };
    if let Some(parent) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .map_err(failed)?;
    }
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path).map_err(failed)?,
        Ok(_) => return Err(ListenError::InTheWay { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let name = path.to_fs_name::<GenericFilePath>().map_err(failed)?;
    ListenerOptions::new()
        .name(name)
        .mode(SOCKET_MODE)
        .reclaim_name(false)
        .create_tokio()
        .map_err(failed)
}

/// The path of a socket that systemd opened.
///
/// # Errors
/// When the descriptor is no Unix socket.
pub fn path_of(socket: &OwnedFd) -> Result<PathBuf, ListenError> {
    let copy = socket.try_clone().map_err(ListenError::Adopt)?;
    let address = std::os::unix::net::UnixListener::from(copy).local_addr();
    let address = address.map_err(ListenError::Adopt)?;
    Ok(address.as_pathname().unwrap_or(Path::new("")).into())
}

/// Takes over a listening socket that systemd opened.
///
/// # Errors
/// When the descriptor is no listening Unix socket.
pub fn adopt(socket: OwnedFd) -> Result<Listener, ListenError> {
    let listener = std::os::unix::net::UnixListener::from(socket);
    listener.set_nonblocking(true).map_err(ListenError::Adopt)?;
    let adopted = interprocess::os::unix::uds_local_socket::tokio::Listener::try_from(
        OwnedFd::from(listener),
    )
    .map_err(ListenError::Adopt)?;
    Ok(Listener::UdSocket(adopted))
}

/// Accepts for ever.
pub async fn serve(listener: Listener, service: Service) {
    let clients = Clients::default();
    let daemon_uid = nix::unistd::geteuid().as_raw();
    loop {
        match listener.accept().await {
            Ok(stream) => accept(stream, daemon_uid, &clients, &service),
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
            }
        }
    }
}

fn accept(stream: Stream, daemon_uid: u32, clients: &Clients, service: &Service) {
    let uid = match stream.peer_creds().map(|peer| peer.euid()) {
        Ok(Some(uid)) => uid,
        Ok(None) => return,
        Err(error) => {
            tracing::warn!(%error, "the kernel does not say who calls");
            return;
        }
    };
    let caller = Caller::new(uid, daemon_uid);
    let service = service.clone();
    match clients.admit(uid) {
        Some(place) => {
            tokio::spawn(async move {
                connection::serve(stream, caller, &service).await;
                drop(place);
            });
        }
        None => {
            tokio::spawn(connection::turn_away(stream, CLIENTS_PER_UID_MAX));
        }
    }
}

/// Counts connections by user.
#[derive(Clone, Default)]
struct Clients(Arc<Mutex<HashMap<u32, usize>>>);

/// A counted connection.
struct Place {
    clients: Clients,
    uid: u32,
}

impl Clients {
    fn admit(&self, uid: u32) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = counts.values().sum();
        let own = counts.entry(uid).or_default();
        if all >= CLIENTS_MAX || *own >= CLIENTS_PER_UID_MAX {
            return None;
        }
        *own += 1;
        Some(Place {
            clients: self.clone(),
            uid,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self
            .clients
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = counts.get_mut(&self.uid) {
            *own -= 1;
            if *own == 0 {
                counts.remove(&self.uid);
            }
        }
    }
}
