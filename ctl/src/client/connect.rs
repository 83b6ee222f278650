//! Connecting with a time limit.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::time::Duration;

use interprocess::local_socket::Stream;
use interprocess::os::unix::uds_local_socket;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect as connect_to, getsockopt, setsockopt,
    socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::REPLY_TIMEOUT;

/// Connects; whatever is sent later has the same time limit.
///
/// # Errors
/// What connect(2) says; `TimedOut` when there was no place in the daemon's backlog in time.
pub fn connect(path: &Path) -> io::Result<Stream> {
    connect_within(path, REPLY_TIMEOUT)
}

/// Who listens there: the user that the kernel noted when it began to (unix(7), `SO_PEERCRED`).
///
/// # Errors
/// What getsockopt(2) says.
pub fn listener(stream: &Stream) -> io::Result<u32> {
    let Stream::UdSocket(stream) = stream;
    Ok(getsockopt(&stream.as_fd(), sockopt::PeerCredentials)?.uid())
}

/// On Linux a Unix socket's limit for sending is also the one of connect(2), which waits for a
/// place in the backlog and then says EAGAIN. The order of arrival is kept.
fn connect_within(path: &Path, limit: Duration) -> io::Result<Stream> {
    let fd = socket(
        AddressFamily::Unix,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    let limit = TimeVal::microseconds(i64::try_from(limit.as_micros()).unwrap_or(i64::MAX));
    setsockopt(&fd, sockopt::SendTimeout, &limit)?;
    let address = UnixAddr::new(path)?;
    loop {
        match connect_to(fd.as_raw_fd(), &address) {
            Ok(()) => return Ok(Stream::UdSocket(uds_local_socket::Stream::from(fd))),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => return Err(io::ErrorKind::TimedOut.into()),
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{Backlog, bind, listen};

    #[test]
    fn a_full_backlog_is_waited_for_only_so_long() {
        let path = std::env::temp_dir().join(format!("jobctl-backlog-{}", std::process::id()));
        let (unix, stream) = (AddressFamily::Unix, SockType::Stream);
        let listener = socket(unix, stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        bind(listener.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
        listen(&listener, Backlog::new(0).unwrap()).unwrap();
        let limit = Duration::from_millis(20);
        let first = connect_within(&path, limit).unwrap();
        let error = connect_within(&path, limit).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(first);
        std::fs::remove_file(path).unwrap();
    }
}
