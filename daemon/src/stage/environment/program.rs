//! Runs the programs that build: what they say goes to the log as they say it, and the last of it
//! into the error. They have a time limit, which also ends what it has started. Only what left its
//! process group stays until the end of the step, when the stage's supervisor ends all.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::sys::pidfd::{self, PidfdError};

/// Bytes of what a program said that its error quotes at most.
const TAIL_BYTES: usize = 2_048;
/// Lines of it.
const TAIL_LINES: usize = 12;
/// Bytes of an answer at most.
const ANSWER_BYTES: usize = 64 << 10;
/// Bytes of a read.
const CHUNK_BYTES: usize = 8 << 10;

/// How long programs may take: all together that share it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    all: Duration,
    end: Instant,
}

impl Limit {
    /// From now on.
    pub(super) fn of(all: Duration) -> Limit {
        Limit {
            all,
            end: Instant::now() + all,
        }
    }
}

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It cannot be started or listened to.
    #[error("run {what}: {source}")]
    Run {
        /// What it was to do.
        what: String,
        /// The reason.
        source: io::Error,
    },
    /// It cannot be waited for.
    #[error("wait for {what}: {source}")]
    Wait {
        /// What it was to do.
        what: String,
        /// The reason.
        source: PidfdError,
    },
    /// It failed by itself.
    #[error("{what}: {}{}", cause(.tail), quoted(.tail))]
    Failed {
        /// What it was to do.
        what: String,
        /// The end of what it said.
        tail: String,
    },
    /// It took too long.
    #[error("{what} was ended when {secs} s were over{}", quoted(.tail))]
    TooLong {
        /// What it was to do.
        what: String,
        /// The limit, in seconds.
        secs: u64,
        /// The end of what it said.
        tail: String,
    },
}

impl ProgramError {
    /// The cause in one line, without what was said around it.
    pub(super) fn brief(&self) -> String {
        match self {
            ProgramError::Failed { what, tail } => format!("{what}: {}", cause(tail)),
            other => other.to_string().lines().next().unwrap_or_default().into(),
        }
    }
}

/// Runs a program to its end, in the log.
pub(super) fn run(command: &mut Command, what: &str, limit: Limit) -> Result<(), ProgramError> {
    let mut heard = Heard::new(TAIL_BYTES, true);
    let status = supervise(command, what, limit, &mut heard)?;
    finish(status, what, heard).map(drop)
}

/// Runs a program quietly and gives what it says.
pub(super) fn ask(command: &mut Command, what: &str, limit: Limit) -> Result<String, ProgramError> {
    let mut heard = Heard::new(ANSWER_BYTES, false);
    let status = supervise(command, what, limit, &mut heard)?;
    finish(status, what, heard)
}

fn finish(status: ExitStatus, what: &str, heard: Heard) -> Result<String, ProgramError> {
    let tail = heard.text();
    if status.success() {
        return Ok(tail);
    }
    let tail = match tail.trim().is_empty() {
        true => format!("it ended with {status} and said nothing"),
        false => tail,
    };
    Err(ProgramError::Failed {
        what: what.into(),
        tail,
    })
}

/// The last of what a program said.
struct Heard {
    bytes: VecDeque<u8>,
    max: usize,
    aloud: bool,
}

impl Heard {
    fn new(max: usize, aloud: bool) -> Heard {
        Heard {
            bytes: VecDeque::new(),
            max,
            aloud,
        }
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend(bytes);
        let over = self.bytes.len().saturating_sub(self.max);
        self.bytes.drain(..over);
        if self.aloud {
            io::stdout().write_all(bytes)?;
            io::stdout().flush()?;
        }
        Ok(())
    }

    fn text(mut self) -> String {
        plain(&String::from_utf8_lossy(self.bytes.make_contiguous()))
    }
}

/// Without the colours that some give even to what is no terminal.
fn plain(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        plain.extend(rest.chars().skip(1));
    }
    plain
}

fn supervise(
    command: &mut Command,
    what: &str,
    limit: Limit,
    heard: &mut Heard,
) -> Result<ExitStatus, ProgramError> {
    let failed = |source: io::Error| ProgramError::Run {
        what: what.into(),
        source,
    };
    let (mut said, saying) = io::pipe().map_err(failed)?;
    let mut child = spawn(command, saying).map_err(failed)?;
    let ended = pidfd::open_child(child.id().cast_signed());
    let ended = ended.map_err(|source| ProgramError::Wait {
        what: what.into(),
        source,
    });
    let listened =
        ended.and_then(|ended| listen(&mut said, &ended, limit.end, heard).map_err(failed));
    if !matches!(listened, Ok(true)) {
        end(&mut child).map_err(failed)?;
    }
    match listened? {
        true => child.wait().map_err(failed),
        false => Err(ProgramError::TooLong {
            what: what.into(),
            secs: limit.all.as_secs(),
            tail: std::mem::replace(heard, Heard::new(0, false)).text(),
        }),
    }
}

fn spawn(command: &mut Command, saying: io::PipeWriter) -> io::Result<Child> {
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(saying.try_clone()?)
        .stderr(saying);
    let child = command.spawn();
    // The command holds the writing end: without it nobody but the program does.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    child
}

/// Ends the program and what it has started. The group has its number only until the program is
/// waited for.
fn end(child: &mut Child) -> io::Result<()> {
    let group = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
    child.kill()?;
    child.wait()?;
    Ok(group?)
}

