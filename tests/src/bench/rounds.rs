//! Jobs a second. A contestant is done when every job is: for jobd that is when all ends are
//! durable, not when the last command ran.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use serde::Serialize;

use super::Outcome;
use super::daemon::{Daemon, done, jobctl, wait_until};
use super::place::Place;

/// Jobs that run at once.
pub const CONCURRENCY: usize = 2;

/// Jobs a second of each contestant, and what the daemon wrote for each job.
#[derive(Debug, Serialize)]
pub struct Round {
    /// A bare fork+exec: the limit, R.
    pub direct: f64,
    /// `xargs -P2 -n1`.
    pub xargs: f64,
    /// All job files in one `jobctl submit`.
    pub bulk: f64,
    /// One `jobctl submit` after the other, as a shell loop does.
    pub single: f64,
    /// Bytes that the daemon sent to the disk for each job in bulk.
    pub bulk_bytes: f64,
    /// The same, one call per job.
    pub single_bytes: f64,
}

/// Runs one round; the contestants take turns.
///
/// # Errors
/// When a job did not run exactly once.
pub fn run(place: &Place, daemon: &mut Daemon, jobs: usize) -> Outcome<Round> {
    let direct = rate(place, jobs, || direct(place, jobs))?;
    let xargs = rate(place, jobs, || xargs(place, jobs))?;
    let (bulk, bulk_bytes) = jobd(place, daemon, jobs, || bulk(place, jobs))?;
    let (single, single_bytes) = jobd(place, daemon, jobs, || single(place, jobs))?;
    Ok(Round {
        direct,
        xargs,
        bulk,
        single,
        bulk_bytes,
        single_bytes,
    })
}

fn rate(place: &Place, jobs: usize, work: impl FnOnce() -> Outcome<()>) -> Outcome<f64> {
    place.take_lines()?;
    let begun = Instant::now();
    work()?;
    let took = begun.elapsed();
    let ran = place.take_lines()?;
    if !ran.keys().copied().eq(0..jobs) {
        return Err(format!("{} jobs of {jobs} ran", ran.len()).into());
    }
    Ok(count(jobs) / took.as_secs_f64())
}

/// Rate and bytes for each job.
fn jobd(
    place: &Place,
    daemon: &mut Daemon,
    jobs: usize,
    submit: impl FnOnce() -> Outcome<()>,
) -> Outcome<(f64, f64)> {
    let before = daemon.bytes_written()?;
    let rate = rate(place, jobs, || {
        submit()?;
        // Asking the daemon costs it time, so it is left alone until the last command has run.
        wait_until(
            "all commands have run",
            || Ok(place.lines_written() >= jobs),
        )?;
        daemon.wait_idle()
    })?;
    let written = daemon.bytes_written()? - before;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
    let written = written as f64;
    Ok((rate, written / count(jobs)))
}

fn direct(place: &Place, jobs: usize) -> Outcome<()> {
    let (program, lines) = (place.program(), place.lines());
    let next = AtomicUsize::new(0);
    let failed = AtomicUsize::new(0);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= jobs {
                break;
            }
            let mut job = Command::new(&program);
            job.arg(&lines).arg(Place::word(number));
            if done(job.stdin(Stdio::null())).is_err() {
                failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..CONCURRENCY {
            scope.spawn(work);
        }
    });
    match failed.into_inner() {
        0 => Ok(()),
        failed => Err(format!("{failed} jobs failed").into()),
    }
}

fn xargs(place: &Place, jobs: usize) -> Outcome<()> {
    let mut xargs = Command::new("xargs")
        .args([&format!("-P{CONCURRENCY}"), "-n1"])
        .arg(place.program())
        .arg(place.lines())
        .stdin(Stdio::piped())
        .spawn()?;
    let words: String = (0..jobs).map(|number| Place::word(number) + "\n").collect();
    let input = xargs.stdin.take();
    input.ok_or("no pipe")?.write_all(words.as_bytes())?;
    let status = xargs.wait()?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| format!("xargs ended with {status}").into())
}

fn bulk(place: &Place, jobs: usize) -> Outcome<()> {
    let mut submit = jobctl(place, "submit");
    done(submit.args((0..jobs).map(|number| place.job_file(number))))
}

fn single(place: &Place, jobs: usize) -> Outcome<()> {
    for number in 0..jobs {
        done(jobctl(place, "submit").arg(place.job_file(number)))?;
    }
    Ok(())
}

fn count(jobs: usize) -> f64 {
    f64::from(u32::try_from(jobs).unwrap_or(u32::MAX))
}
