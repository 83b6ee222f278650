//! One command at a time, on a daemon that has nothing else to do.

use std::fs;
use std::process::{Command, Stdio};

use super::contestant::{Contestant, Field};
use super::daemon::{Daemon, done, time, wait_until};
use super::numbers::{self, Samples, float, ratio};
use super::options::Options;
use super::place::{Job, Place};
use super::progress::say;
use super::report::{Bound, Report};
use super::{Outcome, rounds};

const SUBMIT: &str = "submit";
const FIRST: &str = "first";
const NOTHING: &str = "true";
const STATUS: &str = "status";

/// Bytes that the client's program may have.
const CLIENT_BYTES: f64 = 4e6;

/// Measures all commands in turn.
///
/// # Errors
/// When one of jobd's fails.
pub fn measure(
    place: &Place,
    field: &mut Field,
    options: &Options,
    report: &mut Report,
) -> Outcome<()> {
    say("single commands");
    let mut samples = Samples::default();
    let daemon = Daemon::start(place, "status", &[])?;
    for number in 0..options.scale.samples {
        let job = place.job(number);
        let mut nothing = Command::new("/bin/true");
        nothing.stdin(Stdio::null());
        samples.push(NOTHING, "direct", time(|| done(&mut nothing))?);
        let mut status = daemon.jobctl("status");
        samples.push(STATUS, "jobd", time(|| done(&mut status))?);
        let mut direct = rounds::command(&job).ok_or("a job without a program")?;
        let first = first(place, || done(&mut direct))?;
        samples.push(FIRST, "direct", first);
        field.each(|one| one_job(place, one, &job, number, &mut samples))?;
    }
    daemon.end()?;
    tell(place, &samples, report)
}

/// One sample of a contestant, if it is its turn.
fn one_job(
    place: &Place,
    one: &mut dyn Contestant,
    job: &Job,
    number: usize,
    samples: &mut Samples,
) -> Outcome<()> {
    if !number.is_multiple_of(one.pace()) {
        return Ok(());
    }
    let (submit, first) = sample(place, one, job)?;
    samples.push(SUBMIT, one.name(), submit);
    samples.push(FIRST, one.name(), first);
    Ok(())
}

/// Milliseconds that a submission took, and those from before it to the job's first instruction.
///
/// # Errors
/// When the job does not run.
pub fn sample(place: &Place, one: &mut dyn Contestant, job: &Job) -> Outcome<(f64, f64)> {
    let mut submit = 0.0;
    let first = first(place, || {
        submit = one.submit(job)?;
        Ok(())
    })?;
    one.settle()?;
    Ok((submit, first))
}

/// Milliseconds until the job that `start` brings about has begun.
fn first(place: &Place, start: impl FnOnce() -> Outcome<()>) -> Outcome<f64> {
    place.take_lines()?;
    let begun = numbers::now()?;
    start()?;
    wait_until("the job has run", || Ok(place.lines_written() > 0))?;
    let lines = place.take_lines()?;
    let first = lines.values().next().ok_or("no line")?;
    Ok(numbers::ms_between(begun, *first))
}

fn tell(place: &Place, samples: &Samples, report: &mut Report) -> Outcome<()> {
    let rows = [
        (NOTHING, 50, "/bin/true, p50 ms"),
        (STATUS, 50, "status command, p50 ms"),
        (SUBMIT, 50, "one submit command, p50 ms"),
        (SUBMIT, 99, "one submit command, p99 ms"),
        (FIRST, 50, "submit to first instruction, p50 ms"),
        (FIRST, 99, "submit to first instruction, p99 ms"),
    ];
    for (measure, percent, label) in rows {
        report.compare_all(label, |who| samples.percentile(measure, who, percent));
    }
    let jobd = |measure, percent| samples.percentile(measure, "jobd", percent);
    let spooler = |measure| samples.median(measure, "task-spooler");
    let mut at_most = |number, what, one, other, bound| {
        report.target(number, what, ratio(one, other), Bound::AtMost(bound));
    };
    let submit = jobd(SUBMIT, 50);
    at_most(
        2,
        "submit p50 / task-spooler's",
        submit,
        spooler(SUBMIT),
        1.0,
    );
    at_most(2, "submit p99 / p50", jobd(SUBMIT, 99), submit, 3.0);
    let first = jobd(FIRST, 50);
    at_most(
        3,
        "first instruction p50 / task-spooler's",
        first,
        spooler(FIRST),
        1.2,
    );
    let nothing = samples.median(NOTHING, "direct");
    at_most(8, "status p50 / true", jobd(STATUS, 50), nothing, 3.0);
    let client = float(fs::metadata(place.product("jobctl"))?.len());
    at_most(8, "jobctl, MB", Some(client), Some(1e6), CLIENT_BYTES / 1e6);
    Ok(())
}
