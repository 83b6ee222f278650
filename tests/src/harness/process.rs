//! Looking at processes and ending them, by pid.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Whether a process is there and has not ended; a zombie has.
#[must_use]
pub fn is_alive(pid: i32) -> bool {
    state(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// The state letter of `/proc/PID/stat` (proc(5)); none when there is no such process.
#[must_use]
pub fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it is in parentheses and may hold anything.
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// The folder of the step that a process supervises; none for any other process, also for the
/// one that waits to become the command and is still named as its supervisor.
#[must_use]
pub fn supervised_step(pid: i32) -> Option<String> {
    let step = titled_step(pid)?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
    (titled_step(parent).as_ref() != Some(&step)).then_some(step)
}

fn titled_step(pid: i32) -> Option<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let line = String::from_utf8_lossy(&line).into_owned();
    let mut words = line.split('\0');
    words.next().filter(|word| word.ends_with("/jobd-shim"))?;
    let step = words.next().filter(|step| step.starts_with('/'))?;
    Some(step.to_owned())
}

/// Sends a signal to a process that the test started; one that has ended is no fault.
pub fn signal(pid: i32, signal: Signal) {
    assert!(pid > 1, "{pid} is not a process of a test");
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
        Err(error) => panic!("signal {pid}: {error}"),
    }
}

/// A number of `/proc/PID/status`, such as `VmRSS` in KiB or `Threads`.
///
/// # Panics
/// When the process or the field is not there.
#[must_use]
pub fn status_number(pid: i32, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text
        .lines()
        .find(|line| line.split(':').next() == Some(field))
        .unwrap_or_else(|| panic!("no {field} in {text}"));
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
