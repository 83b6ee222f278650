//! Messages with descriptors between two processes over a socket that keeps their borders
//! (unix(7), `SOCK_SEQPACKET`).
#![expect(
    unsafe_code,
    reason = "descriptors that were received are owned by nobody yet"
)]

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr,
    recvmsg, sendmsg, socketpair,
};

/// The most descriptors of a message.
const DESCRIPTORS: usize = 3;

/// A message as it was received.
#[derive(Debug)]
pub struct Message {
    /// Its bytes; none when the other end is closed.
    pub bytes: Vec<u8>,
    /// What came with them.
    pub descriptors: Vec<OwnedFd>,
}

/// Two connected ends.
///
/// # Errors
/// What socketpair(2) says.
pub fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    socketpair(
        AddressFamily::Unix,
        SockType::SeqPacket,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
}

/// Sends a message with at most three descriptors.
///
/// # Errors
/// What sendmsg(2) says; `EPIPE` when the other end is gone.
pub fn send(socket: impl AsFd, bytes: &[u8], passed: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let raw: Vec<RawFd> = passed.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() { &[][..] } else { &rights };
    let socket = socket.as_fd().as_raw_fd();
    let flags = MsgFlags::MSG_NOSIGNAL;
    retry(|| sendmsg::<UnixAddr>(socket, &[IoSlice::new(bytes)], control, flags, None)).map(drop)
}

/// Waits for a message of at most so many bytes.
///
/// # Errors
/// What recvmsg(2) says; `EMSGSIZE` for a longer message.
pub fn receive(socket: impl AsFd, bytes_max: usize) -> Result<Message, Errno> {
    receive_with(socket, bytes_max, MsgFlags::empty())
}

/// Takes a message of at most so many bytes if there is one.
///
/// # Errors
/// As [`receive`]; `EAGAIN` where there is none.
pub fn receive_now(socket: impl AsFd, bytes_max: usize) -> Result<Message, Errno> {
    receive_with(socket, bytes_max, MsgFlags::MSG_DONTWAIT)
}

fn receive_with(socket: impl AsFd, bytes_max: usize, more: MsgFlags) -> Result<Message, Errno> {
    let mut bytes = vec![0; bytes_max];
    let mut control = cmsg_space!([RawFd; DESCRIPTORS]);
    let socket = socket.as_fd().as_raw_fd();
    let (length, flags, descriptors) = retry(|| {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC | more;
        let received = recvmsg::<UnixAddr>(socket, &mut parts, Some(&mut control), flags)?;
        let mut descriptors = Vec::new();
        for message in received.cmsgs()? {
            if let ControlMessageOwned::ScmRights(passed) = message {
                // SAFETY: the kernel made these descriptors for this process just now.
                descriptors.extend(
                    passed
                        .into_iter()
                        .map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }),
                );
            }
        }
        Ok((received.bytes, received.flags, descriptors))
    })?;
    if flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC) {
        return Err(Errno::EMSGSIZE);
    }
    bytes.truncate(length);
    Ok(Message { bytes, descriptors })
}

fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

/// A descriptor that this process was started with. To be called once a number, first of all:
/// whoever opens something may get the number otherwise.
#[must_use]
pub fn inherited(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: an integer goes in and comes out; a number that is not open is an error.
    let is_open = unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0;
    // SAFETY: it is open, and the caller takes it before anything of this process has it.
    is_open.then(|| unsafe { OwnedFd::from_raw_fd(number) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;

    #[test]
    fn a_message_arrives_whole_with_its_descriptors() {
        let (one, other) = pair().unwrap();
        let (reading, writing) = std::io::pipe().unwrap();
        send(&one, b"hello", &[writing.as_fd()]).unwrap();
        send(&one, b"", &[]).unwrap();
        drop(writing);
        let message = receive(&other, 100).unwrap();
        assert_eq!(message.bytes, b"hello");
        let passed = message.descriptors.into_iter().next().unwrap();
        nix::unistd::write(&passed, b"through").unwrap();
        drop(passed);
        let mut text = String::new();
        File::from(OwnedFd::from(reading))
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "through");
        send(&one, &[0; 101], &[]).unwrap();
        assert!(receive(&other, 100).unwrap().bytes.is_empty());
        assert_eq!(receive(&other, 100).unwrap_err(), Errno::EMSGSIZE);
        drop(one);
        assert!(receive(&other, 100).unwrap().bytes.is_empty());
        assert_eq!(send(&other, b"x", &[]), Err(Errno::EPIPE));
    }
}
