//! The registry: a folder of Azure ML environment files, and below it what jobd brings.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proto::stage::{
    EnvironmentDetail, EnvironmentList, EnvironmentName, EnvironmentPick, EnvironmentRefusal,
    EnvironmentSummary, StageSettings,
};

use super::definition::{Definition, DefinitionError};
use super::{choice, file, shipped};

/// Files of the registry at most; more are not looked at.
pub const REGISTRY_FILES_MAX: usize = 1_000;

/// Why there is no such environment.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It is nowhere.
    #[error("environment {0} is not in the registry")]
    Unknown(String),
    /// It is, but not in this version.
    #[error("environment {name} has no {pick}, only {versions}")]
    Version {
        /// Its name.
        name: String,
        /// What was asked for.
        pick: String,
        /// What there is.
        versions: String,
    },
    /// Its file is refused.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
}

/// The folder as it was read.
#[derive(Debug, Default)]
struct Folder {
    /// Name → versions, the latest first.
    environments: BTreeMap<String, Vec<Definition>>,
    refused: Vec<(PathBuf, DefinitionError)>,
}

/// Whether a job that uses that name is to be prepared: there is such an environment, or a file of
/// that name is refused, which the job must be told. The folder is read only for a name that jobd
/// does not bring.
pub(in crate::stage) fn is_known(settings: &StageSettings, name: &str) -> bool {
    if shipped::has(name) {
        return true;
    }
    let folder = Folder::read(settings);
    let has = |name: &str| folder.environments.contains_key(name);
    has(name) || has(shipped::plain(name)) || folder.refused(name).is_some()
}

/// What `jobctl environment list` shows.
#[must_use]
pub fn list(settings: &StageSettings) -> EnvironmentList {
    let folder = Folder::read(settings);
    let mut all: BTreeMap<String, EnvironmentSummary> = BTreeMap::new();
    for name in shipped::listed() {
        if let Some(Ok(definition)) = shipped::find(name) {
            all.insert(name.into(), summary(name, &[definition]));
        }
    }
    for (name, versions) in &folder.environments {
        all.insert(name.clone(), summary(name, versions));
    }
    let refused = folder.refused.into_iter();
    EnvironmentList {
        environments: all.into_values().collect(),
        refused: refused
            .map(|(path, error)| EnvironmentRefusal {
                file: path.display().to_string(),
                reason: error.to_string(),
            })
            .collect(),
    }
}

/// What `jobctl environment show NAME` shows of a version, or of the latest.
///
/// # Errors
/// See [`RegistryError`].
pub fn show(
    settings: &StageSettings,
    name: &str,
    version: Option<&str>,
) -> Result<EnvironmentDetail, RegistryError> {
    let pick = version.map_or(EnvironmentPick::Latest, |version| {
        EnvironmentPick::Version(version.into())
    });
    let wanted = EnvironmentName {
        name: name.into(),
        pick,
    };
    let definition = find(settings, &wanted)?;
    let conda = definition
        .conda
        .as_ref()
        .map(|conda| conda.load(name))
        .transpose()?;
    let packages = conda.map(|conda| conda.packages).unwrap_or_default();
    let context = definition
        .build
        .as_ref()
        .map(|build| build.context.display().to_string());
    Ok(EnvironmentDetail {
        name: name.into(),
        version: version_of(&definition).into(),
        backend: choice::expected(&definition).into(),
        file: file_of(&definition),
        image: definition.image.clone().or(context),
        python: packages.python.map(|python| python.to_string()),
        requirements: packages.requirements,
        conda_only: packages.conda_only,
        description: definition.description,
    })
}

/// The definition of a name: of the folder, with or without the prefix of the curated, and then
/// of what jobd brings.
pub(super) fn find(
    settings: &StageSettings,
    wanted: &EnvironmentName,
) -> Result<Definition, RegistryError> {
    let mut folder = Folder::read(settings);
    let name = wanted.name.as_str();
    for name in [name, shipped::plain(name)] {
        if let Some(versions) = folder.environments.remove(name) {
            return pick(name, versions, &wanted.pick);
        }
    }
    if let Some(at) = folder.refused(name) {
        return Err(folder.refused.swap_remove(at).1.into());
    }
    match shipped::find(name) {
        Some(definition) => Ok(definition?),
        None => Err(RegistryError::Unknown(name.into())),
    }
}

