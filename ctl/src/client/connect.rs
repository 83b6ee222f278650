//! Connecting with a time limit.

use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use interprocess::local_socket::{GenericFilePath, Stream, ToFsName, traits::Stream as _};

use super::REPLY_TIMEOUT;

/// Connects in a thread of its own: connect(2) waits for a place in the daemon's backlog, and a
/// Unix socket has no other way to give that a time limit and keep the order of arrival.
///
/// # Errors
/// What connect(2) says; `TimedOut` when there was no place in time.
pub fn connect(socket: &Path) -> io::Result<Stream> {
    let path = socket.to_owned();
    let (sender, receiver) = mpsc::channel();
    let connecting = thread::spawn(move || {
        let stream = path
            .to_fs_name::<GenericFilePath>()
            .and_then(Stream::connect);
        // Nobody listens any more when the time is over: then nobody wants the connection.
        let _ = sender.send(stream);
    });
    let timed_out = |_| io::Error::from(io::ErrorKind::TimedOut);
    let stream = receiver.recv_timeout(REPLY_TIMEOUT).map_err(timed_out)?;
    // Gone for sure, so that signals come to the main thread alone.
    connecting
        .join()
        .map_err(|_| io::Error::other("the connecting thread failed"))?;
    let stream = stream?;
    stream.set_send_timeout(Some(REPLY_TIMEOUT))?;
    Ok(stream)
}
