//! HyperQueue: its program is on no registry, but the Python package holds server and worker. They
//! run within one Python process, which `hyperqueue.py` makes a service of: many jobs are one job
//! of many tasks, and one job is a call of the library, without a command around it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::bench::contestant::Contestant;
use crate::bench::place::Job;
use crate::bench::rounds::CONCURRENCY;
use crate::bench::{Outcome, processes};

/// The service.
const SERVICE: &str = include_str!("hyperqueue.py");

/// A server and a worker of its own.
#[derive(Debug)]
pub struct HyperQueue {
    service: Child,
    calls: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl HyperQueue {
    /// Starts it.
    ///
    /// # Errors
    /// When it does not say that it is ready.
    pub fn start(python: &Path, folder: &Path) -> Outcome<HyperQueue> {
        let mut service = Command::new(python)
            .args(["-c", SERVICE])
            .arg(folder)
            .arg(CONCURRENCY.to_string())
            .env("HOME", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("start {}: {error}", python.display()))?;
        let (calls, replies) = (service.stdin.take(), service.stdout.take());
        let mut hyperqueue = HyperQueue {
            service,
            calls: calls.ok_or("no pipe")?,
            replies: BufReader::new(replies.ok_or("no pipe")?),
        };
        hyperqueue.reply()?;
        Ok(hyperqueue)
    }

    /// Submits one job of so many tasks; milliseconds.
    fn call(&mut self, jobs: &[Job]) -> Outcome<f64> {
        let tasks: Vec<_> = jobs.iter().map(|job| &job.words).collect();
        writeln!(self.calls, "{}", serde_json::to_string(&tasks)?)?;
        self.reply()
    }

    /// Whatever else is printed there does not count.
    fn reply(&mut self) -> Outcome<f64> {
        let mut line = String::new();
        while self.replies.read_line(&mut line)? > 0 {
            if let Some(number) = line.strip_prefix("submitted ") {
                return Ok(number.trim().parse()?);
            }
            line.clear();
        }
        Err("its process has ended".into())
    }
}

impl Contestant for HyperQueue {
    fn name(&self) -> &'static str {
        "HyperQueue"
    }

    fn submit(&mut self, job: &Job) -> Outcome<f64> {
        self.call(std::slice::from_ref(job))
    }

    fn bulk(&mut self, jobs: &[Job]) -> Outcome<()> {
        self.call(jobs).map(drop)
    }

    fn service(&self) -> Vec<u32> {
        vec![self.service.id()]
    }
}

impl Drop for HyperQueue {
    fn drop(&mut self) {
        processes::end_all(&processes::tree(self.service.id()));
        let _reaped = self.service.wait();
    }
}
