//! What a long history costs: daemons that differ in nothing but the number of ended jobs in
//! their stores take turns.

use jobd_tests::history::seed;
use proto::api::List;

use super::contestant::Jobd;
use super::daemon::{Daemon, time};
use super::depth::LATENCY;
use super::numbers::{Samples, float, ratio};
use super::options::Options;
use super::place::Place;
use super::progress::say;
use super::report::{Bound, Report, short};
use super::{Outcome, latency, rounds};

/// Jobs on a page.
const PAGE: usize = 50;
/// Starts of each daemon.
const STARTS: usize = 15;

const START: &str = "daemon start, ms";
const LIST: &str = "list of a page, ms";
const SUBMIT: &str = "one submit command, p50 ms";
const FIRST: &str = "submit to first instruction, p50 ms";
const BULK: &str = "many at once, jobs/s";
const MEASURES: [&str; 5] = [START, LIST, SUBMIT, FIRST, BULK];

/// How much a number may change from few ended jobs to many, and to very many, in percent.
const CHANGES: [f64; 2] = [10.0, 25.0];

/// A history of that many ended jobs, and its home.
#[derive(Debug)]
struct History {
    jobs: usize,
    home: String,
}

/// Measures.
///
/// # Errors
/// When jobd fails.
pub fn measure(place: &Place, options: &Options, report: &mut Report) -> Outcome<()> {
    let mut samples = Samples::default();
    let histories = options.scale.histories;
    let histories = histories.map(|jobs| History::make(place, jobs));
    let histories = histories.into_iter().collect::<Outcome<Vec<_>>>()?;
    say("starts with a history");
    for round in 0..=STARTS.min(options.scale.samples) {
        for history in &histories {
            let took = history.start_and_end(place)?;
            // The first one reads the store from the disk.
            if round > 0 {
                samples.push(START, &history.column(), took);
            }
        }
    }
    say("answers with a history");
    take_turns(place, &histories, options, &mut samples)?;
    tell(&histories, &samples, report);
    Ok(())
}

impl History {
    fn make(place: &Place, jobs: usize) -> Outcome<History> {
        say(&format!("a history of {jobs} jobs"));
        let home = format!("history-{jobs}");
        seeded(place, &home, jobs)?;
        Ok(History { jobs, home })
    }

    fn column(&self) -> String {
        short(Some(float(self.jobs)))
    }

    fn start_and_end(&self, place: &Place) -> Outcome<f64> {
        let mut started = None;
        let took = time(|| {
            started = Some(Daemon::start(place, &self.home, &[])?);
            Ok(())
        })?;
        started.map_or(Ok(()), Daemon::end)?;
        Ok(took)
    }
}

/// Makes a home with so many ended jobs in its store.
///
/// # Errors
/// When the daemon or the store fails.
pub fn seeded(place: &Place, home: &str, jobs: usize) -> Outcome<()> {
    let mut daemon = Daemon::start(place, home, &[])?;
    daemon.rehearse(place)?;
    let store = daemon.home().join("state/jobd.db");
    daemon.end()?;
    Ok(seed(&store, jobs)?)
}

fn take_turns(
    place: &Place,
    histories: &[History],
    options: &Options,
    samples: &mut Samples,
) -> Outcome<()> {
    let start = |history: &History| {
        let jobd = Jobd::start(place, &history.home)?;
        Ok((history.column(), jobd))
    };
    let mut all = histories.iter().map(start).collect::<Outcome<Vec<_>>>()?;
    let page = List {
        max_results: Some(PAGE),
        ..List::default()
    };
    for number in 0..options.scale.samples {
        let job = place.job(number);
        for (column, jobd) in &mut all {
            let list = time(|| jobd.daemon.call(&page).map(drop))?;
            samples.push(LIST, column, list);
            let (submit, first) = latency::sample(place, jobd, &job)?;
            samples.push(SUBMIT, column, submit);
            samples.push(FIRST, column, first);
        }
    }
    let jobs = place.jobs(options.scale.jobs);
    for _ in 0..options.scale.rounds {
        for (column, jobd) in &mut all {
            let rate = rounds::bulk_rate(place, jobd, &jobs)?;
            samples.push(BULK, column, rate);
        }
    }
    Ok(())
}

fn tell(histories: &[History], samples: &Samples, report: &mut Report) {
    let table = "ended jobs known";
    for measure in MEASURES {
        for history in histories {
            let value = samples.median(measure, &history.column());
            report.set(table, measure, &history.column(), value);
            if let (SUBMIT, Some(value)) = (measure, value) {
                report.point(LATENCY, "jobd", [float(history.jobs), value]);
            }
        }
    }
    let Some((few, many)) = histories.split_first() else {
        return;
    };
    for (history, bound) in many.iter().zip(CHANGES) {
        for measure in MEASURES {
            let change = change(samples, measure, few, history);
            let column = format!("change to {}, %", history.column());
            report.set(table, measure, &column, change);
            let what = format!("{measure}: change to {} ended jobs, %", history.column());
            let worse = change.map(|change| worse(measure, change));
            report.target(4, &what, worse, Bound::AtMost(bound));
        }
    }
}

fn change(samples: &Samples, measure: &'static str, few: &History, many: &History) -> Option<f64> {
    let of = |history: &History| samples.median(measure, &history.column());
    Some((ratio(of(many), of(few))? - 1.0) * 100.0)
}

/// A change for the worse is above 0; one for the better is no fault.
fn worse(measure: &str, change: f64) -> f64 {
    if measure == BULK { -change } else { change }
}
