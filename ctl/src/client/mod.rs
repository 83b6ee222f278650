//! Talking to the daemon: typed calls over Varlink frames on a Unix socket.

mod connect;
mod connection;
mod error;

pub use connection::{Answer, Client, REPLY_TIMEOUT};
pub use error::ClientError;
