//! The course of a bench.

use super::Outcome;
use super::daemon::{Daemon, rehearse};
use super::options::{Options, USAGE};
use super::place::Place;
use super::report::Report;
use super::{latency, report, rounds};

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
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report::table(&report));
    }
    Ok(())
}

fn measure(options: &Options) -> Outcome<Report> {
    let place = Place::make(options)?;
    let (sync_ms, mkdir_ms) = (place.measure_sync()?, place.measure_mkdir()?);
    let mut daemon = Daemon::start(&place)?;
    rehearse(&place, &mut daemon)?;
    let rss_fresh_kib = daemon.rss_kib()?;
    let mut latencies = vec![latency::measure(&place, &mut daemon, options.samples, 0)?];
    let mut all = Vec::new();
    let mut known = options.samples;
    for round in 1..=options.rounds {
        eprintln!("bench: round {round} of {}", options.rounds);
        all.push(rounds::run(&place, &mut daemon, options.jobs)?);
        known += 2 * options.jobs;
    }
    latencies.push(latency::measure(
        &place,
        &mut daemon,
        options.samples,
        known,
    )?);
    let rss_kib = daemon.rss_kib()?;
    daemon.end()?;
    Ok(Report {
        jobs: options.jobs,
        concurrency: rounds::CONCURRENCY,
        file_system: place.file_system()?,
        sync_ms,
        mkdir_ms,
        rss_fresh_kib,
        rss_kib,
        rounds: all,
        latencies,
    })
}
