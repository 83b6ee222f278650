//! The course of a bench.

use std::fs;
use std::path::Path;

use super::contestant::Field;
use super::options::{Options, USAGE};
use super::place::Place;
use super::progress::say;
use super::report::Report;
use super::{
    Outcome, crowd, depth, grace, growth, idle, interrupt, kill, latency, log, plot, rounds,
};

/// Measures and prints; only then is the folder removed, which takes a while.
///
/// # Errors
/// Whatever stands against a true measurement.
pub fn run(arguments: impl Iterator<Item = String>) -> Outcome<()> {
    let Some(options) = Options::parse(arguments)? else {
        print!("{USAGE}");
        return Ok(());
    };
    interrupt::remember()?;
    let place = Place::make(&options)?;
    let report = measure(&place, &options)?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.text());
    }
    // What was measured until then can be seen, but takes no whole run's place.
    interrupt::check()?;
    if let Some(file) = &options.markdown {
        fs::write(file, report.markdown())?;
    }
    if let Some(folder) = &options.plots {
        draw(&report, folder)?;
    }
    match report.failed.first() {
        None => Ok(()),
        Some((part, error)) => Err(format!("{part}: {error}").into()),
    }
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

/// Measures one part.
type Part = fn(&Place, &Options, &mut Report) -> Outcome<()>;

fn measure(place: &Place, options: &Options) -> Outcome<Report> {
    let mut report = Report::new(conditions(place, options)?);
    let parts: [(&str, Part); 10] = [
        ("speed", |place, options, report| {
            contest(place, options, report, latency::measure)
        }),
        ("speed", |place, options, report| {
            contest(place, options, report, rounds::measure)
        }),
        ("log", |place, options, report| {
            contest(place, options, report, log::measure)
        }),
        ("kill", |place, options, report| {
            contest(place, options, report, kill::measure)
        }),
        ("depth", |place, options, report| {
            contest(place, options, report, depth::measure)
        }),
        ("growth", growth::measure),
        ("queued", crowd::queued),
        ("idle", idle::measure),
        ("crowd", crowd::running),
        ("grace", grace::measure),
    ];
    for (name, part) in parts {
        if options.has(name)
            && !interrupt::came()
            && let Err(error) = part(place, options, &mut report)
        {
            // What the others found is worth to be seen.
            say(&format!("{name}: {error}"));
            report.failed.push((name.into(), error.to_string()));
        }
    }
    report.absent.sort();
    report.absent.dedup();
    Ok(report)
}

/// What the contestants do in turn. None is slowed down by what it knows from another part.
fn contest(
    place: &Place,
    options: &Options,
    report: &mut Report,
    part: fn(&Place, &mut Field, &Options, &mut Report) -> Outcome<()>,
) -> Outcome<()> {
    let mut field = Field::open(place, options)?;
    let done = part(place, &mut field, options, report);
    report.absent.append(&mut field.absent);
    done
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
            "{} rounds of {} jobs (pueue: a twentieth), {} at once; {} samples of a command",
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
