//! What the kernel says of processes: proc(5) and the credentials of a socket.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;

use super::Outcome;

/// A process and everything that it brought about and that still hangs on it, itself first.
pub fn tree(root: u32) -> Vec<u32> {
    let parents = parents();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(children_in(&parents, parent));
        next += 1;
    }
    found
}

/// The processes whose parent it is.
pub fn children(parent: u32) -> Vec<u32> {
    children_in(&parents(), parent).collect()
}

/// How often any thread of the process was woken: each time it went to sleep again. That it had
/// to leave the CPU to others in between does not count.
///
/// # Errors
/// When it is gone.
pub fn wake_ups(pid: u32) -> Outcome<u64> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        sum += field(&status, "voluntary_ctxt_switches:")?;
    }
    Ok(sum)
}

/// Whether the process is there and has not ended; a zombie has.
pub fn is_alive(pid: u32) -> bool {
    let state = stat(pid).and_then(|fields| fields.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Resident memory in bytes.
///
/// # Errors
/// When the process is gone.
pub fn rss(pid: u32) -> Outcome<u64> {
    number(pid, "status", "VmRSS:").map(|kib| kib << 10)
}

/// Its share of memory in bytes: what is shared counts for as many processes as share it.
///
/// # Errors
/// When the process is gone.
pub fn pss(pid: u32) -> Outcome<u64> {
    number(pid, "smaps_rollup", "Pss:").map(|kib| kib << 10)
}

/// The bytes that the process caused to be sent to the disk.
///
/// # Errors
/// When it is gone, or the kernel does not account for it.
pub fn bytes_written(pid: u32) -> Outcome<u64> {
    number(pid, "io", "write_bytes:")
}

/// The process that listens on a socket.
///
/// # Errors
/// When none does.
pub fn listener(socket: &Path) -> Outcome<u32> {
    let stream = UnixStream::connect(socket)?;
    Ok(getsockopt(&stream, PeerCredentials)?.pid().cast_unsigned())
}

/// Ends processes that the bench started, in this order; those that are gone are no fault.
pub fn end_all(pids: &[u32]) {
    send(pids, Signal::SIGKILL);
}

/// Stops them.
pub fn stop_all(pids: &[u32]) {
    send(pids, Signal::SIGSTOP);
}

fn send(pids: &[u32], signal: Signal) {
    for pid in pids {
        // There is nothing to do about one that cannot be reached.
        let _sent = kill(Pid::from_raw(pid.cast_signed()), signal);
    }
}

fn number(pid: u32, file: &str, name: &str) -> Outcome<u64> {
    field(&fs::read_to_string(format!("/proc/{pid}/{file}"))?, name)
}

fn field(text: &str, name: &str) -> Outcome<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    Ok(number.ok_or_else(|| format!("no {name}"))?.parse()?)
}

fn children_in(parents: &BTreeMap<u32, u32>, parent: u32) -> impl Iterator<Item = u32> {
    let of_parent = parents.iter().filter(move |(_, of)| **of == parent);
    of_parent.map(|(pid, _)| *pid)
}

/// The parent of each process.
fn parents() -> BTreeMap<u32, u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| Some((pid, parent(pid)?)))
        .collect()
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.split_whitespace().nth(1)?.parse().ok()
}

/// The fields from the state on.
fn stat(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before them is in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.trim_start().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_hangs_on_its_parent() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let own = std::process::id();
        assert!(children(own).contains(&child.id()));
        assert!(tree(own).contains(&child.id()) && tree(own).first() == Some(&own));
        assert!(rss(child.id()).unwrap() > 0);
        assert!(is_alive(child.id()));
        end_all(&[child.id()]);
        assert!(!child.wait().unwrap().success());
        assert!(!is_alive(child.id()));
    }
}
