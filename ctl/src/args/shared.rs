//! Arguments that several verbs take: output forms, jobs, files. What they are stands in ordinary
//! comments: clap would take a documentation for that of each verb that takes them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use proto::job::Override;

use crate::output::{Format, query};

// How results are printed.
#[derive(Debug, Args, Default)]
pub struct OutputArgs {
    /// The output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// A JMESPath query over the JSON form (<https://jmespath.org>)
    #[arg(long, value_name = "JMESPATH", value_parser = query::check)]
    pub query: Option<String>,
}

// One job, named as an argument or by `-n`.
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

// One or more jobs.
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

// Some jobs, or all that have not ended.
#[derive(Debug, Args)]
pub struct WhichArgs {
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
}

impl WhichArgs {
    /// All names, in order.
    pub fn names(&self) -> Vec<String> {
        [self.names.as_slice(), self.options.as_slice()].concat()
    }
}

// One or more job files.
#[derive(Debug, Args, Default)]
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
    /// These files.
    pub fn of(files: &[OsString]) -> FilesArg {
        FilesArg {
            files: files.iter().map(PathBuf::from).collect(),
            options: Vec::new(),
        }
    }

    /// All files, in order.
    pub fn files(self) -> Vec<PathBuf> {
        [self.files, self.options].concat()
    }
}

// Values that take the place of a file's.
#[derive(Debug, Args, Default)]
pub struct SetArgs {
    /// Put a value into the file before it is checked, such as limits.timeout=60; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
}
