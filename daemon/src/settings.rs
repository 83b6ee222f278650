//! The daemon's settings: defaults, then one small YAML file, then the command line.

mod datastore;
mod stage;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use proto::diagnostic::{Diagnostic, Span};
use proto::stage::StageSettings;
use proto::yaml::{self, Node, Value};

use crate::core::Capacity;
use crate::retention::Rules;
use crate::sys::atomic;

/// The most bytes of the configuration file.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// What each setting may be, in the file as on the command line.
const SLOTS: RangeInclusive<u64> = 1..=10_000;
const GRACE_SECS: RangeInclusive<u64> = 0..=86_400;
const LOG_BYTES: RangeInclusive<u64> = 4_096..=u64::MAX;
const LIVE_JOBS: RangeInclusive<u64> = 1..=10_000_000;
const PREPARING: RangeInclusive<u64> = 1..=1_000;
const LOG_DAYS: RangeInclusive<u64> = 1..=3_650;
const RETENTION_DAYS: RangeInclusive<u64> = 0..=36_500;
const RETENTION_JOBS: RangeInclusive<u64> = 0..=100_000_000;
const RETENTION_BYTES: RangeInclusive<u64> = 0..=u64::MAX;

/// What can be set. Each has a flag of the same name and a key of the same name in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct Overrides {
    /// Commands that run at once [default: the number of CPUs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(SLOTS))]
    pub slots: Option<u64>,
    /// Seconds between the polite end of a job (TERM) and the kill [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(GRACE_SECS))]
    pub grace_seconds: Option<u64>,
    /// Bytes of output that a job's log keeps [default: 1 GiB]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(LOG_BYTES))]
    pub log_bytes_max: Option<u64>,
    /// Live jobs in all, waiting and running [default: 1000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(LIVE_JOBS))]
    pub queue_max: Option<u64>,
    /// Preparations that run at once [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(PREPARING))]
    pub preparing_max: Option<u64>,
    /// Days of the daemon's own log that are kept [default: 7]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(LOG_DAYS))]
    pub log_days: Option<u64>,
    /// Days that the folders of ended jobs are kept [default: for ever]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(RETENTION_DAYS))]
    pub retention_days: Option<u64>,
    /// Ended jobs, the newest, whose folders are kept [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(RETENTION_JOBS))]
    pub retention_jobs: Option<u64>,
    /// Bytes that the folders of ended jobs may take [default: without a bound]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(RETENTION_BYTES))]
    pub retention_bytes: Option<u64>,
}

pub use stage::DATASTORES_MAX;

/// The settings in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How much happens at once.
    pub capacity: Capacity,
    /// Milliseconds between TERM and KILL.
    pub grace_ms: u64,
    /// The most bytes of a job's log.
    pub log_bytes_max: u64,
    /// Files of the daemon's own log.
    pub log_days: usize,
    /// What is kept of ended jobs.
    pub retention: Rules,
    /// What every order of a stage carries.
    pub stage: StageSettings,
}

/// Why the configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("read the configuration {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: atomic::ReadError,
    },
    /// The file is wrong.
    #[error("{}", diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid {
        /// What is wrong, and where.
        diagnostics: Vec<Diagnostic>,
    },
}

const SLOTS_FALLBACK: usize = 1;
const GRACE_SECS_DEFAULT: u64 = 10;
const LOG_BYTES_MAX_DEFAULT: u64 = 1 << 30;
const QUEUE_MAX_DEFAULT: u64 = 1_000_000;
const PREPARING_MAX_DEFAULT: u64 = 2;
const LOG_DAYS_DEFAULT: u64 = 7;

/// Reads the configuration, if there is one, and puts the command line above it.
///
/// # Errors
/// When the file cannot be read or is wrong.
pub fn load(path: &Path, command_line: &Overrides) -> Result<Settings, SettingsError> {
    let bytes =
        atomic::read_bounded(path, FILE_BYTES_MAX).map_err(|source| SettingsError::Read {
            path: path.into(),
            source,
        })?;
    let (file, stage) = match bytes {
        Some(bytes) => parse(&bytes, path)?,
        None => Default::default(),
    };
    Ok(Settings {
        stage,
        ..Settings::from(&file.under(command_line))
    })
}

impl Overrides {
    fn under(self, above: &Overrides) -> Overrides {
        Overrides {
            slots: above.slots.or(self.slots),
            grace_seconds: above.grace_seconds.or(self.grace_seconds),
            log_bytes_max: above.log_bytes_max.or(self.log_bytes_max),
            queue_max: above.queue_max.or(self.queue_max),
            preparing_max: above.preparing_max.or(self.preparing_max),
            log_days: above.log_days.or(self.log_days),
            retention_days: above.retention_days.or(self.retention_days),
            retention_jobs: above.retention_jobs.or(self.retention_jobs),
            retention_bytes: above.retention_bytes.or(self.retention_bytes),
        }
    }
}

