//! The command line, and how much of everything is done.

use std::path::PathBuf;
use std::time::Duration;

use super::Outcome;

/// What `--help` prints.
pub const USAGE: &str = "\
usage: tests/bench [--quick] [--only PARTS] [--skip-peers] [--jobs N] [--rounds N] [--samples N]
                   [--folder DIR] [--keep] [--programs DIR] [-o json] [--markdown FILE]
                   [--plots DIR]
  --quick          a little of everything: shows that the bench works, its numbers mean nothing
  --only PARTS     of speed,depth,growth,queued,idle,crowd,log,kill,
                   grace (all)
  --skip-peers     neither install nor measure other programs
  --jobs N         jobs of each contestant in each round (2000)
  --rounds N       rounds, in which the contestants take turns (3)
  --samples N      repetitions of each single command (200)
  --folder DIR     where to work; must be on a disk, as commits are synced (/var/tmp)
  --keep           leave the folder: ext4 makes files slowly for minutes after many were deleted,
                   so runs that are compared with each other should keep theirs
  --programs DIR   measure the jobd, jobd-shim and jobctl in DIR instead of building them
  --peers DIR      where the peers were installed; tests/bench says it by itself
  -o json          all numbers instead of the table
  --markdown FILE  the tables as Markdown too
  --plots DIR      write throughput.svg and latency.svg there
";

/// What is measured, in the order in which it is.
pub const PARTS: [&str; 9] = [
    "speed", "depth", "growth", "queued", "idle", "crowd", "log", "kill", "grace",
];

/// What was asked for.
#[derive(Debug)]
pub struct Options {
    /// How much of everything.
    pub scale: Scale,
    /// Those of [`PARTS`] that are measured.
    pub parts: Vec<String>,
    /// Whether other programs are measured too.
    pub peers: Option<PathBuf>,
    /// The folder of jobd's programs; that of the bench itself if there is none.
    pub programs: Option<PathBuf>,
    /// Below which the bench makes its own folder.
    pub folder: PathBuf,
    /// Whether the folder stays.
    pub keep: bool,
    /// JSON instead of a table.
    pub json: bool,
    /// Where the tables go as Markdown.
    pub markdown: Option<PathBuf>,
    /// Where the plots go.
    pub plots: Option<PathBuf>,
}

/// How much of everything.
#[derive(Debug, Clone)]
pub struct Scale {
    /// Jobs of each contestant in a round.
    pub jobs: usize,
    /// Rounds.
    pub rounds: usize,
    /// Repetitions of a single command.
    pub samples: usize,
    /// Jobs that are handed over at once, for the plots.
    pub depths: &'static [usize],
    /// Ended jobs in the stores whose growth is measured; the first is what the others are
    /// compared with, and has enough for a page.
    pub histories: [usize; 3],
    /// Jobs that wait while memory is measured.
    pub queued: usize,
    /// For how long wake-ups are counted.
    pub window: Duration,
    /// Jobs that run at once.
    pub crowd: usize,
    /// MiB of output.
    pub output_mib: usize,
    /// Lines of output.
    pub output_lines: usize,
    /// Jobs whose end by force is timed, for each number of descendants.
    pub ends: usize,
    /// Those descendants.
    pub descendants: [usize; 2],
}

impl Scale {
    const FULL: Scale = Scale {
        jobs: 2_000,
        rounds: 3,
        samples: 200,
        depths: &[10, 100, 1_000, 10_000],
        histories: [100, 100_000, 1_000_000],
        queued: 100_000,
        window: Duration::from_mins(1),
        crowd: 1_000,
        output_mib: 1_024,
        output_lines: 1_000_000,
        ends: 20,
        descendants: [1, 1_000],
    };
    const QUICK: Scale = Scale {
        jobs: 20,
        rounds: 1,
        samples: 5,
        depths: &[5, 10],
        histories: [100, 200, 1_000],
        queued: 100,
        window: Duration::from_secs(1),
        crowd: 10,
        output_mib: 8,
        output_lines: 10_000,
        ends: 1,
        descendants: [1, 20],
    };
}

impl Options {
    /// Reads the arguments; none when help was asked for.
    ///
    /// # Errors
    /// What cannot be understood.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Option<Options>> {
        let mut options = Options::default();
        let mut skip_peers = false;
        let (mut jobs, mut rounds, mut samples) = (None, None, None);
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let value = arguments.next();
                value.ok_or(format!("{argument} needs a value\n{USAGE}"))
            };
            match argument.as_str() {
                "--quick" => options.scale = Scale::QUICK,
                "--only" => options.parts = parts(&value()?)?,
                "--skip-peers" => skip_peers = true,
                "--jobs" => jobs = Some(count(&value()?)?),
                "--rounds" => rounds = Some(count(&value()?)?),
                "--samples" => samples = Some(count(&value()?)?),
                "--folder" => options.folder = std::path::absolute(value()?)?,
                "--keep" => options.keep = true,
                "--programs" => options.programs = Some(std::path::absolute(value()?)?),
                "--peers" => options.peers = Some(std::path::absolute(value()?)?),
                "-o" | "--output" => options.json = is_json(&value()?)?,
                "--markdown" => options.markdown = Some(value()?.into()),
                "--plots" => options.plots = Some(value()?.into()),
                "-h" | "--help" => return Ok(None),
                other => return Err(format!("{other} is not known\n{USAGE}").into()),
            }
        }
        let scale = &mut options.scale;
        scale.jobs = jobs.unwrap_or(scale.jobs);
        scale.rounds = rounds.unwrap_or(scale.rounds);
        scale.samples = samples.unwrap_or(scale.samples);
        options.peers = options.peers.filter(|_| !skip_peers);
        Ok(Some(options))
    }

    /// Whether a part is measured.
    pub fn has(&self, part: &str) -> bool {
        self.parts.iter().any(|one| one == part)
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            scale: Scale::FULL,
            parts: PARTS.map(String::from).to_vec(),
            peers: None,
            programs: None,
            // Unlike /tmp it is on a disk by the Filesystem Hierarchy Standard.
            folder: "/var/tmp".into(),
            keep: false,
            json: false,
            markdown: None,
            plots: None,
        }
    }
}

fn parts(text: &str) -> Outcome<Vec<String>> {
    let parts: Vec<String> = text.split(',').map(String::from).collect();
    match parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        None => Ok(parts),
        Some(other) => Err(format!("{other}: {} are known", PARTS.join(", ")).into()),
    }
}

fn count(text: &str) -> Outcome<usize> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| format!("{text} is no number above 0").into())
}

fn is_json(text: &str) -> Outcome<bool> {
    match text {
        "json" => Ok(true),
        "table" => Ok(false),
        other => Err(format!("{other}: json and table are known").into()),
    }
}
