//! Ways to leave processes behind.
#![expect(unsafe_code, reason = "a chain of forks without exec is the point")]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::{ForkResult, fork, setsid};

use super::ends::{block_term, live_on, say_ready};
use super::run::Outcome;

/// Chains of processes that `forkers` keeps going.
const CHAINS: usize = 4;
/// How long they go on, should nobody get hold of them.
const CHAIN_LIFE: Duration = Duration::from_secs(60);

/// Leaves a process in a session of its own, whose parent is gone, and ends well when that
/// process has written its pid.
pub fn detach(pid_file: &Path, ignore_term: bool, hold_output: bool) -> Outcome {
    let mut again = itself(&["detached", "--pid-file"])?;
    again.arg(pid_file);
    if ignore_term {
        again.arg("--ignore-term");
    }
    if !hold_output {
        again.stdout(Stdio::null()).stderr(Stdio::null());
    }
    again.spawn()?;
    while !pid_file.try_exists()? {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(ExitCode::SUCCESS)
}

/// The second half of [`detach`]: forks once more, so that nothing ties it to its family.
pub fn detached(pid_file: &Path, ignore_term: bool) -> Outcome {
    // SAFETY: this process has one thread.
    if let ForkResult::Parent { .. } = unsafe { fork() }? {
        return Ok(ExitCode::SUCCESS);
    }
    setsid()?;
    if ignore_term {
        block_term()?;
    }
    let tmp = pid_file.with_extension("tmp");
    fs::write(&tmp, std::process::id().to_string())?;
    fs::rename(tmp, pid_file)?;
    live_on()
}

/// Has that many descendants, each the child of the one before, and does not end.
pub fn tree(size: u32) -> Outcome {
    if size > 0 {
        itself(&["tree", &(size - 1).to_string()])?.spawn()?;
    }
    println!("{}", std::process::id());
    live_on()
}

/// Keeps chains of processes going that fork and end at once, so that whoever lists them finds
/// processes that are gone. Does not hear SIGTERM.
pub fn forkers(ready: Option<&Path>) -> Outcome {
    block_term()?;
    let until = Instant::now() + CHAIN_LIFE;
    for _ in 0..CHAINS {
        // SAFETY: this process has one thread.
        if let ForkResult::Child = unsafe { fork() }? {
            run_chain(until)?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    say_ready(ready)?;
    live_on()
}

fn run_chain(until: Instant) -> Result<(), Box<dyn Error>> {
    while Instant::now() < until {
        // SAFETY: this process has one thread.
        match unsafe { fork() }? {
            ForkResult::Parent { .. } => return Ok(()),
            ForkResult::Child => setsid()?,
        };
    }
    Ok(())
}

fn itself(arguments: &[&str]) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments);
    Ok(command)
}
