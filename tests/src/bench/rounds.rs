//! Jobs a second. A contestant is done when every job has run; jobd only when all ends are
//! durable, and not when the last command ran.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::contestant::{Contestant, Field};
use super::daemon::{done, wait_until};
use super::numbers::{Samples, float, ratio};
use super::options::Options;
use super::place::{Job, Place};
use super::progress::say;
use super::report::{Bound, Report};
use super::{Outcome, peers, processes};

/// Jobs that run at once.
pub const CONCURRENCY: usize = 2;

const BULK: &str = "bulk";
const SINGLE: &str = "single";
const BULK_BYTES: &str = "bytes written in bulk";
const SINGLE_BYTES: &str = "bytes written one by one";
/// The same as shares of the limit in the same round.
const BULK_SHARE: &str = "share in bulk";
const SINGLE_SHARE: &str = "share one by one";

/// Runs the rounds; the contestants take turns.
///
/// # Errors
/// When jobd did not run a job exactly once.
pub fn measure(
    place: &Place,
    field: &mut Field,
    options: &Options,
    report: &mut Report,
) -> Outcome<()> {
    let jobs = place.jobs(options.scale.jobs);
    let mut samples = Samples::default();
    for round in 1..=options.scale.rounds {
        say(&format!("round {round} of {}", options.scale.rounds));
        let limit = bare(place, &jobs, options, &mut samples)?;
        field.each(|one| turn(place, one, &jobs, limit, &mut samples))?;
    }
    if let Some(Err(error)) = options.peers.as_deref().map(peers::parallel) {
        field.absent.push(("parallel".into(), error.to_string()));
    }
    tell(&samples, report);
    Ok(())
}

/// Those without a daemon; the rate of the first is the limit.
fn bare(place: &Place, jobs: &[Job], options: &Options, samples: &mut Samples) -> Outcome<f64> {
    let limit = rate(place, jobs, || direct(jobs))?;
    let mut add = |who: &str, rate: f64| {
        samples.push(BULK, who, rate);
        samples.push(BULK_SHARE, who, rate / limit);
    };
    add("direct", limit);
    add("xargs", rate(place, jobs, || xargs(place, jobs))?);
    let parallel = options.peers.as_deref().map(peers::parallel);
    if let Some(Ok(parallel)) = parallel {
        add(
            "parallel",
            rate(place, jobs, || gnu_parallel(&parallel, place, jobs))?,
        );
    }
    Ok(limit)
}

/// One contestant's turn in a round: in bulk, and one by one.
fn turn(
    place: &Place,
    one: &mut dyn Contestant,
    jobs: &[Job],
    limit: f64,
    samples: &mut Samples,
) -> Outcome<()> {
    let own = jobs.len() / one.pace();
    let jobs = jobs.get(..own.max(1)).unwrap_or(jobs);
    let (rate, bytes) = run(place, one, jobs, |one| one.bulk(jobs))?;
    samples.push(BULK, one.name(), rate);
    samples.push(BULK_SHARE, one.name(), rate / limit);
    samples.push(BULK_BYTES, one.name(), bytes);
    let (rate, bytes) = run(place, one, jobs, |one| one_by_one(one, jobs))?;
    samples.push(SINGLE, one.name(), rate);
    samples.push(SINGLE_SHARE, one.name(), rate / limit);
    samples.push(SINGLE_BYTES, one.name(), bytes);
    Ok(())
}

/// As a shell loop does.
fn one_by_one(one: &mut dyn Contestant, jobs: &[Job]) -> Outcome<()> {
    for job in jobs {
        one.submit(job)?;
    }
    Ok(())
}

/// A contestant's rate, and the bytes that its service sent to the disk for each job.
fn run(
    place: &Place,
    one: &mut dyn Contestant,
    jobs: &[Job],
    submit: impl FnOnce(&mut dyn Contestant) -> Outcome<()>,
) -> Outcome<(f64, f64)> {
    let written = |one: &dyn Contestant| -> Outcome<u64> {
        one.service()
            .into_iter()
            .map(processes::bytes_written)
            .sum()
    };
    let before = written(one)?;
    let rate = rate(place, jobs, || {
        submit(one)?;
        // Asking a daemon costs it time, so it is left alone until the last command has run.
        let so_many = || Ok(place.lines_written() >= jobs.len());
        wait_until("all commands have run", so_many)?;
        one.settle()
    })?;
    let bytes = written(one)?.saturating_sub(before);
    Ok((rate, float(bytes) / float(jobs.len())))
}