impl From<&Overrides> for Settings {
    fn from(set: &Overrides) -> Settings {
        let cpus =
            std::thread::available_parallelism().map_or(SLOTS_FALLBACK, std::num::NonZero::get);
        let count = |value: Option<u64>, default: u64| {
            usize::try_from(value.unwrap_or(default)).unwrap_or(usize::MAX)
        };
        Settings {
            capacity: Capacity {
                slots: set
                    .slots
                    .map_or(cpus, |slots| usize::try_from(slots).unwrap_or(usize::MAX)),
                preparing: count(set.preparing_max, PREPARING_MAX_DEFAULT),
                jobs: count(set.queue_max, QUEUE_MAX_DEFAULT),
            },
            grace_ms: set.grace_seconds.unwrap_or(GRACE_SECS_DEFAULT) * 1000,
            log_bytes_max: set.log_bytes_max.unwrap_or(LOG_BYTES_MAX_DEFAULT),
            log_days: count(set.log_days, LOG_DAYS_DEFAULT),
            retention: Rules {
                days: set.retention_days,
                jobs: set.retention_jobs,
                bytes: set.retention_bytes,
            },
            stage: StageSettings::default(),
        }
    }
}

/// A key of the file: its name, its bounds, and where its value goes.
struct Key {
    name: &'static str,
    range: RangeInclusive<u64>,
    put: fn(&mut Overrides, u64),
}

const KEYS: [Key; 9] = [
    Key {
        name: "slots",
        range: SLOTS,
        put: |set, value| set.slots = Some(value),
    },
    Key {
        name: "grace_seconds",
        range: GRACE_SECS,
        put: |set, value| set.grace_seconds = Some(value),
    },
    Key {
        name: "log_bytes_max",
        range: LOG_BYTES,
        put: |set, value| set.log_bytes_max = Some(value),
    },
    Key {
        name: "queue_max",
        range: LIVE_JOBS,
        put: |set, value| set.queue_max = Some(value),
    },
    Key {
        name: "preparing_max",
        range: PREPARING,
        put: |set, value| set.preparing_max = Some(value),
    },
    Key {
        name: "log_days",
        range: LOG_DAYS,
        put: |set, value| set.log_days = Some(value),
    },
    Key {
        name: "retention_days",
        range: RETENTION_DAYS,
        put: |set, value| set.retention_days = Some(value),
    },
    Key {
        name: "retention_jobs",
        range: RETENTION_JOBS,
        put: |set, value| set.retention_jobs = Some(value),
    },
    Key {
        name: "retention_bytes",
        range: RETENTION_BYTES,
        put: |set, value| set.retention_bytes = Some(value),
    },
];

fn parse(bytes: &[u8], path: &Path) -> Result<(Overrides, StageSettings), SettingsError> {
    let mut set = Default::default();
    let says_nothing = |line: &[u8]| matches!(line.trim_ascii_start().first(), None | Some(b'#'));
    if bytes.split(|byte| *byte == b'\n').all(says_nothing) {
        return Ok(set);
    }
    let mut diagnostics = match yaml::parse(bytes) {
        Err(found) => found,
        Ok(file) => take_all(&mut set, &file),
    };
    if diagnostics.is_empty() {
        return Ok(set);
    }
    for diagnostic in &mut diagnostics {
        diagnostic.file = Some(path.display().to_string());
    }
    Err(SettingsError::Invalid { diagnostics })
}

fn take_all(set: &mut (Overrides, StageSettings), file: &Node) -> Vec<Diagnostic> {
    let Value::Map(entries) = &file.value else {
        let message = format!(
            "the configuration must be a mapping, not {}",
            file.describe()
        );
        let finding = Diagnostic::error("not-a-mapping", file.span, message);
        return match file.value {
            Value::Null => Vec::new(),
            _ => vec![finding],
        };
    };
    let mut found = Vec::new();
    for entry in entries {
        match entry.key.text() {
            key if stage::KEYS.contains(&key) => {
                found.extend(stage::take(&mut set.1, key, &entry.value));
            }
            _ => found.extend(take(&mut set.0, &entry.key, &entry.value)),
        }
    }
    if found.is_empty() {
        found.extend(stage::check(&set.1, file));
    }
    found
}

fn take(set: &mut Overrides, key: &Node, value: &Node) -> Option<Diagnostic> {
    let name = key.text();
    let Some(known) = KEYS.iter().find(|known| known.name == name) else {
        return Some(unknown(name, key.span));
    };
    let number = match value.value {
        Value::Int(number) => u64::try_from(number).ok(),
        _ => None,
    };
    match number.filter(|number| known.range.contains(number)) {
        Some(number) => {
            (known.put)(set, number);
            None
        }
        None => {
            let message = format!("{} is not allowed", value.describe());
            let mut finding =
                Diagnostic::error("bad-value", value.span, message).with_help(format!(
                    "a whole number from {} to {}",
                    known.range.start(),
                    known.range.end()
                ));
            finding.path = name.into();
            Some(finding)
        }
    }
}

fn unknown(name: &str, span: Span) -> Diagnostic {
    let numbers = KEYS.iter().map(|key| key.name);
    let names: Vec<_> = numbers.chain(stage::KEYS).collect();
    let mut finding = Diagnostic::error("unknown-key", span, "this key is not known")
        .with_help(format!("known are {}", names.join(", ")));
    finding.path = name.into();
    finding
}
