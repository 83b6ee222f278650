//! What a daemon's start and answers cost.

use std::fs;
use std::time::{Duration, Instant};

use proto::api::{List, Method, Show, Submission, Submit};

use crate::harness::{Home, JobFile};

/// Repetitions of an answer; the median counts.
const SAMPLES: usize = 25;

/// The figures, times in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// From the start of the program to its first answer.
    pub start: f64,
    /// A page of 50 jobs.
    pub page: f64,
    /// A page of 50 jobs that failed, of which there are none.
    pub rare: f64,
    /// One job by its name.
    pub show: f64,
    /// A submission.
    pub submit: f64,
    /// Resident memory of the daemon after all that, in KiB.
    pub rss_kib: u64,
}

/// Starts a daemon in the home and measures it; it is killed afterwards.
#[must_use]
pub fn measure(home: &mut Home) -> Figures {
    let begun = Instant::now();
    home.start(&["--slots", "1"]);
    let start = millis(begun.elapsed());
    let page = |status: Option<proto::status::Status>| List {
        max_results: Some(50),
        statuses: status.map(|status| vec![status]),
        ..List::default()
    };
    let newest = home.show("@last")["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut number = 0;
    let figures = Figures {
        start,
        page: median(home, || page(None)),
        rare: median(home, || page(Some(proto::status::Status::Failed))),
        show: median(home, || Show {
            name: newest.clone(),
        }),
        submit: median(home, || {
            number += 1;
            submission(home, number)
        }),
        rss_kib: rss_kib(home.daemon_pid()),
    };
    drop(home.run(&["wait", "--all"]).ok());
    home.kill();
    figures
}

fn submission(home: &Home, number: u32) -> Submit {
    let pid = home.daemon_pid();
    let job = JobFile::new("true").name(&format!("measured_{pid}_{number}"));
    Submit {
        jobs: vec![Submission {
            yaml: job.text().into(),
            file: None,
            base_path: home.path().into(),
            experiment_name: None,
            overrides: None,
        }],
    }
}

fn median<M: Method>(home: &Home, mut method: impl FnMut() -> M) -> f64 {
    let mut socket = home.connect();
    let mut times: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let method = method();
            let begun = Instant::now();
            drop(socket.call(&method));
            millis(begun.elapsed())
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[SAMPLES / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn rss_kib(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
