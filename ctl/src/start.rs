//! Starting the per-user daemon. It puts itself into the background: the process we spawn ends
//! with 0 once its socket answers, or with a reason on its standard error.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use proto::outcome::EXIT_HELD;

/// The daemon's program.
const PROGRAM: &str = "jobd";
/// How long the daemon may take until its socket answers; it may have much to take over.
pub const START_TIMEOUT: Duration = Duration::from_secs(60);
/// The most bytes of the daemon's complaint that are passed on.
const COMPLAINT_BYTES_MAX: usize = 64 << 10;

/// Why the daemon could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no program.
    #[error("no daemon is running, and jobd is neither beside jobctl nor on PATH to start it")]
    NotFound,
    /// It cannot be run.
    #[error("no daemon is running, and {} cannot be started: {source}", program.display())]
    Spawn { program: PathBuf, source: io::Error },
    /// It gave up.
    #[error("no daemon is running, and {} did not start: {complaint}", program.display())]
    Failed { program: PathBuf, complaint: String },
    /// Another daemon is there, or is just starting.
    #[error("no daemon answers, and {} did not start: {complaint}", program.display())]
    Held { program: PathBuf, complaint: String },
    /// It is still busy.
    #[error(
        "{} was started and is not ready after {} s; try again later",
        program.display(), START_TIMEOUT.as_secs()
    )]
    TimedOut { program: PathBuf },
}

/// Starts the daemon and waits until it answers.
///
/// # Errors
/// Why it does not.
pub fn start() -> Result<(), StartError> {
    let program = find().ok_or(StartError::NotFound)?;
    let spawn_error = |source| StartError::Spawn {
        program: program.clone(),
        source,
    };
    let mut child = Command::new(&program)
        .arg("--background")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(spawn_error)?;
    let complaint = child.stderr.take();
    let status = wait(child).map_err(|failure| match failure {
        Some(source) => spawn_error(source),
        None => StartError::TimedOut {
            program: program.clone(),
        },
    })?;
    if status.success() {
        return Ok(());
    }
    let complaint = complaint.map(read_available).unwrap_or_default();
    let complaint = describe(&complaint, status);
    Err(match status.code() {
        Some(EXIT_HELD) => StartError::Held { program, complaint },
        _ => StartError::Failed { program, complaint },
    })
}

/// Beside our own program, else on `PATH`.
pub fn find() -> Option<PathBuf> {
    let own = std::env::current_exe().ok();
    let beside = own.and_then(|path| path.parent().map(|folder| folder.join(PROGRAM)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(PROGRAM));
    beside
        .into_iter()
        .chain(on_path)
        .find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    file.is_file() && nix::unistd::access(file, nix::unistd::AccessFlags::X_OK).is_ok()
}

/// Waits for the child in a thread of its own, as there is no portable wait with a time limit.
/// `None` as error: the time is over.
fn wait(mut child: Child) -> Result<ExitStatus, Option<io::Error>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // Nobody listens any more when the time is over: then there is nothing to tell.
        let _ = sender.send(child.wait());
    });
    match receiver.recv_timeout(START_TIMEOUT) {
        Ok(status) => status.map_err(Some),
        Err(_) => Err(None),
    }
}

/// What is in the pipe now. Not until its end: a daemon may still hold the other side.
fn read_available(mut pipe: std::process::ChildStderr) -> Vec<u8> {
    let mut bytes = vec![0; COMPLAINT_BYTES_MAX];
    let mut length = 0;
    if fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).is_ok() {
        while length < bytes.len() {
            match pipe.read(&mut bytes[length..]) {
                Ok(0) | Err(_) => break,
                Ok(read) => length += read,
            }
        }
    }
    bytes.truncate(length);
    bytes
}

/// What a daemon has said, in one line.
fn describe(complaint: &[u8], status: ExitStatus) -> String {
    let text = String::from_utf8_lossy(complaint);
    let text = text.trim();
    let text = text.strip_prefix("jobd: ").unwrap_or(text);
    if text.is_empty() {
        return format!("it ended with {status}");
    }
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join("; ")
}
