//! The daemon's end of the process that makes shims (`jobd-shim --spawner`). One is kept; when
//! it is gone the next launch starts another.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt::ReceiveTimeout};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::Pid;
use proto::record::{SPAWNER_ARGUMENT, STEP_PATH_BYTES_MAX};

use crate::sys::{cpu, passing};

/// Seconds that a spawner may take for a shim; then it counts as gone.
const ANSWER_SECS_MAX: i64 = 10;
/// A request: it is its descriptors that count.
const REQUEST: &[u8] = b"s";
/// Bytes of an answer: an error number, 0 for none.
const ANSWER_BYTES: usize = 4;

/// Starts shims.
pub struct Spawner {
    program: PathBuf,
    process: Option<Process>,
}

/// The process that forks them.
struct Process {
    child: Child,
    socket: OwnedFd,
}

impl Spawner {
    /// Starts nothing yet; `program` is the shim.
    #[must_use]
    pub fn new(program: PathBuf) -> Spawner {
        Spawner {
            program,
            process: None,
        }
    }

    /// The shim's program.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Starts a shim and answers its pidfd. What is given becomes its standard input, output and
    /// error.
    ///
    /// # Errors
    /// When there is no process for it. Whatever was made ends without a step.
    pub fn spawn(&mut self, given: [BorrowedFd<'_>; 3]) -> io::Result<OwnedFd> {
        let process = self.asked(&given)?;
        match process.answer() {
            Ok(answer) => {
                self.process = Some(process);
                answer.map_err(io::Error::from)
            }
            Err(errno) => {
                // It is gone, or its answers can no longer be told apart.
                process.end();
                Err(errno.into())
            }
        }
    }

    /// The process that has taken the request; a new one where the last is gone.
    fn asked(&mut self, passed: &[BorrowedFd<'_>]) -> io::Result<Process> {
        if let Some(process) = self.process.take() {
            match passing::send(&process.socket, REQUEST, passed) {
                Ok(()) => return Ok(process),
                Err(error) => {
                    tracing::warn!(%error, "the spawner is gone; another is started");
                    process.end();
                }
            }
        }
        let process = Process::start(&self.program)?;
        passing::send(&process.socket, REQUEST, passed)?;
        Ok(process)
    }
}

impl Process {
    fn start(program: &Path) -> io::Result<Process> {
        let (ours, its) = passing::pair()?;
        setsockopt(&ours, ReceiveTimeout, &TimeVal::seconds(ANSWER_SECS_MAX))?;
        let child = Command::new(program)
            .arg(SPAWNER_ARGUMENT)
            .arg(" ".repeat(STEP_PATH_BYTES_MAX))
            .env_clear()
            .envs(armed_for_shim())
            .current_dir("/")
            .stdin(its)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // Its shims and their commands come from it.
        if let Err(error) = cpu::free(Pid::from_raw(child.id().cast_signed())) {
            tracing::warn!(%error, "give a spawner all processors");
        }
        Ok(Process {
            child,
            socket: ours,
        })
    }

    /// The outer error is the end of the spawner, the inner one its refusal.
    fn answer(&self) -> Result<Result<OwnedFd, Errno>, Errno> {
        let answer = passing::receive(self.socket.as_fd(), ANSWER_BYTES)?;
        let errno = <[u8; ANSWER_BYTES]>::try_from(answer.bytes).map_err(|_| Errno::EPIPE)?;
        let shim = answer.descriptors.into_iter().next();
        match (i32::from_ne_bytes(errno), shim) {
            (0, Some(shim)) => Ok(Ok(shim)),
            (0, None) => Err(Errno::EBADMSG),
            (errno, _) => Ok(Err(Errno::from_raw(errno))),
        }
    }

    /// Ends it; its shims go on.
    fn end(mut self) {
        drop(self.socket);
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            tracing::warn!(%error, "end a spawner");
        }
    }
}

/// What arms the failpoints of the shims; nothing without the feature.
fn armed_for_shim() -> Vec<(&'static str, String)> {
    if !cfg!(feature = "failpoints") {
        return Vec::new();
    }
    let hand_down = |from: &str, name| std::env::var(from).ok().map(|value| (name, value));
    let point = hand_down("JOBD_SHIM_FAILPOINT", "JOBD_FAILPOINT");
    let io = hand_down("JOBD_SHIM_FAILIO", "JOBD_FAILIO");
    let note = hand_down("JOBD_FAILNOTE", "JOBD_FAILNOTE");
    let clock = hand_down("JOBD_CLOCK_FILE", "JOBD_CLOCK_FILE");
    let all = [point, io, note, clock];
    all.into_iter().flatten().collect()
}
