//! All numbers, and the table for people: the losses stand beside the rest.

use std::fmt::Write;

use serde::Serialize;

use super::latency::Latency;
use super::numbers::median;
use super::rounds::Round;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Jobs of each contestant in a round.
    pub jobs: usize,
    /// Jobs that ran at once.
    pub concurrency: usize,
    /// Where the store was.
    pub file_system: String,
    /// What one fdatasync(2) costs there, in milliseconds (median).
    pub sync_ms: f64,
    /// And one mkdir(2): jobd makes folders for every job.
    pub mkdir_ms: f64,
    /// The daemon's resident memory after its start, in KiB.
    pub rss_fresh_kib: u64,
    /// And at the end.
    pub rss_kib: u64,
    /// In their order.
    pub rounds: Vec<Round>,
    /// Before the rounds and after them.
    pub latencies: Vec<Latency>,
}

/// A line of the table: its label and the number that it takes from a round.
type Line<T> = (&'static str, fn(&T) -> f64);

const RATES: [Line<Round>; 4] = [
    ("direct fork+exec (R)", |round| round.direct),
    ("xargs -P2", |round| round.xargs),
    ("jobd, all in one submit", |round| round.bulk),
    ("jobd, one submit per job", |round| round.single),
];

const TIMES: [Line<Latency>; 7] = [
    ("/bin/true p50", |latency| latency.nothing_p50),
    ("direct start to first instruction p50", |latency| {
        latency.direct_first_p50
    }),
    ("jobctl status p50", |latency| latency.status_p50),
    ("jobctl submit, durable, p50", |latency| latency.submit_p50),
    ("jobctl submit, durable, p99", |latency| latency.submit_p99),
    ("submit to first instruction p50", |latency| {
        latency.first_p50
    }),
    ("submit to first instruction p99", |latency| {
        latency.first_p99
    }),
];

const RATIOS: [Line<Latency>; 4] = [
    ("jobctl status / true", |latency| {
        latency.status_p50 / latency.nothing_p50
    }),
    ("jobctl submit / true", |latency| {
        latency.submit_p50 / latency.nothing_p50
    }),
    ("submit p99 / p50", |latency| {
        latency.submit_p99 / latency.submit_p50
    }),
    ("submit to first / direct", |latency| {
        latency.first_p50 / latency.direct_first_p50
    }),
];

/// The table.
pub fn table(report: &Report) -> String {
    let mut text = format!(
        "{} rounds of {} jobs, {} at once; {}: fdatasync {:.2} ms, mkdir {:.3} ms\n\n",
        report.rounds.len(),
        report.jobs,
        report.concurrency,
        report.file_system,
        report.sync_ms,
        report.mkdir_ms
    );
    rates(&mut text, &report.rounds);
    times(&mut text, &report.latencies);
    footer(&mut text, report);
    text
}

/// The shares are of the same round; what is printed is their median.
fn rates(text: &mut String, rounds: &[Round]) {
    line(text, "throughput", &["jobs/s".into(), "share of R".into()]);
    for (label, rate) in RATES {
        let rates = median(rounds.iter().map(rate));
        let share = median(rounds.iter().map(|round| rate(round) / round.direct));
        line(text, label, &[format!("{rates:.0}"), format!("{share:.2}")]);
    }
    text.push('\n');
}

fn times(text: &mut String, latencies: &[Latency]) {
    let known = latencies.iter().map(|one| format!("{} known", one.history));
    line(text, "one command, ms", &known.collect::<Vec<_>>());
    for (label, time) in TIMES {
        let times = latencies.iter().map(|one| format!("{:.2}", time(one)));
        line(text, label, &times.collect::<Vec<_>>());
    }
    for (label, ratio) in RATIOS {
        let ratios = latencies.iter().map(|one| format!("{:.2} x", ratio(one)));
        line(text, label, &ratios.collect::<Vec<_>>());
    }
    text.push('\n');
}

fn footer(text: &mut String, report: &Report) {
    let written = |bytes: fn(&Round) -> f64| {
        let bytes = median(report.rounds.iter().map(bytes));
        format!("{bytes:.0}")
    };
    let cells = [
        written(|round| round.bulk_bytes),
        written(|round| round.single_bytes),
    ];
    line(text, "the daemon", &["bulk".into(), "one by one".into()]);
    line(text, "bytes written per job", &cells);
    line(text, "", &["fresh".into(), "at the end".into()]);
    let cells = [report.rss_fresh_kib, report.rss_kib].map(|kib| format!("{} kB", kib));
    line(text, "resident memory", &cells);
}

fn line(text: &mut String, label: &str, cells: &[String]) {
    // Writing to a string cannot fail.
    let _written = write!(text, "{label:<40}");
    for cell in cells {
        let _written = write!(text, "{cell:>14}");
    }
    text.push('\n');
}
