//! The end by force: from the moment at which a job's grace is over until nothing of it is alive.
//! A pipe that all of its processes hold open tells to the point when the last one is gone.

use std::path::Path;
use std::time::Duration;

use proto::api::Cancel;

use super::daemon::Daemon;
use super::numbers::{Samples, float, ms_between, now};
use super::options::Options;
use super::pipe::Pipe;
use super::place::Place;
use super::progress::say;
use super::report::{Bound, Report, short};
use super::{Outcome, processes};

/// Between TERM and KILL.
const GRACE: Duration = Duration::from_secs(1);
/// Milliseconds from the end of the grace to the empty tree.
const EMPTY_MS: f64 = 50.0;
/// How long a job may take to end.
const DEADLINE: Duration = Duration::from_mins(1);

/// The moment of TERM is the job's own, which may get the CPU late; that of the cancel is too
/// early by a call and its commit. The truth lies between.
const EMPTY: &str = "empty";
const ASKED: &str = "since asked";
const ENDED: &str = "ended";

/// Measures; jobs with few and with many descendants take turns.
///
/// # Errors
/// When jobd fails.
pub fn measure(place: &Place, options: &Options, report: &mut Report) -> Outcome<()> {
    let scale = &options.scale;
    let mut samples = Samples::default();
    let fifo = place.path("tree-is-alive");
    Pipe::make(&fifo)?;
    let grace = GRACE.as_secs().to_string();
    let mut daemon = Daemon::start(place, "grace", &["--grace-seconds", &grace])?;
    say(&format!("ends by force, {} of each", scale.ends));
    for _ in 0..scale.ends {
        for descendants in scale.descendants {
            let times = one_end(place, &mut daemon, &fifo, descendants)?;
            for (measure, time) in times {
                samples.push(measure, &column(descendants), time);
            }
        }
    }
    daemon.end()?;
    for descendants in scale.descendants {
        tell(descendants, &samples, report);
    }
    Ok(())
}

fn column(descendants: usize) -> String {
    format!("{} descendants", short(Some(float(descendants))))
}

fn tell(descendants: usize, samples: &Samples, report: &mut Report) {
    let column = column(descendants);
    for (measure, what) in [
        (EMPTY, "no process is left"),
        (ASKED, "the same since the cancel, less the grace"),
        (ENDED, "the end is durable"),
    ] {
        for percent in [50, 99] {
            let value = samples.percentile(measure, &column, percent);
            let label = format!("{what}, p{percent} ms");
            report.set("after the grace", &label, &column, value);
        }
    }
    let what = format!("grace over to empty tree, p99 ms, {column}");
    let worst = samples.percentile(EMPTY, &column, 99);
    report.target(7, &what, worst, Bound::AtMost(EMPTY_MS));
}

/// Milliseconds until no process is left, and until that is durable.
fn one_end(
    place: &Place,
    daemon: &mut Daemon,
    fifo: &Path,
    descendants: usize,
) -> Outcome<[(&'static str, f64); 3]> {
    let grace = u64::try_from(GRACE.as_nanos())?;
    let mut reader = Pipe::open(fifo)?;
    let words = [
        place.program("tree"),
        fifo.display().to_string(),
        descendants.to_string(),
    ];
    let job = place.other_job(&format!("tree-{descendants}"), words.into())?;
    daemon.submit([&job])?;
    reader.line("ready ")?;
    let (_, shims) = daemon.service();
    let trees = shims.iter().map(|pid| processes::tree(*pid));
    // Each begins with the supervisor, which may be there a little longer.
    let processes: Vec<u32> = trees.flat_map(|tree| tree.into_iter().skip(1)).collect();
    if processes.len() <= descendants {
        return Err(format!("{} processes run", processes.len()).into());
    }
    let asked = now()? + grace;
    daemon.call(&Cancel {
        name: "@last".into(),
        force: None,
    })?;
    let term: u64 = reader.line("term ")?.parse()?;
    let over = term + grace;
    let empty = reader.end(DEADLINE)?.ok_or("the job does not end")?;
    daemon.wait_idle()?;
    let ended = now()?;
    let left = processes.iter().find(|pid| processes::is_alive(**pid));
    match left {
        // The job is ended, so a process of it would be a broken promise.
        Some(pid) => Err(format!("process {pid} is left").into()),
        None => Ok([
            (EMPTY, ms_between(over, empty)),
            (ASKED, ms_between(asked, empty)),
            (ENDED, ms_between(over, ended)),
        ]),
    }
}
