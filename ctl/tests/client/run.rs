//! Running `jobctl` in a tidy environment.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// `jobctl` with the daemon's folder `home`, which is its working folder too.
pub fn jobctl(home: &Path) -> Command {
    command(Path::new(env!("CARGO_BIN_EXE_jobctl")), home)
}

/// A program with the daemon's folder `home`.
pub fn command(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("JOBD_HOME", home)
        .env("TZ", "UTC")
        .env("JOBD_NO_START", "1")
        .current_dir(home)
        .stdin(Stdio::null());
    command
}

/// What a finished run has printed.
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `jobctl` with words to its end.
pub fn finish(home: &Path, words: &[&str]) -> Finished {
    finished(jobctl(home).args(words).output().unwrap())
}

pub fn finished(output: Output) -> Finished {
    Finished {
        code: output.status.code().expect("ended by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Starts `jobctl` with both outputs in pipes.
pub fn start(home: &Path, words: &[&str]) -> Child {
    jobctl(home)
        .args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a terminal does at Ctrl-C.
pub fn interrupt(child: &Child) {
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    kill(pid, Signal::SIGINT).unwrap();
}
