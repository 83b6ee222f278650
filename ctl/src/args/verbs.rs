//! The arguments of each verb.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use proto::status::Status;

use super::shared::{FilesArg, NameArg, OutputArgs, SetArgs, WhichArgs};

#[derive(Debug, Args)]
pub struct RunArgs {
    /// The job file; - reads standard input
    #[arg(value_name = "FILE", required_unless_present = "file_option")]
    file: Option<PathBuf>,
    /// The same, as `az ml job create` takes it
    #[arg(
        short = 'f',
        long = "file",
        value_name = "FILE",
        hide = true,
        conflicts_with = "file"
    )]
    file_option: Option<PathBuf>,
    #[command(flatten)]
    pub set: SetArgs,
    /// Only submit and print the name
    #[arg(short, long)]
    pub detach: bool,
    /// Do not escape control characters of the log on a terminal
    #[arg(long)]
    pub raw: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

impl RunArgs {
    /// The file; clap has seen to it that there is one.
    pub fn file(&self) -> PathBuf {
        self.file
            .as_ref()
            .or(self.file_option.as_ref())
            .cloned()
            .unwrap_or_default()
    }
}

#[derive(Debug, Args, Default)]
pub struct SubmitArgs {
    #[command(flatten)]
    pub files: FilesArg,
    #[command(flatten)]
    pub set: SetArgs,
    /// Follow the jobs, one after the other
    #[arg(short, long)]
    pub stream: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

impl SubmitArgs {
    /// Files and no options.
    pub fn of_files(files: &[OsString]) -> SubmitArgs {
        SubmitArgs {
            files: FilesArg::of(files),
            ..SubmitArgs::default()
        }
    }
}

#[derive(Debug, Args)]
pub struct RerunArgs {
    #[command(flatten)]
    pub name: NameArg,
    /// Follow the new job
    #[arg(short, long)]
    pub stream: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// The most jobs to list [default: 50]
    #[arg(short = 'r', long, value_name = "N", value_parser = parse_count)]
    pub max_results: Option<usize>,
    /// List all jobs, whatever --max-results says
    #[arg(
        long,
        alias = "all-results",
        num_args = 0..=1,
        default_value_t = false,
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "BOOL"
    )]
    pub all: bool,
    /// Only jobs in these statuses
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = parse_status)]
    pub status: Vec<Status>,
    /// Archived jobs too
    #[arg(long)]
    pub include_archived: bool,
    /// Archived jobs only
    #[arg(long, conflicts_with = "include_archived")]
    pub archived_only: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    pub name: NameArg,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct LogsArgs {
    #[command(flatten)]
    pub stream: StreamArgs,
    /// Begin with the last N lines
    #[arg(long, value_name = "N")]
    pub tail: Option<u64>,
    /// Go on until the job has ended; exit with its exit code
    #[arg(short, long)]
    pub follow: bool,
}

#[derive(Debug, Args)]
pub struct StreamArgs {
    #[command(flatten)]
    pub name: NameArg,
    /// Do not escape control characters on a terminal
    #[arg(long)]
    pub raw: bool,
}

#[derive(Debug, Args)]
pub struct CancelArgs {
    #[command(flatten)]
    pub which: WhichArgs,
    /// Kill at once, without a grace period
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct WaitArgs {
    #[command(flatten)]
    pub which: WhichArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct DumpArgs {
    /// The job: its name, a unique beginning of it, or @last
    #[arg(value_name = "NAME", required_unless_present = "name_option")]
    name: Option<String>,
    /// The file to write [default: standard output]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The job, as `az ml job` takes it
    #[arg(short = 'n', long = "name", value_name = "NAME", hide = true)]
    name_option: Option<String>,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}

impl DumpArgs {
    /// The job's name and the file. With `-n` the first argument is the file.
    pub fn name_and_file(&self) -> (String, Option<PathBuf>) {
        match (&self.name_option, &self.name) {
            (Some(name), file) => (name.clone(), file.as_ref().map(PathBuf::from)),
            (None, name) => (name.clone().unwrap_or_default(), self.file.clone()),
        }
    }
}

#[derive(Debug, Args)]
pub struct DownloadArgs {
    #[command(flatten)]
    pub name: NameArg,
    /// The artifacts (logs, ./outputs) and all named outputs [default: the artifacts]
    #[arg(long)]
    pub all: bool,
    /// This named output only
    #[arg(long, value_name = "OUTPUT", conflicts_with = "all")]
    pub output_name: Option<String>,
    /// The folder in which a folder of the job's name is made
    #[arg(
        short,
        long,
        alias = "download-path",
        value_name = "DIR",
        default_value = ".",
        hide_default_value = true
    )]
    pub path: PathBuf,
}

#[derive(Debug, Args)]
pub struct ValidateArgs {
    #[command(flatten)]
    pub files: FilesArg,
    #[command(flatten)]
    pub set: SetArgs,
    /// Refuse what has only a note or a warning
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A type of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum JobKind {
    /// One command
    Command,
    /// One command tried with many values
    Sweep,
    /// Steps that wait for each other's outputs
    Pipeline,
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// The type of the job
    #[arg(value_enum, value_name = "TYPE")]
    pub kind: JobKind,
    /// The file to write [default: standard output]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DocumentKind {
    /// A command job
    Command,
    /// A sweep job
    Sweep,
    /// A pipeline job
    Pipeline,
    /// A component
    Component,
}

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// What the files hold [default: jobs of every type]
    #[arg(value_enum, value_name = "TYPE")]
    pub kind: Option<DocumentKind>,
}

#[derive(Debug, Args, Default)]
pub struct StatusArgs {
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder; it must exist
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

pub(super) fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("a whole number from 1 on is needed".into()),
    }
}

fn parse_status(text: &str) -> Result<Status, String> {
    Status::from_name(text).ok_or_else(|| {
        let names: Vec<_> = Status::ALL.iter().map(|status| status.name()).collect();
        format!("the statuses are {}", names.join(", "))
    })
}
