//! `jobctl` as a person runs it, without a terminal.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::process;
use super::programs::program;
use super::wait::{DEADLINE, wait_until};

/// A command line under construction.
#[derive(Debug)]
pub struct Jobctl {
    command: Command,
    stdin: Vec<u8>,
}

impl Jobctl {
    /// A client of the daemon of that `JOBD_HOME`. It starts none unless it is told that it may.
    #[must_use]
    pub fn new(home: &Path) -> Jobctl {
        Jobctl::of_program(&program("jobctl"), home)
    }

    /// The same with a program that lies elsewhere.
    #[must_use]
    pub fn of_program(program: &Path, home: &Path) -> Jobctl {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", home)
            .env("JOBD_HOME", home)
            .env("JOBD_NO_START", "1")
            .env("TZ", "UTC")
            .current_dir(home);
        Jobctl {
            command,
            stdin: Vec::new(),
        }
    }

    /// With arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Jobctl {
        self.command.args(arguments);
        self
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Jobctl {
        self.command.env(name, value);
        self
    }

    /// In a working folder.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Jobctl {
        self.command.current_dir(folder);
        self
    }

    /// With that text on its standard input.
    #[must_use]
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Jobctl {
        self.stdin = text.into();
        self
    }

    /// Free to start a daemon when none answers.
    #[must_use]
    pub fn may_start(mut self) -> Jobctl {
        self.command.env_remove("JOBD_NO_START");
        self
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(self) -> Ran {
        self.spawn().wait()
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(mut self) -> Running {
        let line = format!("{:?}", self.command.get_args().collect::<Vec<_>>());
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let (stdout, out) = collect(child.stdout.take().unwrap());
        let (stderr, err) = collect(child.stderr.take().unwrap());
        // A client that does not read its input closes it: no fault of the test.
        let _unread = input.write_all(&self.stdin);
        drop(input);
        Running {
            line,
            child,
            stdout,
            stderr,
            readers: vec![out, err],
        }
    }
}

type Collected = Arc<Mutex<Vec<u8>>>;

fn collect(mut pipe: impl Read + Send + 'static) -> (Collected, JoinHandle<()>) {
    let collected = Collected::default();
    let shared = Arc::clone(&collected);
    let reader = std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            shared.lock().unwrap().extend_from_slice(&buffer[..count]);
        }
    });
    (collected, reader)
}

/// A client that runs.
#[derive(Debug)]
pub struct Running {
    line: String,
    child: Child,
    stdout: Collected,
    stderr: Collected,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    /// What it has printed so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        text(&self.stdout)
    }

    /// What it has said so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// Waits until its standard output holds a text.
    pub fn wait_for_output(&self, part: &str) {
        let what = format!("{part:?} from jobctl {}", self.line);
        wait_until(&what, DEADLINE, || self.stdout().contains(part));
    }

    /// Waits until its standard error holds a text.
    pub fn wait_for_message(&self, part: &str) {
        let what = format!("{part:?} from jobctl {}", self.line);
        wait_until(&what, DEADLINE, || self.stderr().contains(part));
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        process::signal(i32::try_from(self.child.id()).unwrap(), signal);
    }

    /// Waits for its end.
    #[must_use]
    pub fn wait(self) -> Ran {
        self.wait_within(DEADLINE)
    }

    /// Waits for its end, at most so long.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn wait_within(mut self, deadline: Duration) -> Ran {
        let mut status = None;
        wait_until(
            &format!("the end of jobctl {}", self.line),
            deadline,
            || {
                status = self.child.try_wait().unwrap();
                status.is_some()
            },
        );
        // A daemon that it started may hold its pipes; what it printed itself is there.
        let status: ExitStatus = status.unwrap();
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        Ran {
            code: status.code().unwrap_or(-1),
            stdout: text(&self.stdout),
            stderr: text(&self.stderr),
            line: std::mem::take(&mut self.line),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whatever a failed test left: our own child.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn text(collected: &Collected) -> String {
    String::from_utf8_lossy(&collected.lock().unwrap()).into_owned()
}

/// A client that has ended.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The arguments.
    pub line: String,
}

impl Ran {
    /// Fails unless it ended with that code.
    ///
    /// # Panics
    /// With everything that it said.
    #[must_use = "what it printed is to be read, or `drop`ped"]
    pub fn code(self, expected: i32) -> Ran {
        assert_eq!(self.code, expected, "{self:#?}");
        self
    }

    /// Fails unless it ended with 0.
    #[must_use = "what it printed is to be read, or `drop`ped"]
    pub fn ok(self) -> Ran {
        self.code(0)
    }

    /// Fails unless its standard error holds every part.
    ///
    /// # Panics
    /// With everything that it said.
    #[must_use = "what it printed is to be read, or `drop`ped"]
    pub fn says(self, parts: &[&str]) -> Ran {
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in {self:#?}");
        }
        self
    }

    /// The lines of standard output.
    #[must_use]
    pub fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}
