//! The end by force: from the moment at which a job's grace is over until nothing of it is alive.
//! A pipe that all of its processes hold open tells to the point when the last one is gone.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::mkfifo;
use proto::api::Cancel;

use super::daemon::Daemon;
use super::numbers::{Samples, float, ms_between, nanoseconds};
use super::options::Options;
use super::place::Place;
use super::report::{Bound, Report, short};
use super::{Outcome, processes};

/// Between TERM and KILL.
const GRACE: Duration = Duration::from_secs(1);
/// Milliseconds from the end of the grace to the empty tree.
const EMPTY_MS: f64 = 50.0;
/// How long a job may take to begin, or to end.
const DEADLINE: Duration = Duration::from_mins(1);

const EMPTY: &str = "empty";
const ENDED: &str = "ended";

/// Measures; jobs with few and with many descendants take turns.
///
/// # Errors
/// When jobd fails.
pub fn measure(place: &Place, options: &Options, report: &mut Report) -> Outcome<()> {
    let scale = &options.scale;
    let mut samples = Samples::default();
    let fifo = place.path("tree-is-alive");
    mkfifo(&fifo, Mode::S_IRUSR | Mode::S_IWUSR)?;
    let grace = GRACE.as_secs().to_string();
    let mut daemon = Daemon::start(place, "grace", &["--grace-seconds", &grace])?;
    for run in 1..=scale.ends {
        eprintln!("bench: end by force {run} of {}", scale.ends);
        for descendants in scale.descendants {
            let (empty, ended) = one_end(place, &mut daemon, &fifo, descendants)?;
            samples.push(EMPTY, &column(descendants), empty);
            samples.push(ENDED, &column(descendants), ended);
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
    for (measure, what) in [(EMPTY, "no process is left"), (ENDED, "the end is durable")] {
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

/// Milliseconds from the end of the grace until no process is left, and until that is durable.
fn one_end(
    place: &Place,
    daemon: &mut Daemon,
    fifo: &Path,
    descendants: usize,
) -> Outcome<(f64, f64)> {
    // Without a reader the job would wait for one; without a writer there is no end to be seen.
    let reader = open(fifo, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty())?;
    let mut reader = Pipe::new(File::from(reader));
    let words = [
        place.program("tree"),
        fifo.display().to_string(),
        descendants.to_string(),
    ];
    let job = place.other_job(&format!("tree-{descendants}"), words.into())?;
    daemon.submit([&job])?;
    reader.line("ready")?;
    let (_, shims) = daemon.service();
    let processes: Vec<u32> = shims.iter().flat_map(|pid| processes::tree(*pid)).collect();
    if processes.len() <= descendants {
        return Err(format!("{} processes run", processes.len()).into());
    }
    daemon.call(&Cancel {
        name: "@last".into(),
        force: None,
    })?;
    let term: u64 = reader.line("term ")?.parse()?;
    let over = term + u64::try_from(GRACE.as_nanos())?;
    let empty = reader.end()?;
    daemon.wait_idle()?;
    let ended = now()?;
    let left = processes
        .iter()
        .find(|pid| Path::new(&format!("/proc/{pid}")).exists());
    match left {
        // The job is ended, so a process of it would be a broken promise.
        Some(pid) => Err(format!("process {pid} is left").into()),
        None => Ok((ms_between(over, empty), ms_between(over, ended))),
    }
}

fn now() -> Outcome<u64> {
    Ok(nanoseconds(clock_gettime(ClockId::CLOCK_MONOTONIC)?))
}

/// What the job's processes write, and when the last one is gone.
#[derive(Debug)]
struct Pipe {
    file: File,
    text: String,
}

impl Pipe {
    fn new(file: File) -> Pipe {
        Pipe {
            file,
            text: String::new(),
        }
    }

    /// The rest of the first line that begins so.
    fn line(&mut self, begin: &str) -> Outcome<String> {
        loop {
            let mut lines = self.text.split_inclusive('\n');
            let whole = lines.find(|line| line.starts_with(begin) && line.ends_with('\n'));
            if let Some(line) = whole {
                return Ok(line[begin.len()..].trim_end().into());
            }
            if !self.more()? {
                return Err(format!("the job ended before it said {begin}").into());
            }
        }
    }

    /// The moment at which nobody holds it any more.
    fn end(&mut self) -> Outcome<u64> {
        while self.more()? {}
        now()
    }

    /// Waits for more; false at the end.
    fn more(&mut self) -> Outcome<bool> {
        let begun = Instant::now();
        let mut waited = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
        while poll(&mut waited, PollTimeout::try_from(DEADLINE.as_millis())?)? == 0 {
            if begun.elapsed() >= DEADLINE {
                return Err("the job neither says anything nor ends".into());
            }
        }
        let mut bytes = [0; 256];
        let count = self.file.read(&mut bytes)?;
        let bytes = bytes.get(..count).unwrap_or_default();
        self.text += &String::from_utf8_lossy(bytes);
        Ok(count > 0)
    }
}
