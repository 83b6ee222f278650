//! The command line: the one definition behind parsing, help, completions and man pages.

mod alone;
mod cli;
mod data;
mod environment;
mod shared;
mod verbs;

#[cfg(test)]
mod tests;

pub use cli::{Cli, Command, Global};
pub use data::{AssetArgs, DataArgs, DataCommand, DataCreateArgs, DataListArgs, DataShowArgs};
pub use environment::{
    EnvironmentArgs, EnvironmentBuildArgs, EnvironmentCommand, EnvironmentListArgs,
    EnvironmentShowArgs,
};
pub use shared::{NamesArg, OutputArgs, WhichArgs};
pub use verbs::{
    CancelArgs, CompletionsArgs, DoctorArgs, DocumentKind, DownloadArgs, DumpArgs, InitArgs,
    JobKind, ListArgs, LogsArgs, ManArgs, RerunArgs, RunArgs, SchemaArgs, ShowArgs, StatusArgs,
    StreamArgs, SubmitArgs, ValidateArgs, WaitArgs,
};
