//! The command line.

use std::path::PathBuf;

use super::Outcome;

/// What `--help` prints.
pub const USAGE: &str = "\
usage: tests/bench [--jobs N] [--rounds N] [--samples N] [--folder DIR] [--keep]
                   [-o json]
  --jobs N     jobs of each contestant in each round (1000)
  --rounds N   rounds, in which the contestants take turns (3)
  --samples N  repetitions of each single command (200)
  --folder DIR where to work; must be on a disk, as commits are synced (/var/tmp)
  --keep       leave the folder: ext4 makes files slowly for minutes after many were deleted,
               so runs that are compared with each other should keep theirs
  -o json      all numbers instead of the table
";

/// What was asked for.
#[derive(Debug)]
pub struct Options {
    /// Jobs of each contestant in a round.
    pub jobs: usize,
    /// Rounds.
    pub rounds: usize,
    /// Repetitions of a single command.
    pub samples: usize,
    /// Below which the bench makes its own folder.
    pub folder: PathBuf,
    /// Whether the folder stays.
    pub keep: bool,
    /// JSON instead of a table.
    pub json: bool,
}

impl Options {
    /// Reads the arguments; none when help was asked for.
    ///
    /// # Errors
    /// What cannot be understood.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Option<Options>> {
        let mut options = Options {
            jobs: 1_000,
            rounds: 3,
            samples: 200,
            // Unlike /tmp it is on a disk by the Filesystem Hierarchy Standard.
            folder: "/var/tmp".into(),
            keep: false,
            json: false,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let value = arguments.next();
                value.ok_or(format!("{argument} needs a value\n{USAGE}"))
            };
            match argument.as_str() {
                "--jobs" => options.jobs = count(&value()?)?,
                "--rounds" => options.rounds = count(&value()?)?,
                "--samples" => options.samples = count(&value()?)?,
                "--folder" => options.folder = value()?.into(),
                "--keep" => options.keep = true,
                "-o" | "--output" => options.json = is_json(&value()?)?,
                "-h" | "--help" => return Ok(None),
                other => return Err(format!("{other} is not known\n{USAGE}").into()),
            }
        }
        Ok(Some(options))
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
