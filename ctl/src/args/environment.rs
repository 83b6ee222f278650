//! The arguments of `environment`: the registry of environments.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::data::AssetArgs;
use super::shared::OutputArgs;

#[derive(Debug, Args)]
pub struct EnvironmentArgs {
    #[command(subcommand)]
    pub command: EnvironmentCommand,
}

#[derive(Debug, Subcommand)]
pub enum EnvironmentCommand {
    /// List the environments that are registered, and what a job would get of each
    #[command(visible_alias = "ls")]
    List(EnvironmentListArgs),
    /// Show a version of an environment, or the latest
    Show(EnvironmentShowArgs),
    /// Build an environment, so that the first job need not wait for it
    Build(EnvironmentBuildArgs),
}

#[derive(Debug, Args)]
pub struct EnvironmentListArgs {
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct EnvironmentShowArgs {
    #[command(flatten)]
    pub environment: AssetArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct EnvironmentBuildArgs {
    /// The environment as a job names it: NAME, NAME:VERSION, NAME@latest, azureml:…
    #[arg(value_name = "ENVIRONMENT", required_unless_present = "file")]
    name: Option<String>,
    /// An environment's file instead of a name
    #[arg(short, long, value_name = "FILE", conflicts_with = "name")]
    file: Option<PathBuf>,
}

impl EnvironmentBuildArgs {
    /// What a job file would say, as it is seen from the working folder.
    pub fn reference(&self) -> String {
        match (&self.file, &self.name) {
            (Some(file), _) => format!("file:{}", file.display()),
            (None, Some(name)) if name.starts_with("azureml:") => name.clone(),
            (None, name) => format!("azureml:{}", name.as_deref().unwrap_or_default()),
        }
    }
}
