//! The socket: listen, find out who calls, hold every connection to its limits, ask the engine
//! or the store, answer. Nothing here decides about a job.

mod again;
mod connection;
mod data;
mod describe;
mod environment;
mod listen;
mod page;
mod policy;
mod service;
mod view;
mod watch;

pub use listen::{CLIENTS_MAX, ListenError, adopt, bind, path_of, serve};
pub use service::{DaemonFacts, Service};
