//! nq: no daemon. A queue is a folder with a locked file for each job, and runs one job at a time,
//! so there are as many queues as jobs run at once, and they get their jobs in turn.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::bench::Outcome;
use crate::bench::contestant::Contestant;
use crate::bench::daemon::{done, time};
use crate::bench::place::Job;
use crate::bench::rounds::CONCURRENCY;

/// Every job that waits is a process that looks at all files before its own.
const QUEUE_MAX: usize = 1_000;

/// Its queues.
#[derive(Debug)]
pub struct Nq {
    program: PathBuf,
    folder: PathBuf,
    next: usize,
}

impl Nq {
    /// There is nothing to start.
    pub fn start(program: &Path, folder: &Path) -> Nq {
        Nq {
            program: program.into(),
            folder: folder.into(),
            next: 0,
        }
    }
}

impl Contestant for Nq {
    fn name(&self) -> &'static str {
        "nq"
    }

    fn submit(&mut self, job: &Job) -> Outcome<f64> {
        self.next = (self.next + 1) % CONCURRENCY;
        let mut command = Command::new(&self.program);
        command
            .arg("-q")
            .args(&job.words)
            .env("NQDIR", self.folder.join(self.next.to_string()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        time(|| done(&mut command))
    }

    fn service(&self) -> Vec<u32> {
        Vec::new()
    }

    fn queue_max(&self) -> usize {
        QUEUE_MAX
    }
}
