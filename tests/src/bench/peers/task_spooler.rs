//! task-spooler: a daemon that its first client starts. It keeps the queue in memory, and each
//! job that waits is a process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::bench::contestant::Contestant;
use crate::bench::daemon::{done, time};
use crate::bench::place::Job;
use crate::bench::rounds::CONCURRENCY;
use crate::bench::{Outcome, processes};

/// A server of its own.
#[derive(Debug)]
pub struct TaskSpooler {
    program: PathBuf,
    folder: PathBuf,
    server: u32,
}

impl TaskSpooler {
    /// Starts it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(program: &Path, folder: &Path) -> Outcome<TaskSpooler> {
        let mut spooler = TaskSpooler {
            program: program.into(),
            folder: folder.into(),
            server: 0,
        };
        done(spooler.command().arg("-l"))?;
        spooler.server = processes::listener(&spooler.socket())?;
        Ok(spooler)
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("TS_SOCKET", self.socket())
            .env("TS_SLOTS", CONCURRENCY.to_string())
            .env("TMPDIR", &self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

impl Contestant for TaskSpooler {
    fn name(&self) -> &'static str {
        "task-spooler"
    }

    fn submit(&mut self, job: &Job) -> Outcome<f64> {
        time(|| done(self.command().args(&job.words)))
    }

    fn can_kill(&self) -> bool {
        true
    }

    fn kill(&mut self) -> Outcome<()> {
        done(self.command().arg("-k"))
    }

    fn service(&self) -> Vec<u32> {
        vec![self.server]
    }
}

impl Drop for TaskSpooler {
    fn drop(&mut self) {
        // One that is gone already is no fault.
        let _ended = done(self.command().arg("-K"));
    }
}
