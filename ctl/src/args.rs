//! The command line: the one definition behind parsing, help, completions and man pages.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use proto::status::Status;

use crate::output::{Format, query};

/// Runs Azure ML jobs on this machine: the client of jobd
#[derive(Debug, Parser)]
#[command(
    name = "jobctl",
    version,
    after_help = "A NAME is a job's name, a unique beginning of it, or @last.\n\
        Exit codes of run: the job's own; 128+N when signal N ended it; 124 when its time limit \
        did; 126 and 127 when it could not be started; 125 for errors of jobctl itself."
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every verb takes.
#[derive(Debug, Args)]
pub struct Global {
    /// Talk to the daemon at this socket and never start one [env: JOBD_SOCKET]
    #[arg(long, global = true, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Do not start a daemon when none answers [env: JOBD_NO_START=1]
    #[arg(long, global = true)]
    pub no_start: bool,
    #[command(flatten)]
    pub azure: Azure,
}

/// Options of `az ml job` that have no meaning on one machine: accepted and ignored.
#[derive(Debug, Args)]
pub struct Azure {
    /// Ignored
    #[arg(short = 'g', long, global = true, hide = true)]
    resource_group: Option<String>,
    /// Ignored
    #[arg(short = 'w', long, global = true, hide = true)]
    workspace_name: Option<String>,
    /// Ignored
    #[arg(long, global = true, hide = true)]
    subscription: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Submit a job, print its log live and exit with its exit code
    Run(RunArgs),
    /// Submit jobs and print their names; all of them or none
    #[command(visible_alias = "create")]
    Submit(SubmitArgs),
    /// List jobs, newest first
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Show a job with the history of its statuses
    Show(ShowArgs),
    /// Print the log of a job
    Logs(LogsArgs),
    /// Print the log of a job live and exit with its exit code (`logs --follow`)
    Stream(StreamArgs),
    /// Ask for the end of jobs: TERM, a grace period, KILL
    Cancel(CancelArgs),
    /// Wait until jobs have ended; exit code 0 when all are Completed, else 1
    Wait(WaitArgs),
    /// Write a job as an Azure ML job file
    Dump(DumpArgs),
    /// Check job files without submitting them
    Validate(ValidateArgs),
    /// Hide ended jobs from lists
    Archive(NamesArg),
    /// Show archived jobs in lists again
    Restore(NamesArg),
    /// Show how the daemon does: version, slots, queue, paths
    Status(StatusArgs),
    /// Stop taking jobs from the queue; running jobs go on
    Pause,
    /// Take jobs from the queue again
    Resume,
    /// End the daemon; running jobs go on and the next daemon takes them over
    Shutdown,
    /// Print shell completions
    Completions(CompletionsArgs),
    /// Write the man pages into a folder
    Man(ManArgs),
}

/// How results are printed.
#[derive(Debug, Args, Default)]
pub struct OutputArgs {
    /// The output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// A JMESPath query over the JSON form (<https://jmespath.org>)
    #[arg(long, value_name = "JMESPATH", value_parser = query::check)]
    pub query: Option<String>,
}

/// One job, named as an argument or by `-n`.
#[derive(Debug, Args)]
pub struct NameArg {
    /// The job: its name, a unique beginning of it, or @last
    #[arg(value_name = "NAME", required_unless_present = "name_option")]
    name: Option<String>,
    /// The same, as `az ml job` takes it
    #[arg(
        short = 'n',
        long = "name",
        value_name = "NAME",
        hide = true,
        conflicts_with = "name"
    )]
    name_option: Option<String>,
}

impl NameArg {
    /// The name; clap has seen to it that there is one.
    pub fn name(self) -> String {
        self.name.or(self.name_option).unwrap_or_default()
    }
}

/// One or more jobs.
#[derive(Debug, Args)]
pub struct NamesArg {
    /// The jobs: names, unique beginnings of names, or @last
    #[arg(value_name = "NAME", required_unless_present = "name_options")]
    names: Vec<String>,
    /// The same, as `az ml job` takes it
    #[arg(
        id = "name_options",
        short = 'n',
        long = "name",
        value_name = "NAME",
        hide = true
    )]
    options: Vec<String>,
}

impl NamesArg {
    /// All names, in order.
    pub fn names(self) -> Vec<String> {
        [self.names, self.options].concat()
    }
}

/// One or more job files.
#[derive(Debug, Args)]
pub struct FilesArg {
    /// The job files; - reads standard input
    #[arg(value_name = "FILE", required_unless_present = "file_options")]
    files: Vec<PathBuf>,
    /// The same, as `az ml job create` takes it
    #[arg(
        id = "file_options",
        short = 'f',
        long = "file",
        value_name = "FILE",
        hide = true
    )]
    options: Vec<PathBuf>,
}

impl FilesArg {
    /// All files, in order.
    pub fn files(self) -> Vec<PathBuf> {
        [self.files, self.options].concat()
    }
}

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

#[derive(Debug, Args)]
pub struct SubmitArgs {
    #[command(flatten)]
    pub files: FilesArg,
    /// Follow the jobs, one after the other
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
    pub names: NamesArg,
    /// Kill at once, without a grace period
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct WaitArgs {
    /// The jobs: names, unique beginnings of names, or @last
    #[arg(value_name = "NAME", required_unless_present_any = ["all", "name_options"])]
    names: Vec<String>,
    /// The same, as `az ml job` takes it
    #[arg(
        id = "name_options",
        short = 'n',
        long = "name",
        value_name = "NAME",
        hide = true
    )]
    options: Vec<String>,
    /// All jobs that have not ended
    #[arg(long, conflicts_with_all = ["names", "name_options"])]
    pub all: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

impl WaitArgs {
    /// All names, in order.
    pub fn names(&self) -> Vec<String> {
        [self.names.as_slice(), self.options.as_slice()].concat()
    }
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
pub struct ValidateArgs {
    #[command(flatten)]
    pub files: FilesArg,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
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

fn parse_count(text: &str) -> Result<usize, String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        let words = std::iter::once("jobctl").chain(line.split_whitespace());
        Cli::try_parse_from(words).map(|cli| cli.command)
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn habits_of_az_ml_job_are_accepted() {
        for line in [
            "create -f a.yml -g group -w space --subscription id",
            "create --file a.yml --query name -o tsv",
            "show -n job --query status -o tsv -w space",
            "stream -n job",
            "cancel -n job",
            "archive --name job",
            "list -r 3 --all-results false -o jsonc",
            "list --all-results true -o yamlc",
            "ls --query [].{Name:name} -o none",
        ] {
            parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for line in [
            "",
            "run",
            "show",
            "show a -n b",
            "wait",
            "wait --all a",
            "list -r 0",
            "list --status Done",
            "list --query [",
            "show a -o xml",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn dump_takes_the_name_in_both_ways() {
        for line in ["dump a f.yml", "dump -n a f.yml"] {
            let Ok(Command::Dump(args)) = parse(line) else {
                panic!("{line}");
            };
            let expected = ("a".to_owned(), Some(PathBuf::from("f.yml")));
            assert_eq!(args.name_and_file(), expected, "{line}");
        }
    }
}