/// Copies what is said until the program has ended; false when the time is up. A program that is
/// left behind may hold the pipe for as long as it likes.
fn listen(
    said: &mut PipeReader,
    ended: &OwnedFd,
    deadline: Instant,
    heard: &mut Heard,
) -> io::Result<bool> {
    let mut chunk = [0; CHUNK_BYTES];
    let mut open = true;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let (readable, is_over) = {
            let watched = if open {
                PollFlags::POLLIN
            } else {
                PollFlags::empty()
            };
            let mut ends = [
                PollFd::new(ended.as_fd(), PollFlags::POLLIN),
                PollFd::new(said.as_fd(), watched),
            ];
            let ends = if open { &mut ends[..] } else { &mut ends[..1] };
            match poll(
                ends,
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX),
            ) {
                Err(Errno::EINTR) => continue,
                polled => polled?,
            };
            let any = |at: usize| ends.get(at).and_then(PollFd::any).unwrap_or_default();
            (any(1), any(0))
        };
        if readable {
            let count = said.read(&mut chunk)?;
            heard.take(&chunk[..count])?;
            open = count > 0;
        } else if is_over {
            return Ok(true);
        } else if Instant::now() >= deadline {
            return Ok(false);
        }
    }
}

/// The line that says what went wrong: the last one that speaks of an error, else the last.
fn cause(tail: &str) -> String {
    let lines = || tail.lines().map(str::trim).filter(|line| !line.is_empty());
    let errs = |line: &&str| {
        let line = line.to_ascii_lowercase();
        line.contains("error:") || line.starts_with("error") || line.starts_with("cause:")
    };
    let line = lines().rfind(errs).or_else(|| lines().next_back());
    let line = line.unwrap_or_default();
    let line = line.strip_prefix("cause:").unwrap_or(line);
    line.trim_start_matches("ERROR:")
        .trim_start_matches("Error:")
        .trim()
        .into()
}

/// The last lines as an error shows them, below its cause.
fn quoted(tail: &str) -> String {
    let lines: Vec<&str> = tail
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    let last = lines.len().saturating_sub(TAIL_LINES);
    match lines.len() {
        0 | 1 => String::new(),
        _ => lines[last..]
            .iter()
            .fold(String::new(), |all, line| all + "\n  " + line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than any of these takes on a loaded machine.
    const LONG: Duration = Duration::from_secs(60);

    fn long() -> Limit {
        Limit::of(LONG)
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn an_answer_is_what_was_said() {
        let answer = ask(&mut shell("echo one; echo two >&2"), "the script", long()).unwrap();
        assert_eq!(answer, "one\ntwo\n");
    }

    #[test]
    fn colours_are_left_out() {
        let answer = ask(
            &mut shell("printf '\\033[1;91mred\\033[0m \\033['"),
            "x",
            long(),
        );
        assert_eq!(answer.unwrap(), "red ");
    }

    #[test]
    fn an_error_has_its_cause_and_the_last_lines() {
        let script = "seq 1000; echo 'ERROR: no such package'; echo; echo tail; exit 3";
        let error = run(&mut shell(script), "install", long()).unwrap_err();
        assert_eq!(error.brief(), "install: no such package");
        let text = error.to_string();
        assert!(
            text.starts_with("install: no such package\n  991\n"),
            "{text}"
        );
        assert!(
            text.ends_with("\n  ERROR: no such package\n  tail"),
            "{text}"
        );
        let error = run(&mut shell("exit 3"), "install", long()).unwrap_err();
        let silent = "install: it ended with exit status: 3 and said nothing";
        assert_eq!(error.to_string(), silent);
        let error = run(&mut Command::new("/none"), "install", long()).unwrap_err();
        assert!(
            error.to_string().starts_with("run install: No such file"),
            "{error}"
        );
    }

    #[test]
    fn a_program_has_no_longer_than_its_limit() {
        let limit = Limit::of(Duration::from_millis(100));
        let error = run(&mut shell("echo on; exec sleep 600"), "install", limit).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("install was ended when 0 s were over"),
            "{text}"
        );
    }

    #[test]
    fn what_it_has_started_ends_with_a_program_that_takes_too_long() {
        let limit = Limit::of(Duration::from_secs(1));
        let script = "(while :; do sleep 600; done) & echo $!; wait";
        let mut heard = Heard::new(TAIL_BYTES, false);
        let error = supervise(&mut shell(script), "install", limit, &mut heard).unwrap_err();
        let ProgramError::TooLong { tail, .. } = error else {
            panic!("{error}");
        };
        // A machine too busy to say so in time has nothing to show.
        let left = tail.trim().parse().unwrap_or(i32::MAX);
        let deadline = Instant::now() + LONG;
        while pidfd::stat(left)
            .unwrap()
            .is_some_and(|stat| stat.state != 'Z')
        {
            assert!(Instant::now() < deadline, "process {left} lives on");
            std::thread::yield_now();
        }
    }

    #[test]
    fn whoever_is_left_behind_is_not_waited_for() {
        let answer = ask(&mut shell("sleep 100 & echo $!"), "the script", long()).unwrap();
        let left = nix::unistd::Pid::from_raw(answer.trim().parse().unwrap());
        nix::sys::signal::kill(left, nix::sys::signal::Signal::SIGKILL).unwrap();
    }
}
