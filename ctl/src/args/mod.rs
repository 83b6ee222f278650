//! The command line: the one definition behind parsing, help, completions and man pages.

mod cli;
mod shared;
mod verbs;

#[cfg(test)]
mod tests;

pub use cli::{Cli, Command, Global};
pub use shared::{NamesArg, OutputArgs};
pub use verbs::{
    CancelArgs, CompletionsArgs, DumpArgs, ListArgs, LogsArgs, ManArgs, RunArgs, ShowArgs,
    StatusArgs, StreamArgs, SubmitArgs, ValidateArgs, WaitArgs,
};
