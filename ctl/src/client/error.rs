//! Why a call has no reply.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use proto::api::ApiError;
use proto::frame::FrameError;

/// Why a call has no reply.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no daemon is running at {}", socket.display())]
    NoDaemon { socket: PathBuf },
    /// The socket cannot be used.
    #[error("cannot connect to {}: {source}", socket.display())]
    Connect { socket: PathBuf, source: io::Error },
    /// It is somebody else's, who would see the jobs and could tell anything of them.
    #[error(
        "what listens at {} belongs to user {owner}, not to you; --socket talks to it all the same",
        socket.display()
    )]
    Stranger { socket: PathBuf, owner: u32 },
    /// The daemon is connected and mute.
    #[error(
        "the daemon at {} does not answer (waited {} s); whether the request was carried out is unknown",
        socket.display(), waited.as_secs_f32()
    )]
    NoAnswer { socket: PathBuf, waited: Duration },
    /// The connection ended before the answer.
    #[error("the daemon at {} closed the connection without an answer", socket.display())]
    Closed { socket: PathBuf },
    /// Whoever answers is not jobd, or another one.
    #[error("what answers at {} does not speak jobd's protocol: {reason}", socket.display())]
    Protocol { socket: PathBuf, reason: String },
    /// The request cannot be sent.
    #[error("cannot send the request: {0}")]
    Request(FrameError),
    /// The connection failed.
    #[error("the connection to {} failed: {source}", socket.display())]
    Io { socket: PathBuf, source: io::Error },
    /// The daemon said no.
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl ClientError {
    /// Whether the daemon has gone away, as when it is restarted.
    pub fn is_lost_connection(&self) -> bool {
        matches!(
            self,
            ClientError::NoDaemon { .. } | ClientError::Closed { .. } | ClientError::Io { .. }
        )
    }
}
