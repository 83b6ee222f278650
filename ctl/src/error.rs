//! What ends a verb with exit code 125.

use std::io;
use std::path::PathBuf;

use proto::paths::PathsError;

use crate::client::ClientError;
use crate::commands::download::DownloadError;
use crate::follow::FollowError;
use crate::output::OutputError;
use crate::start::StartError;

/// An error of jobctl's own.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no place for the socket.
    #[error(transparent)]
    Paths(#[from] PathsError),
    /// The daemon could not be asked, or said no.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The daemon could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The result could not be printed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A log could not be read or followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// A job could not be downloaded.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// The working folder is gone.
    #[error("cannot find the working folder: {0}")]
    Cwd(io::Error),
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// A file would be replaced.
    #[error("{} exists; --force replaces it", path.display())]
    Exists { path: PathBuf },
    /// The daemon's answer lacks what was asked for.
    #[error("the daemon's answer names no job")]
    NoJob,
}

impl Error {
    /// Whether the reader of our output has left: no error to tell.
    pub fn is_output_closed(&self) -> bool {
        matches!(self, Error::Output(error) if error.is_closed())
    }
}
