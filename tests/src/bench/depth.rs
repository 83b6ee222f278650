//! How a contestant bears many jobs: more and more are handed to it at once, and after each time
//! single commands are measured while it knows of all before.

use super::contestant::Field;
use super::numbers::{float, percentile};
use super::options::Options;
use super::place::Place;
use super::progress::say;
use super::report::{Plot, Report, short};
use super::{Outcome, latency, rounds};

/// The plots' names.
pub const THROUGHPUT: &str = "throughput";
pub const LATENCY: &str = "latency";
/// Of so many repetitions of a command only one: the plot shows orders of magnitude.
const FEWER: usize = 5;

/// Measures both.
///
/// # Errors
/// When jobd does not run a job exactly once.
pub fn measure(
    place: &Place,
    field: &mut Field,
    options: &Options,
    report: &mut Report,
) -> Outcome<()> {
    report.plots.extend(plots());
    let samples = options.scale.samples.div_ceil(FEWER);
    let mut known = 0;
    for depth in options.scale.depths {
        say(&format!("{depth} jobs at once"));
        let jobs = place.jobs(*depth);
        known += depth;
        let limit = rounds::rate(place, &jobs, || rounds::direct(&jobs))?;
        report.point(THROUGHPUT, "direct", [float(*depth), limit]);
        let xargs = rounds::rate(place, &jobs, || rounds::xargs(place, &jobs))?;
        report.point(THROUGHPUT, "xargs", [float(*depth), xargs]);
        field.each(|one| {
            if *depth > one.queue_max() {
                return Ok(());
            }
            let rate = rounds::bulk_rate(place, one, &jobs)?;
            report.point(THROUGHPUT, one.name(), [float(*depth), rate]);
            let times: Outcome<Vec<f64>> = (0..samples.div_ceil(one.pace()))
                .map(|number| Ok(latency::sample(place, one, &place.job(number))?.0))
                .collect();
            if let Some(submit) = percentile(&times?, 50) {
                report.point(LATENCY, one.name(), [float(known), submit]);
            }
            Ok(())
        })?;
    }
    tell(report);
    Ok(())
}

fn plots() -> [Plot; 2] {
    [
        Plot {
            name: THROUGHPUT,
            title: "Throughput: jobs a second, two at once",
            axes: ["jobs in the queue", "jobs/s"],
            lines: Vec::new(),
        },
        Plot {
            name: LATENCY,
            title: "One submit command, p50",
            axes: ["jobs known", "ms"],
            lines: Vec::new(),
        },
    ]
}

/// The same as numbers.
fn tell(report: &mut Report) {
    let plots: Vec<_> = report.plots.iter().flat_map(points).collect();
    for (label, who, value) in plots {
        report.compare(&label, &who, Some(value));
    }
}

fn points(plot: &Plot) -> impl Iterator<Item = (String, String, f64)> {
    let unit = match plot.name {
        THROUGHPUT => "jobs/s, at once",
        _ => "submit p50 ms, known",
    };
    plot.lines.iter().flat_map(move |(who, points)| {
        let labelled =
            move |[x, y]: &[f64; 2]| (format!("{unit} {}", short(Some(*x))), who.clone(), *y);
        points.iter().map(labelled)
    })
}