fn pick(
    name: &str,
    versions: Vec<Definition>,
    pick: &EnvironmentPick,
) -> Result<Definition, RegistryError> {
    let all = || {
        versions
            .iter()
            .map(version_of)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let (wanted, at) = match pick {
        EnvironmentPick::Latest => ("latest version".to_owned(), Some(0)),
        EnvironmentPick::Label(label) => (format!("label {label}"), None),
        EnvironmentPick::Version(version) => {
            let is = |one: &Definition| version_of(one) == version;
            (format!("version {version}"), versions.iter().position(is))
        }
    };
    let missing = RegistryError::Version {
        name: name.into(),
        pick: wanted,
        versions: all(),
    };
    at.and_then(|at| versions.into_iter().nth(at))
        .ok_or(missing)
}

fn summary(name: &str, versions: &[Definition]) -> EnvironmentSummary {
    let latest = versions.first();
    EnvironmentSummary {
        name: name.into(),
        versions: versions
            .iter()
            .map(|one| version_of(one).to_owned())
            .collect(),
        description: latest.and_then(|latest| latest.description.clone()),
        backend: latest.map_or("host", choice::expected).into(),
        file: latest.and_then(file_of),
    }
}

fn version_of(definition: &Definition) -> &str {
    definition.version.as_deref().unwrap_or(shipped::VERSION)
}

fn file_of(definition: &Definition) -> Option<String> {
    definition
        .file
        .as_ref()
        .map(|file| file.display().to_string())
}

impl Folder {
    fn read(settings: &StageSettings) -> Folder {
        let mut folder = Folder::default();
        for path in settings.environments.iter().flat_map(|path| files(path)) {
            match Definition::read(&path) {
                Ok(definition) => folder.add(&path, definition),
                Err(_) if is_conda_file(&path) => {}
                Err(error) => folder.refused.push((path, error)),
            }
        }
        for versions in folder.environments.values_mut() {
            versions.sort_by(|one, other| order(version_of(other), version_of(one)));
        }
        folder
    }

    /// Where the refused file of that name is.
    fn refused(&self, name: &str) -> Option<usize> {
        let named = |path: &Path| path.file_stem().is_some_and(|stem| stem == name);
        self.refused.iter().position(|(path, _)| named(path))
    }

    /// A file that names nothing is named like the file.
    fn add(&mut self, path: &Path, definition: Definition) {
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let name = definition.name.clone().or(stem).unwrap_or_default();
        self.environments.entry(name).or_default().push(definition);
    }
}

/// The files of the folder, by name; none where there is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| is_yaml(path)).collect();
    paths.sort();
    paths.truncate(REGISTRY_FILES_MAX);
    paths
}

fn is_yaml(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let ends = |end: &str| path.extension().is_some_and(|extension| extension == end);
    !hidden && (ends("yml") || ends("yaml"))
}

/// The conda files of environments may lie beside them.
fn is_conda_file(path: &Path) -> bool {
    file::mapping(path, &[]).is_ok_and(|map| map.contains_key("dependencies"))
}

/// Versions by the numbers and words in them: 9 comes before 10.
fn order(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (chunks(one), chunks(other));
    loop {
        let (left, right) = (one.next(), other.next());
        let ordered = match (left, right) {
            (None, None) => return Ordering::Equal,
            (Some(left), Some(right)) => compare(left, right),
            (left, right) => left.cmp(&right),
        };
        if ordered.is_ne() {
            return ordered;
        }
    }
}

fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let same = |a: u8, b: u8| a.is_ascii_digit() == b.is_ascii_digit();
    text.as_bytes()
        .chunk_by(move |a, b| same(*a, *b))
        .filter_map(|chunk| std::str::from_utf8(chunk).ok())
}

fn compare(left: &str, right: &str) -> Ordering {
    match (left.parse::<u64>(), right.parse::<u64>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        _ => left.cmp(right),
    }
}

#[cfg(test)]
mod tests;
