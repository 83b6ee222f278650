//! The course of a bench.

use std::fs;
use std::path::Path;

use super::contestant::Field;
use super::options::{Options, USAGE};
use super::place::Place;
use super::report::Report;
use super::{Outcome, crowd, depth, grace, growth, idle, latency, log, plot, rounds};

/// Measures and prints.
///
/// # Errors
/// Whatever stands against a true measurement.
pub fn run(arguments: impl Iterator<Item = String>) -> Outcome<()> {
    let Some(options) = Options::parse(arguments)? else {
        print!("{USAGE}");
        return Ok(());
    };
    let report = measure(&options)?;
    if let Some(file) = &options.markdown {
        fs::write(file, report.markdown())?;
    }
    if let Some(folder) = &options.plots {
        draw(&report, folder)?;
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.text());
    }
    Ok(())
}

fn draw(report: &Report, folder: &Path) -> Outcome<()> {
    fs::create_dir_all(folder)?;
    for one in &report.plots {
        if let Some(svg) = plot::svg(one) {
            fs::write(folder.join(format!("{}.svg", one.name)), svg)?;
        }
    }
    Ok(())
}

fn measure(options: &Options) -> Outcome<Report> {
    let place = Place::make(options)?;
    let mut report = Report::new(conditions(&place, options)?);
    if ["speed", "depth", "log"]
        .iter()
        .any(|part| options.has(part))
    {
        side_by_side(&place, options, &mut report)?;
    }
    if options.has("growth") {
        growth::measure(&place, options, &mut report)?;
    }
    if options.has("queued") {
        crowd::queued(&place, options, &mut report)?;
    }
    if options.has("idle") {
        idle::measure(&place, options, &mut report)?;
    }
    if options.has("crowd") {
        crowd::running(&place, options, &mut report)?;
    }
    if options.has("grace") {
        grace::measure(&place, options, &mut report)?;
    }
    report.absent.sort();
    report.absent.dedup();
    Ok(report)
}

/// What the contestants do in turn. Those who were slowed down by what they know begin anew.
fn side_by_side(place: &Place, options: &Options, report: &mut Report) -> Outcome<()> {
    type Part = fn(&Place, &mut Field, &Options, &mut Report) -> Outcome<()>;
    let parts: [(&str, &str, Part); 4] = [
        ("speed", "latency", latency::measure),
        ("speed", "rounds", rounds::measure),
        ("log", "log", log::measure),
        ("depth", "depth", depth::measure),
    ];
    for (part, name, measure) in parts {
        if options.has(part) {
            let mut field = Field::open(place, options, name)?;
            measure(place, &mut field, options, report)?;
            report.absent.append(&mut field.absent);
        }
    }
    Ok(())
}

fn conditions(place: &Place, options: &Options) -> Outcome<Vec<String>> {
    let scale = &options.scale;
    let cpus = std::thread::available_parallelism()?;
    Ok(vec![
        format!(
            "{cpus} CPUs; {}: fdatasync {:.2} ms, mkdir {:.3} ms",
            place.file_system()?,
            place.measure_sync()?,
            place.measure_mkdir()?
        ),
        format!(
            "{} rounds of {} jobs (pueue: a tenth), {} at once; {} samples of a command",
            scale.rounds,
            scale.jobs,
            rounds::CONCURRENCY,
            scale.samples
        ),
        "jobd is done when all ends are durable, the others when all jobs have run; HyperQueue is \
         its Python library, called without a command"
            .into(),
    ])
}
