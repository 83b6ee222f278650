//! One command at a time, on a daemon that has nothing else to do.

use std::process::{Command, Stdio};
use std::time::Instant;

use nix::time::{ClockId, clock_gettime};
use serde::Serialize;

use super::daemon::{Daemon, done, jobctl, wait_until};
use super::numbers::{ms, percentile};
use super::place::Place;
use super::{Outcome, numbers};

/// What single commands take, in milliseconds.
#[derive(Debug, Serialize)]
pub struct Latency {
    /// Ended jobs that the daemon knew when this began.
    pub history: usize,
    /// `/bin/true`, from fork to wait: what any command costs.
    pub nothing_p50: f64,
    /// The job's program without jobd, from before its start to its first instruction.
    pub direct_first_p50: f64,
    /// `jobctl status`.
    pub status_p50: f64,
    /// `jobctl submit` of one file; the job is durable when it returns.
    pub submit_p50: f64,
    /// The same, the slowest of a hundred.
    pub submit_p99: f64,
    /// From before the start of `jobctl submit` to the job's first instruction.
    pub first_p50: f64,
    /// The same, the slowest of a hundred.
    pub first_p99: f64,
}

#[derive(Default)]
struct Samples {
    nothing: Vec<f64>,
    direct_first: Vec<f64>,
    status: Vec<f64>,
    submit: Vec<f64>,
    first: Vec<f64>,
}

/// Measures all commands in turn, `samples` times.
///
/// # Errors
/// When one fails.
pub fn measure(
    place: &Place,
    daemon: &mut Daemon,
    samples: usize,
    history: usize,
) -> Outcome<Latency> {
    let mut all = Samples::default();
    for number in 0..samples {
        daemon.wait_idle()?;
        place.take_lines()?;
        all.nothing
            .push(time(Command::new("/bin/true").stdin(Stdio::null()))?);
        all.status.push(time(&mut jobctl(place, "status"))?);
        let mut direct = Command::new(place.program());
        let direct = direct.arg(place.lines()).arg(Place::word(number));
        all.direct_first.push(first(place, || done(direct))?);
        let mut submit = jobctl(place, "submit");
        let submit = submit.arg(place.job_file(number));
        let samples = &mut all.submit;
        all.first.push(first(place, || {
            samples.push(time(submit)?);
            Ok(())
        })?);
    }
    daemon.wait_idle()?;
    place.take_lines()?;
    Ok(summary(&all, history))
}

fn summary(all: &Samples, history: usize) -> Latency {
    Latency {
        history,
        nothing_p50: percentile(&all.nothing, 50),
        direct_first_p50: percentile(&all.direct_first, 50),
        status_p50: percentile(&all.status, 50),
        submit_p50: percentile(&all.submit, 50),
        submit_p99: percentile(&all.submit, 99),
        first_p50: percentile(&all.first, 50),
        first_p99: percentile(&all.first, 99),
    }
}

fn time(command: &mut Command) -> Outcome<f64> {
    let begun = Instant::now();
    done(command)?;
    Ok(ms(begun.elapsed()))
}

/// Milliseconds until the job that `start` brings about has begun.
fn first(place: &Place, start: impl FnOnce() -> Outcome<()>) -> Outcome<f64> {
    place.take_lines()?;
    let begun = numbers::nanoseconds(clock_gettime(ClockId::CLOCK_MONOTONIC)?);
    start()?;
    wait_until("the job has run", || Ok(place.lines_written() > 0))?;
    let lines = place.take_lines()?;
    let first = lines.values().next().ok_or("no line")?;
    Ok(numbers::ms_of(first.saturating_sub(begun)))
}
