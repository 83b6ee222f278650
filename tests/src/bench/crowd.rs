//! Very many jobs: waiting ones, and running ones.

use super::daemon::Daemon;
use super::numbers::{float, percentile};
use super::options::Options;
use super::place::Place;
use super::progress::say;
use super::report::{Bound, Report, short};
use super::{Outcome, processes};

/// Jobs of one command.
const AT_ONCE: usize = 10_000;
/// Bytes by which the daemon may grow when very many jobs wait.
const QUEUED_MB: f64 = 100.0;
/// Memory that the supervisor of a job may take.
const SHIM_KB: f64 = 250.0;
/// Seconds that the running jobs would run.
const LIFE_SECS: &str = "600";

/// What the daemon grows by when very many jobs wait.
///
/// # Errors
/// When jobd fails.
pub fn queued(place: &Place, options: &Options, report: &mut Report) -> Outcome<()> {
    let jobs = options.scale.queued;
    say(&format!("{jobs} jobs that wait"));
    let mut daemon = Daemon::start(place, "queued", &[])?;
    daemon.rehearse(place)?;
    daemon.call(&proto::api::Pause {})?;
    let before = processes::rss(daemon.pid())?;
    let files = place.written_jobs();
    let mut queue = files.iter().cycle().take(jobs).peekable();
    while queue.peek().is_some() {
        daemon.submit(queue.by_ref().take(AT_ONCE))?;
    }
    let waiting = daemon.status()?.queued;
    if waiting != jobs {
        return Err(format!("{waiting} jobs of {jobs} wait").into());
    }
    let grown = processes::rss(daemon.pid())?.saturating_sub(before);
    let what = format!("growth with {} jobs queued, MB", short(Some(float(jobs))));
    report.target(4, &what, Some(float(grown) / 1e6), Bound::AtMost(QUEUED_MB));
    daemon.end()
}

/// Whether very many run at once, and what each costs.
///
/// # Errors
/// When jobd fails, or they do not all run.
pub fn running(place: &Place, options: &Options, report: &mut Report) -> Outcome<()> {
    let jobs = options.scale.crowd;
    say(&format!("{jobs} jobs that run"));
    let sleep = place.other_job("sleep", vec!["sleep".into(), LIFE_SECS.into()])?;
    let mut daemon = Daemon::start(place, "crowd", &["--slots", &jobs.to_string()])?;
    daemon.submit(std::iter::repeat_n(&sleep, jobs))?;
    let shims = daemon.wait_running(jobs)?;
    let sizes = shims.iter().map(|pid| Ok(float(processes::pss(*pid)?)));
    let sizes = sizes.collect::<Outcome<Vec<f64>>>()?;
    let mean = sizes.iter().sum::<f64>() / float(sizes.len());
    let worst = percentile(&sizes, 100);
    let (title, label) = (
        "supervisors of jobs",
        format!("{} jobs at once", short(Some(float(jobs)))),
    );
    report.set(title, &label, "running", Some(float(shims.len())));
    report.set(title, &label, "PSS each, kB", Some(mean / 1e3));
    report.set(
        title,
        &label,
        "the largest, kB",
        worst.map(|bytes| bytes / 1e3),
    );
    report.set(
        title,
        &label,
        "daemon's RSS, MB",
        Some(megabytes(daemon.pid())?),
    );
    report.target(
        5,
        "jobs that run at once",
        Some(float(shims.len())),
        Bound::AtLeast(float(jobs)),
    );
    let what = "PSS of a running job's shim, kB";
    report.target(5, what, Some(mean / 1e3), Bound::AtMost(SHIM_KB));
    Ok(())
}

/// Resident memory of a process.
///
/// # Errors
/// When it is gone.
pub fn megabytes(pid: u32) -> Outcome<f64> {
    Ok(float(processes::rss(pid)?) / 1e6)
}
