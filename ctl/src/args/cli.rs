//! The command itself: its verbs and what they all take.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::alone;
use super::data::DataArgs;
use super::environment::EnvironmentArgs;
use super::shared::NamesArg;
use super::verbs::{
    CancelArgs, CompletionsArgs, DoctorArgs, DownloadArgs, DumpArgs, InitArgs, ListArgs, LogsArgs,
    ManArgs, RerunArgs, RunArgs, SchemaArgs, ShowArgs, StatusArgs, StreamArgs, SubmitArgs,
    ValidateArgs, WaitArgs,
};

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

impl Cli {
    /// What the words of a command line, the program's name first, ask for.
    ///
    /// # Errors
    /// Help, the version, or what is wrong with them.
    pub fn read(words: &[OsString]) -> Result<Cli, clap::Error> {
        let alone = words
            .split_first()
            .and_then(|(_, words)| alone::read(words));
        alone.map_or_else(|| Cli::try_parse_from(words), Ok)
    }
}

// What every verb takes. Not documentation, which clap would take for that of the verbs.
#[derive(Debug, Args, Default)]
pub struct Global {
    /// Talk to the daemon at this socket and never start one [env: JOBD_SOCKET]
    #[arg(long, global = true, value_name = "PATH", help_heading = "Daemon")]
    pub socket: Option<PathBuf>,
    /// Do not start a daemon when none answers [env: JOBD_NO_START=1]
    #[arg(long, global = true, help_heading = "Daemon")]
    pub no_start: bool,
    #[command(flatten)]
    pub azure: Azure,
}

// Options of `az ml job` that have no meaning on one machine: accepted and ignored.
#[derive(Debug, Args, Default)]
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

// The arguments of a verb are made when it is asked for: they are most of a start's time.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Submit a job, print its log live and exit with its exit code
    Run(RunArgs),
    /// Submit jobs and print their names; all of them or none
    #[command(visible_alias = "create")]
    Submit(SubmitArgs),
    /// Run a job again as a new one, with the code, data and environment that it used
    Rerun(RerunArgs),
    /// Bring what a job has made where it belongs once more, where that has failed
    RetryFinalize(NamesArg),
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
    /// Copy what a job has left into a folder: artifacts/ and named-outputs/
    Download(DownloadArgs),
    /// Write a job as an Azure ML job file
    Dump(DumpArgs),
    /// Check files of jobs and components without submitting them
    Validate(ValidateArgs),
    /// Write a commented job file to begin with
    Init(InitArgs),
    /// Print the JSON Schema of job files, for completion and hover in editors
    Schema(SchemaArgs),
    /// Hide ended jobs from lists
    Archive(NamesArg),
    /// Show archived jobs in lists again
    Restore(NamesArg),
    /// Register data under names and versions, and look at what is registered
    Data(DataArgs),
    /// Look at the environments that are registered, and build them ahead
    #[command(visible_alias = "env")]
    Environment(EnvironmentArgs),
    /// Show how the daemon does: version, slots, queue, paths
    Status(StatusArgs),
    /// Say what is weaker on this machine and check the store; exit code 1 when something is broken
    Doctor(DoctorArgs),
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
