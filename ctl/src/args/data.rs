//! The arguments of `data`: registered data, and assets named on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use proto::job::Override;

use super::shared::{OutputArgs, SetArgs};
use super::verbs::parse_count;

#[derive(Debug, Args)]
pub struct DataArgs {
    #[command(subcommand)]
    pub command: DataCommand,
}

#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Register data under a name; without a version it gets the next number
    Create(DataCreateArgs),
    /// List the newest version of each name, or all versions of one
    #[command(visible_alias = "ls")]
    List(DataListArgs),
    /// Show a version, or the newest one
    Show(DataShowArgs),
    /// Hide a version, or all of a name, from lists and from @latest
    Archive(AssetArgs),
    /// Show an archived version, or all of a name, again
    Restore(AssetArgs),
}

#[derive(Debug, Args)]
pub struct DataCreateArgs {
    /// A data asset's file (name, version, type, path, description, tags); - reads standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The same, as `az ml data create` takes it
    #[arg(
        short = 'f',
        long = "file",
        value_name = "FILE",
        hide = true,
        conflicts_with = "file"
    )]
    file_option: Option<PathBuf>,
    /// The name
    #[arg(short, long)]
    name: Option<String>,
    /// The version; it must be new [default: the next number]
    #[arg(short, long)]
    version: Option<String>,
    /// uri_folder, uri_file, mltable or a type of models [default: uri_folder]
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Where the data is: a path or a URI
    #[arg(short, long)]
    pub path: Option<String>,
    /// A description for people
    #[arg(short, long)]
    description: Option<String>,
    #[command(flatten)]
    set: SetArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

impl DataCreateArgs {
    /// The file, where there is one.
    pub fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref().or(self.file_option.as_ref())
    }

    /// The options as values that take the place of the file's. `path` is the one option as it
    /// is seen from everywhere.
    pub fn overrides(&self, path: Option<String>) -> Vec<Override> {
        let options = [
            ("name", self.name.clone()),
            ("version", self.version.clone()),
            ("type", self.kind.clone()),
            ("path", path),
            ("description", self.description.clone()),
        ];
        let given = options.into_iter().filter_map(|(key, value)| {
            Some(Override {
                path: key.into(),
                value: value?,
            })
        });
        given.chain(self.set.set.iter().cloned()).collect()
    }
}

#[derive(Debug, Args)]
pub struct DataListArgs {
    /// List all versions of this name
    #[arg(short, long)]
    pub name: Option<String>,
    /// The most assets to list [default: 50]
    #[arg(short = 'r', long, value_name = "N", value_parser = parse_count)]
    pub max_results: Option<usize>,
    /// List all, whatever --max-results says
    #[arg(long)]
    pub all: bool,
    /// Archived assets too
    #[arg(long)]
    pub include_archived: bool,
    /// Archived assets only
    #[arg(long, conflicts_with = "include_archived")]
    pub archived_only: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct DataShowArgs {
    #[command(flatten)]
    pub asset: AssetArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

// An asset, named as an argument or by `-n` and `-v`.
#[derive(Debug, Args)]
pub struct AssetArgs {
    /// The asset: NAME, NAME:VERSION or NAME@latest
    #[arg(value_name = "ASSET", required_unless_present = "name_option")]
    asset: Option<String>,
    /// The name, as `az ml` takes it
    #[arg(
        short = 'n',
        long = "name",
        value_name = "NAME",
        hide = true,
        conflicts_with = "asset"
    )]
    name_option: Option<String>,
    /// The version, as `az ml` takes it
    #[arg(short, long, hide = true, conflicts_with_all = ["asset", "label"])]
    version: Option<String>,
    /// The label, as `az ml` takes it
    #[arg(short, long, hide = true, conflicts_with = "asset", value_parser = ["latest"])]
    label: Option<String>,
}

impl AssetArgs {
    /// The name and the version; no version for the newest one, or for all of them.
    pub fn name_and_version(self) -> (String, Option<String>) {
        let text = self.asset.or(self.name_option).unwrap_or_default();
        let text = text.strip_prefix("azureml:").unwrap_or(&text);
        if let Some(name) = text.strip_suffix("@latest") {
            return (name.into(), None);
        }
        match text.split_once(':') {
            Some((name, version)) => (name.into(), Some(version.into())),
            None => (text.into(), self.version),
        }
    }
}