/// Jobs a second of whatever runs each of these jobs once.
///
/// # Errors
/// When one did not run, or ran twice.
pub fn rate(place: &Place, jobs: &[Job], work: impl FnOnce() -> Outcome<()>) -> Outcome<f64> {
    place.take_lines()?;
    let begun = Instant::now();
    work()?;
    let took = begun.elapsed();
    let ran: BTreeMap<usize, u64> = place.take_lines()?;
    if !ran.keys().copied().eq(0..jobs.len()) {
        return Err(format!("{} jobs of {} ran", ran.len(), jobs.len()).into());
    }
    Ok(float(jobs.len()) / took.as_secs_f64())
}

/// The rate of a contestant that is handed all of them at once.
///
/// # Errors
/// When a job did not run exactly once.
pub fn bulk_rate(place: &Place, one: &mut dyn Contestant, jobs: &[Job]) -> Outcome<f64> {
    run(place, one, jobs, |one| one.bulk(jobs)).map(|(rate, _)| rate)
}

/// A bare fork+exec.
///
/// # Errors
/// When a job failed.
pub fn direct(jobs: &[Job]) -> Outcome<()> {
    let next = AtomicUsize::new(0);
    let failed = AtomicUsize::new(0);
    let work = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if command(job).is_none_or(|mut command| done(&mut command).is_err()) {
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

/// A job without anybody who runs it.
pub fn command(job: &Job) -> Option<Command> {
    let (program, arguments) = job.words.split_first()?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    Some(command)
}

/// xargs.
///
/// # Errors
/// When it failed.
pub fn xargs(place: &Place, jobs: &[Job]) -> Outcome<()> {
    let mut xargs = Command::new("xargs");
    xargs.args([&format!("-P{CONCURRENCY}"), "-n1"]);
    feed(&mut xargs, place, jobs)
}

fn gnu_parallel(program: &Path, place: &Place, jobs: &[Job]) -> Outcome<()> {
    let mut parallel = Command::new(program);
    parallel
        .arg(format!("-j{CONCURRENCY}"))
        .env("PARALLEL_HOME", place.path("parallel"))
        .stderr(Stdio::null());
    feed(&mut parallel, place, jobs)
}

/// Runs the jobs' program with each of their words, which come through the input.
fn feed(command: &mut Command, place: &Place, jobs: &[Job]) -> Outcome<()> {
    command.arg(place.program("append")).arg(place.lines());
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let words = jobs.iter().filter_map(|job| job.words.last());
    let text: String = words.map(|word| format!("{word}\n")).collect();
    let input = child.stdin.take();
    input.ok_or("no pipe")?.write_all(text.as_bytes())?;
    let status = child.wait()?;
    let name = command.get_program().display();
    status
        .success()
        .then_some(())
        .ok_or_else(|| format!("{name} ended with {status}").into())
}

fn tell(samples: &Samples, report: &mut Report) {
    let rows = [
        (BULK, "many at once, jobs/s"),
        (BULK_SHARE, "the same as a share of direct (R)"),
        (SINGLE, "one call a job, jobs/s"),
        (SINGLE_SHARE, "the same as a share of R"),
        (BULK_BYTES, "bytes its service writes per job, at once"),
        (
            SINGLE_BYTES,
            "bytes its service writes per job, one call each",
        ),
    ];
    for (measure, label) in rows {
        report.compare_all(label, |who| samples.median(measure, who));
    }
    let own = |measure| samples.median(measure, "jobd");
    let to = |peer| ratio(own(BULK), samples.median(BULK, peer));
    let at_least = Bound::AtLeast;
    report.target(1, "bulk / R", own(BULK_SHARE), at_least(0.4));
    report.target(1, "bulk / HyperQueue", to("HyperQueue"), at_least(1.5));
    report.target(1, "bulk / task-spooler", to("task-spooler"), at_least(1.5));
    report.target(1, "one call a job / R", own(SINGLE_SHARE), at_least(0.25));
    report.target(
        7,
        "bytes written per job in bulk",
        own(BULK_BYTES),
        Bound::AtMost(5_000.0),
    );
}
