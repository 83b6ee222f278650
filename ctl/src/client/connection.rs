//! One connection to the daemon: typed calls over Varlink frames.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use interprocess::local_socket::Stream;
use proto::api::{ApiError, Call, Method, Reply};
use proto::frame::{self, Decoder, FrameError};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::connect;
use super::error::ClientError;
use crate::poll;

/// How long the daemon may take for an answer.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(10);
/// How much is read at once: most replies, and few pages of a stack that was not touched before.
const READ_BYTES: usize = 4 << 10;

/// One reply to a call.
#[derive(Debug)]
pub struct Answer<R> {
    /// What it says.
    pub reply: R,
    /// More replies to the same call follow.
    pub continues: bool,
}

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    decoder: Decoder,
    socket: PathBuf,
    reply_timeout: Duration,
}

impl Client {
    /// Connects to the daemon at `socket`.
    ///
    /// # Errors
    /// `NoDaemon` when the socket is missing or stale, else `Connect`.
    pub fn connect(socket: &Path) -> Result<Client, ClientError> {
        let stream = connect::connect(socket).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ClientError::NoDaemon {
                socket: socket.to_owned(),
            },
            io::ErrorKind::TimedOut => ClientError::NoAnswer {
                socket: socket.to_owned(),
                waited: REPLY_TIMEOUT,
            },
            _ => ClientError::Connect {
                socket: socket.to_owned(),
                source,
            },
        })?;
        Ok(Client {
            stream,
            decoder: Decoder::default(),
            socket: socket.to_owned(),
            reply_timeout: REPLY_TIMEOUT,
        })
    }

    /// The user who listens there.
    ///
    /// # Errors
    /// `Io` when the kernel does not say.
    pub fn listener(&self) -> Result<u32, ClientError> {
        connect::listener(&self.stream).map_err(|source| ClientError::Io {
            socket: self.socket.clone(),
            source,
        })
    }

    /// Allows each answer that much time.
    pub fn set_reply_timeout(&mut self, timeout: Duration) {
        self.reply_timeout = timeout;
    }

    /// Calls a method and waits for its one reply.
    ///
    /// # Errors
    /// `Api` when the daemon refuses; the others when there is no answer.
    pub fn call<M: Method>(&mut self, method: &M) -> Result<M::Reply, ClientError> {
        self.send(method, false)?;
        Ok(self.receive()?.reply)
    }

    /// Waits until the daemon has closed the connection, as it does when it ends.
    ///
    /// # Errors
    /// `NoAnswer` when it does not in the time of a reply.
    pub fn wait_for_end(&mut self) -> Result<(), ClientError> {
        loop {
            match self.receive::<Value>() {
                Ok(_) => {}
                Err(error) if error.is_lost_connection() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends a call. With `more` the daemon may send several replies.
    ///
    /// # Errors
    /// `Request` when it cannot be put in a frame, else what the connection says.
    pub fn send<M: Method>(&mut self, method: &M, more: bool) -> Result<(), ClientError> {
        let bytes = encode(method, more).map_err(ClientError::Request)?;
        match self.stream.write_all(&bytes) {
            // The daemon may refuse and close before it has read everything: its reason counts.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(|source| self.io_error(source)),
        }
    }

    /// Waits for the next reply.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn receive<R: DeserializeOwned>(&mut self) -> Result<Answer<R>, ClientError> {
        let deadline = Instant::now() + self.reply_timeout;
        loop {
            if let Some(answer) = self.buffered()? {
                return Ok(answer);
            }
            let readable = poll::wait_readable(self.as_fd(), deadline)
                .map_err(|errno| self.io_error(errno.into()))?;
            if !readable {
                return Err(self.no_answer());
            }
            self.fill()?;
        }
    }

    /// The next reply that has already arrived.
    ///
    /// # Errors
    /// `Api` or `Protocol`.
    pub fn buffered<R: DeserializeOwned>(&mut self) -> Result<Option<Answer<R>>, ClientError> {
        let frame = self.decoder.next_frame().map_err(|e| self.protocol(e))?;
        let Some(frame) = frame else {
            return Ok(None);
        };
        let reply: Reply = frame::decode(&frame).map_err(|e| self.protocol(e))?;
        let continues = reply.continues;
        let reply = self.open(reply)?;
        Ok(Some(Answer { reply, continues }))
    }

    /// Takes what has arrived; call it when the descriptor can be read.
    ///
    /// # Errors
    /// `Closed` at the end of the connection, `Protocol` when a frame is too large.
    pub fn fill(&mut self) -> Result<(), ClientError> {
        let mut bytes = [0; READ_BYTES];
        let length = match self.stream.read(&mut bytes) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            // A daemon that closes with our bytes unread resets the connection.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
            Err(source) => return Err(self.io_error(source)),
        };
        if length == 0 {
            return Err(ClientError::Closed {
                socket: self.socket.clone(),
            });
        }
        self.decoder
            .push(&bytes[..length])
            .map_err(|error| self.protocol(error))
    }

    fn open<R: DeserializeOwned>(&self, reply: Reply) -> Result<R, ClientError> {
        let parameters = match reply.parameters {
            Value::Null => Value::Object(serde_json::Map::new()),
            parameters => parameters,
        };
        match reply.error {
            Some(name) => Err(self.refusal(&name, parameters)),
            None => serde_json::from_value(parameters).map_err(|error| self.protocol(error)),
        }
    }

    fn refusal(&self, name: &str, parameters: Value) -> ClientError {
        let error = serde_json::json!({ "error": name, "parameters": parameters });
        match serde_json::from_value::<ApiError>(error) {
            Ok(error) => ClientError::Api(error),
            Err(_) => self.protocol(format!("the error {name} is not known here")),
        }
    }

    /// The error of a daemon that has let the time for an answer pass.
    pub fn no_answer(&self) -> ClientError {
        ClientError::NoAnswer {
            socket: self.socket.clone(),
            waited: self.reply_timeout,
        }
    }

    fn io_error(&self, source: io::Error) -> ClientError {
        match source.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => self.no_answer(),
            _ => ClientError::Io {
                socket: self.socket.clone(),
                source,
            },
        }
    }

    fn protocol(&self, reason: impl ToString) -> ClientError {
        ClientError::Protocol {
            socket: self.socket.clone(),
            reason: reason.to_string(),
        }
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        let Stream::UdSocket(stream) = &self.stream;
        stream.as_fd()
    }
}

/// The frame of a call.
///
/// # Errors
/// `TooLarge`, or `Json` when a value has no JSON form.
fn encode<M: Method>(method: &M, more: bool) -> Result<Vec<u8>, FrameError> {
    frame::encode(&Call {
        method: M::NAME.into(),
        parameters: serde_json::to_value(method)?,
        more,
        oneway: false,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use proto::api::Status;

    #[test]
    fn a_daemon_that_accepts_and_says_nothing_is_given_up() {
        let folder = std::env::temp_dir().join(format!("jobctl-mute-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let socket = folder.join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let mut client = Client::connect(&socket).unwrap();
        client.set_reply_timeout(Duration::from_millis(20));
        let message = client.call(&Status {}).unwrap_err().to_string();
        std::fs::remove_dir_all(&folder).unwrap();
        drop(listener);
        let expected = format!("the daemon at {} does not answer", socket.display());
        assert!(message.starts_with(&expected), "{message}");
    }
}
