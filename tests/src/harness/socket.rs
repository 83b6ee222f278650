//! The socket, byte by byte: for callers that do not behave as `jobctl` does.

use std::io::{self, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use proto::api::{ApiError, Call, Method, Reply};
use proto::frame;
use serde_json::Value;

use super::wait::DEADLINE;

/// A connection.
#[derive(Debug)]
pub struct Socket {
    stream: BufReader<UnixStream>,
}

/// What came from the daemon.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A reply.
    Reply(Value),
    /// An error.
    Error(ApiError),
    /// The daemon closed the connection.
    Closed,
}

impl Socket {
    /// Connects.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn connect(path: &Path) -> io::Result<Socket> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Socket {
            stream: BufReader::new(stream),
        })
    }

    /// Waits no longer than that for each answer.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn wait_at_most(&self, longest: Duration) -> io::Result<()> {
        self.stream.get_ref().set_read_timeout(Some(longest))
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// What the kernel says; a daemon that has had enough closes the connection.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Sends a call.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn send<M: Method>(&mut self, method: &M, more: bool) {
        let call = Call {
            method: M::NAME.into(),
            parameters: serde_json::to_value(method).unwrap(),
            more,
            oneway: false,
        };
        frame::write(self.stream.get_mut(), &call).unwrap();
    }

    /// The next frame, and whether more follow.
    ///
    /// # Panics
    /// When it is no reply, or none comes.
    pub fn hear_more(&mut self) -> (Heard, bool) {
        let reply: Option<Reply> = match frame::read(&mut self.stream) {
            Err(frame::FrameError::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                None
            }
            result => result.unwrap(),
        };
        match reply {
            None => (Heard::Closed, false),
            Some(Reply {
                error: Some(error),
                parameters,
                ..
            }) => {
                let value = serde_json::json!({"error": error, "parameters": parameters});
                (Heard::Error(serde_json::from_value(value).unwrap()), false)
            }
            Some(reply) => (Heard::Reply(reply.parameters), reply.continues),
        }
    }

    /// The next frame.
    pub fn hear(&mut self) -> Heard {
        self.hear_more().0
    }

    /// Calls a method.
    ///
    /// # Errors
    /// What the daemon answers.
    ///
    /// # Panics
    /// When it closes the connection instead.
    pub fn call<M: Method>(&mut self, method: &M) -> Result<M::Reply, ApiError> {
        self.send(method, false);
        match self.hear() {
            Heard::Reply(value) => Ok(serde_json::from_value(value).unwrap()),
            Heard::Error(error) => Err(error),
            Heard::Closed => panic!("{} was not answered", M::NAME),
        }
    }

    /// Calls a method of a daemon that may die meanwhile; none when no answer came.
    pub fn attempt<M: Method>(&mut self, method: &M) -> Option<Result<M::Reply, ApiError>> {
        let call = Call {
            method: M::NAME.into(),
            parameters: serde_json::to_value(method).ok()?,
            more: false,
            oneway: false,
        };
        frame::write(self.stream.get_mut(), &call).ok()?;
        let reply: Reply = frame::read(&mut self.stream).ok()??;
        Some(match reply.error {
            None => Ok(serde_json::from_value(reply.parameters).unwrap()),
            Some(error) => {
                let value = serde_json::json!({"error": error, "parameters": reply.parameters});
                Err(serde_json::from_value(value).unwrap())
            }
        })
    }

    /// Calls a method of a daemon that may be about to go.
    pub fn try_call<M: Method>(&mut self, method: &M) -> Option<M::Reply> {
        self.attempt(method)?.ok()
    }

    /// Reads until the daemon closes the connection.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            Ok(_) => bytes,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => bytes,
            Err(error) => panic!("the connection stayed open: {error}"),
        }
    }
}
