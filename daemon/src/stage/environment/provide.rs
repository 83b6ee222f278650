//! From what a job asks for to what it gets.

use std::io;
use std::path::PathBuf;

use proto::job::Environment;
use proto::stage::{
    EnvironmentName, EnvironmentPolicy, EnvironmentReport, PrepareReport, StageOrder,
};

use super::container::{self, Outcome};
use super::definition::{CondaFile, Definition, DefinitionError, local};
use super::digest::DigestError;
use super::program::ProgramError;
use super::registry::{self, RegistryError};
use super::{conda, tools, trim, venv};
use crate::stage::meter::Meter;
use crate::sys::lock::LockError;

/// What is done where nothing else can be had.
const OF_THE_MACHINE: &str = "the machine's own programs and packages are used";

/// Why there is no environment.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// The registry has none.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Its definition is none.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// It can be had only in part, and the policy is strict.
    #[error("{0} (the configuration has environment_policy: strict)")]
    NotAsAsked(String),
    /// A program that builds it failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A folder or file that it needs.
    #[error("{operation} {path}: {source}")]
    Folder {
        /// What was to be done with it.
        operation: &'static str,
        /// The folder or file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The lock of those that build it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Another builds it for too long.
    #[error("wait for {what}: {builder} was still building it after {secs} s")]
    Waited {
        /// What is built.
        what: String,
        /// Who builds it.
        builder: String,
        /// How long it was waited for, in seconds.
        secs: u64,
    },
    /// What it is built from cannot be read.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The conda file cannot be written anew.
    #[error("write the conda file: {0}")]
    Text(serde_json::Error),
    /// There is no interpreter.
    #[error("make a virtual environment: no Python with the module venv is on PATH")]
    NoPython,
    /// The build has no Dockerfile.
    #[error("build the image: there is no file {0}")]
    NoDockerfile(PathBuf),
    /// A runtime could not be told of the path.
    #[error("mount {0}: a comma, a quote or a line break in a path cannot be told to a container")]
    Unmountable(PathBuf),
    /// `docker_args` are not words.
    #[error("read resources.docker_args: a quote is not closed")]
    Quote,
}

/// One environment to provide.
pub(super) struct Task<'a> {
    pub(super) order: &'a StageOrder,
    pub(super) prepared: &'a PrepareReport,
    pub(super) meter: &'a Meter,
    /// As the job calls it.
    pub(super) name: String,
    notes: Vec<String>,
}

impl Task<'_> {
    /// Something is not what was asked for: the policy says whether that will do.
    pub(super) fn deviate(&mut self, what: String) -> Result<(), EnvironmentError> {
        let what = format!("environment {}: {what}", self.name);
        match self.order.settings.environment_policy {
            EnvironmentPolicy::Strict => Err(EnvironmentError::NotAsAsked(what)),
            EnvironmentPolicy::BestEffort | EnvironmentPolicy::Host => {
                println!("{what}");
                self.notes.push(what);
                Ok(())
            }
        }
    }
}

/// Provides it; with what the user should know. `prepared` has the mounts of the inputs, which a
/// container must see.
///
/// # Errors
/// See [`EnvironmentError`].
pub fn provide(
    order: &StageOrder,
    wanted: &Environment,
    prepared: &PrepareReport,
    meter: &Meter,
) -> Result<(EnvironmentReport, Vec<String>), EnvironmentError> {
    let mut task = Task {
        order,
        prepared,
        meter,
        name: wanted.summary().into(),
        notes: Vec::new(),
    };
    let report = find(&mut task, wanted).and_then(|found| match found {
        Some(definition) => choose(&mut task, &definition),
        None => Ok(host(&task.name)),
    });
    // Also for who tries again on a disk that was full.
    trim::trim(order);
    Ok((report?, task.notes))
}

/// The definition; none where only the machine itself can be had.
fn find(task: &mut Task<'_>, wanted: &Environment) -> Result<Option<Definition>, EnvironmentError> {
    let reference = match wanted {
        Environment::Inline(map) => {
            let definition = Definition::from_map(map, &task.order.base_path, "environment")?;
            return Ok(Some(definition));
        }
        Environment::Reference(reference) => reference,
    };
    let Some(name) = EnvironmentName::parse(reference) else {
        let path = local(reference, &task.order.base_path);
        return Ok(Some(Definition::read(&path)?));
    };
    match registry::find(&task.order.settings, &name) {
        Ok(definition) => Ok(Some(definition)),
        Err(error @ RegistryError::Definition(_)) => Err(error.into()),
        Err(error) => {
            task.deviate(format!("{error}: {OF_THE_MACHINE}"))?;
            Ok(None)
        }
    }
}

fn choose(
    task: &mut Task<'_>,
    definition: &Definition,
) -> Result<EnvironmentReport, EnvironmentError> {
    let name = task.name.clone();
    let conda = definition
        .conda
        .as_ref()
        .map(|conda| conda.load(&name))
        .transpose()?;
    if definition.image.is_some() || definition.build.is_some() {
        match container::provide(task, definition, conda.as_ref())? {
            Outcome::Provided(report) => return Ok(*report),
            Outcome::Unavailable(why) => {
                let instead = match conda {
                    Some(_) => "its conda file is used without the image",
                    None => OF_THE_MACHINE,
                };
                task.deviate(format!("no container ({why}): {instead}"))?;
            }
        }
    } else if conda.is_none() {
        task.deviate(format!(
            "it names neither packages nor an image: {OF_THE_MACHINE}"
        ))?;
    }
    match conda {
        Some(conda) => packages(task, &conda),
        None => Ok(host(&task.name)),
    }
}

fn packages(task: &mut Task<'_>, conda: &CondaFile) -> Result<EnvironmentReport, EnvironmentError> {
    match tools::first(tools::CONDA) {
        Some(tool) => conda::provide(task, conda, &tool),
        None => venv::provide(task, conda),
    }
}

/// The machine itself, in the place of an environment.
pub(in crate::stage) fn host(name: &str) -> EnvironmentReport {
    EnvironmentReport {
        name: name.into(),
        backend: "host".into(),
        ..EnvironmentReport::default()
    }
}
