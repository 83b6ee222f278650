//! One connection: frames in, frames out, each within its time and size.

use std::io;
use std::time::Duration;

use interprocess::local_socket::tokio::Stream;
use proto::api::{ApiError, Call, Reply, Request};
use proto::frame::{self, Decoder, FRAME_BYTES_MAX, FrameError};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::policy::Caller;
use super::service::{Given, Service};
use super::watch::Watching;

/// How long a client may take for a frame once it is due, in seconds: the first one, and any
/// that has begun.
pub const FRAME_SECS_MAX: u64 = 5;
/// How long a connection may be idle between frames, in seconds.
pub const IDLE_SECS_MAX: u64 = 60;
/// How long a client may take to read a reply, in seconds: then it is dropped, nobody waits.
pub const REPLY_SECS_MAX: u64 = 10;
/// Bytes read at once.
const READ_BYTES: usize = 16 << 10;

/// Why a connection ended before its client ended it.
#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error("the client is too slow")]
    Slow,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

struct Connection {
    stream: Stream,
    decoder: Decoder,
}

/// Serves a client until it leaves, misbehaves or is too slow.
pub async fn serve(stream: Stream, caller: Caller, service: &Service) {
    let mut connection = Connection {
        stream,
        decoder: Decoder::default(),
    };
    if let Err(error) = connection.run(caller, service).await {
        tracing::debug!(uid = caller.uid, %error, "a connection was closed");
    }
}

/// Tells a client that there are too many.
pub async fn turn_away(stream: Stream, max: usize) {
    let mut connection = Connection {
        stream,
        decoder: Decoder::default(),
    };
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let error = ApiError::LimitReached {
        limit: "clients_per_uid_max".into(),
        max,
    };
    if let Err(error) = connection.send(&failure(&error)).await {
        tracing::debug!(%error, "a client was turned away and did not listen");
    }
}

impl Connection {
    async fn run(&mut self, caller: Caller, service: &Service) -> Result<(), ConnectionError> {
        let mut next = self.next_frame(true).await;
        loop {
            let call = match next {
                Ok(Some(frame)) => frame::decode(&frame),
                Ok(None) => return Ok(()),
                Err(ConnectionError::Frame(error)) => Err(error),
                Err(error) => return Err(error),
            };
            match call {
                Ok(call) => self.answer(caller, service, call).await?,
                Err(error) => return self.refuse(error).await,
            }
            next = self.next_frame(false).await;
        }
    }

    /// Says what is wrong with what came; the connection cannot go on from there.
    async fn refuse(&mut self, error: FrameError) -> Result<(), ConnectionError> {
        let parameter = error.to_string();
        self.send(&failure(&ApiError::InvalidParameter { parameter }))
            .await?;
        Err(error.into())
    }

    /// The next frame; none when the client has left. However its bytes come, a frame that is due
    /// or has begun has its time and no more.
    async fn next_frame(&mut self, mut due: bool) -> Result<Option<Vec<u8>>, ConnectionError> {
        let within = |secs| Instant::now() + Duration::from_secs(secs);
        let mut buffer = vec![0; READ_BYTES];
        let mut until = within(if due { FRAME_SECS_MAX } else { IDLE_SECS_MAX });
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(Some(frame));
            }
            if !due && self.decoder.is_inside_frame() {
                due = true;
                until = within(FRAME_SECS_MAX);
            }
            let count = timeout_at(until, self.stream.read(&mut buffer))
                .await
                .map_err(|_| ConnectionError::Slow)??;
            if count == 0 {
                return Ok(None);
            }
            self.decoder.push(&buffer[..count])?;
        }
    }

    async fn answer(
        &mut self,
        caller: Caller,
        service: &Service,
        call: Call,
    ) -> Result<(), ConnectionError> {
        let (more, oneway) = (call.more, call.oneway);
        let request = Request::from_call(call);
        let ends = matches!(request, Ok(Request::Shutdown(_)));
        let given = match request {
            Ok(request) => service.carry_out(caller, request).await,
            Err(error) => Err(error),
        };
        let ends = ends && given.is_ok();
        match given {
            Ok(Given::One(reply)) if !oneway => self.send(&success(reply, false)).await?,
            Ok(Given::Many(watching)) if !oneway => self.stream(service, watching, more).await?,
            Ok(_) => {}
            Err(error) if !oneway => self.send(&failure(&error)).await?,
            Err(_) => {}
        }
        if ends {
            service.engine().shut_down();
        }
        Ok(())
    }

    /// Keeps calls that came while another one is answered: no more than a frame may hold.
    fn keep_for_later(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        self.decoder.push(bytes)?;
        match self.decoder.held_bytes() > FRAME_BYTES_MAX {
            true => Err(FrameError::TooLarge),
            false => Ok(()),
        }
    }

    /// Sends changes until all have been told, or the client leaves.
    async fn stream(
        &mut self,
        service: &Service,
        mut watching: Watching,
        more: bool,
    ) -> Result<(), ConnectionError> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let next = tokio::select! {
                next = watching.next(service) => next,
                read = self.stream.read(&mut buffer) => {
                    match read? {
                        0 => return Ok(()),
                        count => self.keep_for_later(&buffer[..count])?,
                    }
                    continue;
                }
            };
            match next {
                Ok(Some((change, follows))) => {
                    let reply = serde_json::to_value(change).map_err(FrameError::from)?;
                    self.send(&success(reply, more && follows)).await?;
                    if !more || !follows {
                        return Ok(());
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => return self.send(&failure(&error)).await,
            }
        }
    }

    async fn send(&mut self, reply: &Reply) -> Result<(), ConnectionError> {
        let bytes = match frame::encode(reply) {
            Err(FrameError::TooLarge) => {
                let reason = "the reply does not fit a frame; ask for less".into();
                frame::encode(&failure(&ApiError::Unavailable { reason }))?
            }
            encoded => encoded?,
        };
        timeout(
            Duration::from_secs(REPLY_SECS_MAX),
            self.stream.write_all(&bytes),
        )
        .await
        .map_err(|_| ConnectionError::Slow)??;
        Ok(())
    }
}

fn success(parameters: Value, continues: bool) -> Reply {
    Reply {
        parameters,
        continues,
        error: None,
    }
}

/// The error reply that the error's own serialized form is.
fn failure(error: &ApiError) -> Reply {
    let mut value = serde_json::to_value(error).unwrap_or_default();
    let parameters = value
        .get_mut("parameters")
        .map(Value::take)
        .unwrap_or_default();
    let name = value
        .get("error")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    Reply {
        parameters,
        continues: false,
        error: Some(name),
    }
}
