//! Much output: until it is all in the log, against the same output in a file.

use std::fs::{self, File};
use std::path::Path;

use super::contestant::{Contestant, Field};
use super::daemon::{time, wait_until};
use super::numbers::{Samples, float};
use super::options::Options;
use super::place::{Job, Place};
use super::progress::say;
use super::report::{Bound, Report, short};
use super::{Outcome, rounds};

/// Bytes of one write in bulk, and of a line.
const WRITE_BYTES: usize = 1 << 20;
const LINE_BYTES: usize = 96;
/// Logs of at least this size are removed after each turn, or the disk would fill.
const LARGE_BYTES: u64 = 1 << 20;

const BULK: &str = "bulk";
const LINES: &str = "lines";

/// Measures.
///
/// # Errors
/// When jobd fails.
pub fn measure(
    place: &Place,
    field: &mut Field,
    options: &Options,
    report: &mut Report,
) -> Outcome<()> {
    let scale = &options.scale;
    let ways = [
        (BULK, pour(place, BULK, scale.output_mib, WRITE_BYTES)?),
        (LINES, pour(place, LINES, scale.output_lines, LINE_BYTES)?),
    ];
    let mut samples = Samples::default();
    for round in 1..=scale.rounds {
        say(&format!("output, round {round} of {}", scale.rounds));
        for (way, job) in &ways {
            // The first to write so much finds no memory free: that is nobody's merit or fault.
            turn(place, || to_file(place, job))?;
            let limit = turn(place, || to_file(place, job))?;
            samples.push(way, "direct", 1.0);
            field.each(|one| {
                let took = turn(place, || until_logged(place, one, job))?;
                samples.push(way, one.name(), took / limit);
                Ok(())
            })?;
        }
    }
    tell(scale.output_mib, scale.output_lines, &samples, report);
    Ok(())
}

fn pour(place: &Place, name: &str, count: usize, bytes: usize) -> Outcome<Job> {
    let lines = place.lines().display().to_string();
    let (count, bytes) = (count.to_string(), bytes.to_string());
    let words = [place.program("pour"), lines, Place::word(0), count, bytes];
    place.other_job(name, words.into())
}

/// Milliseconds of one turn; what it wrote neither disturbs the next one nor stays.
fn turn(place: &Place, what: impl FnOnce() -> Outcome<()>) -> Outcome<f64> {
    place.take_lines()?;
    nix::unistd::sync();
    let took = time(what)?;
    place.take_lines()?;
    remove_large(&place.path(""))?;
    Ok(took)
}

fn to_file(place: &Place, job: &Job) -> Outcome<()> {
    let mut command = rounds::command(job).ok_or("a job without a program")?;
    let file = File::create(place.path("output"))?;
    super::daemon::done(command.stdout(file))
}

fn until_logged(place: &Place, one: &mut dyn Contestant, job: &Job) -> Outcome<()> {
    one.submit(job)?;
    wait_until("all is written", || Ok(place.lines_written() > 0))?;
    one.settle()
}

/// Stores are not touched: they are small here.
fn remove_large(folder: &Path) -> Outcome<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            remove_large(&path)?;
        } else if kind.is_file() && entry.metadata()?.len() >= LARGE_BYTES && is_log(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Programs and stores stay.
fn is_log(path: &Path) -> bool {
    let text = path.to_string_lossy();
    !text.contains(".db") && !text.contains("/state.json")
}

fn tell(mib: usize, lines: usize, samples: &Samples, report: &mut Report) {
    let rows = [
        (
            BULK,
            format!("{} MiB of output, times `> file`", short(Some(float(mib)))),
            1.7,
        ),
        (
            LINES,
            format!(
                "{} lines of {LINE_BYTES} bytes, times `> file`",
                short(Some(float(lines)))
            ),
            1.0,
        ),
    ];
    for (way, label, bound) in rows {
        report.compare_all(&label, |who| samples.median(way, who));
        report.target(6, &label, samples.median(way, "jobd"), Bound::AtMost(bound));
    }
}
