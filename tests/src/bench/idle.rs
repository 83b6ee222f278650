//! Doing nothing: wake-ups and memory. All who are measured idle through the same stretch of
//! time; nobody speaks to them meanwhile.

use std::time::Duration;

use proto::api::List;

use super::contestant::Field;
use super::crowd::megabytes;
use super::daemon::{Daemon, pass};
use super::growth::seeded;
use super::numbers::float;
use super::options::Options;
use super::place::Place;
use super::progress::say;
use super::report::{Bound, Report, short};
use super::{Outcome, processes};

/// Jobs that run while the daemon has nothing to do.
const RUNNING: usize = 10;
/// Seconds that they would run.
const LIFE_SECS: &str = "600";
/// Until those who have just done something have come to rest.
const REST: Duration = Duration::from_secs(5);
/// The timer that is allowed for: it goes off so often, and may once more in the window.
const TIMER: Duration = Duration::from_secs(30);
/// Resident memory of the daemon with a long history.
const RSS_MB: f64 = 12.0;

const TABLE: &str = "idle";

/// Who idles: a label, and its processes.
type Idler = (String, Vec<u32>);

/// Measures.
///
/// # Errors
/// When jobd fails.
pub fn measure(place: &Place, options: &Options, report: &mut Report) -> Outcome<()> {
    say("idling");
    let mut field = Field::open(place, options)?;
    let busy = with_running_jobs(place)?;
    let (own, shims) = busy.service();
    let jobs = options.scale.histories[1];
    let known = with_history(place, jobs)?;
    let jobs = short(Some(float(jobs)));
    let mut idlers = vec![
        (format!("jobd, {RUNNING} jobs run"), own),
        (format!("{} supervisors", shims.len()), shims),
        (format!("jobd, {jobs} ended jobs"), known.service().0),
    ];
    field.each(|one| {
        idlers.push((one.name().into(), one.service()));
        Ok(())
    })?;
    let (window, wake_ups) = count(&idlers, options.scale.window)?;
    for ((name, pids), wake_ups) in idlers.iter().zip(&wake_ups) {
        let rss = pids
            .iter()
            .map(|pid| megabytes(*pid))
            .sum::<Outcome<f64>>()?;
        let each_minute = wake_ups * 60.0 / window.as_secs_f64();
        let has_service = !pids.is_empty();
        report.set(TABLE, name, "RSS MB", has_service.then_some(rss));
        report.set(
            TABLE,
            name,
            "wake-ups a minute",
            has_service.then_some(each_minute),
        );
    }
    judge(&idlers, &wake_ups, window, report);
    let rss = megabytes(known.pid())?;
    let what = format!("RSS with {jobs} ended jobs, MB");
    report.target(5, &what, Some(rss), Bound::AtMost(RSS_MB));
    report.absent.append(&mut field.absent);
    Ok(())
}

fn with_running_jobs(place: &Place) -> Outcome<Daemon> {
    let sleep = place.other_job("idle", vec!["sleep".into(), LIFE_SECS.into()])?;
    let mut daemon = Daemon::start(place, "idle-running", &["--slots", &RUNNING.to_string()])?;
    daemon.submit(std::iter::repeat_n(&sleep, RUNNING))?;
    daemon.wait_running(RUNNING)?;
    daemon.hang_up();
    Ok(daemon)
}

/// One that was asked for something, as a daemon is that is in use.
fn with_history(place: &Place, jobs: usize) -> Outcome<Daemon> {
    seeded(place, "idle-history", jobs)?;
    let mut daemon = Daemon::start(place, "idle-history", &[])?;
    daemon.rehearse(place)?;
    daemon.call(&List::default())?;
    daemon.hang_up();
    Ok(daemon)
}

/// Each one's wake-ups within the time that really passed.
fn count(idlers: &[Idler], window: Duration) -> Outcome<(Duration, Vec<f64>)> {
    pass(REST.min(window))?;
    let all = || -> Outcome<Vec<u64>> {
        let sum = |(_, pids): &Idler| pids.iter().map(|pid| processes::wake_ups(*pid)).sum();
        idlers.iter().map(sum).collect()
    };
    let (begun, before) = (std::time::Instant::now(), all()?);
    pass(window)?;
    let (after, took) = (all()?, begun.elapsed());
    let more = after.iter().zip(before);
    Ok((
        took,
        more.map(|(after, before)| float(after.saturating_sub(before)))
            .collect(),
    ))
}

/// jobd's own must not be more than those of its one slow timer.
fn judge(idlers: &[Idler], wake_ups: &[f64], window: Duration, report: &mut Report) {
    let timer = (window.as_secs_f64() / TIMER.as_secs_f64()).floor() + 1.0;
    for ((name, _), wake_ups) in idlers.iter().zip(wake_ups) {
        let bound = match name.as_str() {
            "jobd" => timer,
            name if name.starts_with("jobd, ") => timer,
            name if name.ends_with("supervisors") => 0.0,
            _ => continue,
        };
        let what = format!("wake-ups in {:.0} s: {name}", window.as_secs_f64());
        report.target(5, &what, Some(*wake_ups), Bound::AtMost(bound));
    }
}
