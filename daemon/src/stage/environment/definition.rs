//! What an environment consists of, wherever it was defined.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::file::{self, FileError};
use super::packages::Packages;
use super::requirements::{self, INCLUDED_FILES_MAX};

/// The keys of an environment file: Azure ML refuses others.
const KEYS: &[&str] = &[
    "$schema",
    "name",
    "version",
    "description",
    "image",
    "conda_file",
    "build",
    "os_type",
    "inference_config",
    "tags",
    "properties",
    "datastore",
    "auto_delete_setting",
    "id",
    "creation_context",
];

/// Why a definition is none.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// A file of it.
    #[error(transparent)]
    File(#[from] FileError),
    /// A field has a value of another kind.
    #[error("{origin}: {field}: expected {expected}")]
    Kind {
        /// The file or the job.
        origin: String,
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Files that include each other without an end.
    #[error("read {0}: requirements include each other too deeply")]
    Depth(PathBuf),
    /// Files that include too many others.
    #[error("read {0}: requirements include more than {INCLUDED_FILES_MAX} files")]
    Files(PathBuf),
}

/// An environment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Definition {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) description: Option<String>,
    /// The file; none for a job's own and for what jobd brings.
    pub(super) file: Option<PathBuf>,
    pub(super) image: Option<String>,
    pub(super) build: Option<Build>,
    pub(super) conda: Option<Conda>,
}

/// An image that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Build {
    /// The folder.
    pub(super) context: PathBuf,
    /// Relative to it.
    pub(super) dockerfile: PathBuf,
}

/// `conda_file`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Conda {
    File(PathBuf),
    Inline(Map<String, Json>, PathBuf),
}

/// The content of a conda file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CondaFile {
    /// As it is, but for the requirements that its pip part includes.
    pub(super) content: Map<String, Json>,
    /// Against which its relative paths resolve.
    pub(super) folder: PathBuf,
    /// The same for pip.
    pub(super) packages: Packages,
}

impl Definition {
    /// From a file of its own.
    pub(super) fn read(path: &Path) -> Result<Definition, DefinitionError> {
        let map = file::mapping(path, KEYS)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let origin = path.display().to_string();
        let mut definition = Definition::from_map(&map, folder, &origin)?;
        definition.file = Some(path.into());
        Ok(definition)
    }

    /// From a text that jobd brings.
    pub(super) fn parse(text: &str, origin: &str) -> Result<Definition, DefinitionError> {
        let map = file::parse(text.as_bytes(), origin, KEYS)?;
        Definition::from_map(&map, Path::new("/"), origin)
    }

    /// From the fields; relative paths are seen from `folder`.
    pub(super) fn from_map(
        map: &Map<String, Json>,
        folder: &Path,
        origin: &str,
    ) -> Result<Definition, DefinitionError> {
        let text = |field: &'static str| match map.get(field) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(kind(origin, field, "a text")),
        };
        Ok(Definition {
            name: text("name")?,
            version: text("version")?,
            description: text("description")?,
            file: None,
            image: text("image")?,
            build: build(map.get("build"), folder, origin)?,
            conda: conda(map.get("conda_file"), folder, origin)?,
        })
    }
}

impl Conda {
    /// Reads it.
    pub(super) fn load(&self, origin: &str) -> Result<CondaFile, DefinitionError> {
        let (mut content, folder) = match self {
            Conda::Inline(content, folder) => (content.clone(), folder.clone()),
            Conda::File(path) => {
                let folder = path.parent().unwrap_or(Path::new("/"));
                (file::mapping(path, &[])?, folder.into())
            }
        };
        let origin = match self {
            Conda::File(path) => path.display().to_string(),
            Conda::Inline(..) => format!("{origin}: conda_file"),
        };
        let (dependencies, pip) = dependencies(&content, &origin)?;
        let pip = requirements::expand(&pip, &folder)?;
        replace_pip(&mut content, &pip);
        Ok(CondaFile {
            packages: Packages::new(&dependencies, pip),
            content,
            folder,
        })
    }
}

/// The packages of conda, and those of pip.
fn dependencies(
    content: &Map<String, Json>,
    origin: &str,
) -> Result<(Vec<String>, Vec<String>), DefinitionError> {
    let (mut packages, mut pip) = (Vec::new(), Vec::new());
    let wrong = || kind(origin, "dependencies", "a list of packages");
    let list = match content.get("dependencies") {
        None | Some(Json::Null) => return Ok((packages, pip)),
        Some(list) => list.as_array().ok_or_else(wrong)?,
    };
    for item in list {
        match item {
            Json::String(package) => packages.push(package.clone()),
            Json::Object(map) => match map.get("pip") {
                Some(Json::Array(list)) => {
                    let lines = list.iter().map(|line| line.as_str().map(str::to_owned));
                    let lines: Option<Vec<String>> = lines.collect();
                    pip.extend(lines.ok_or_else(wrong)?);
                }
                Some(Json::Null) => {}
                _ => return Err(wrong()),
            },
            _ => return Err(wrong()),
        }
    }
    Ok((packages, pip))
}

fn replace_pip(content: &mut Map<String, Json>, pip: &[String]) {
    let list = content.get_mut("dependencies").and_then(Json::as_array_mut);
    let parts = list.into_iter().flatten().filter_map(Json::as_object_mut);
    for part in parts {
        part.insert("pip".into(), pip.into());
    }
}

fn build(
    value: Option<&Json>,
    folder: &Path,
    origin: &str,
) -> Result<Option<Build>, DefinitionError> {
    let map = match value {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::Object(map)) => map,
        Some(_) => return Err(kind(origin, "build", "a mapping with `path`")),
    };
    let path = map.get("path").and_then(Json::as_str);
    let path = path.ok_or_else(|| kind(origin, "build.path", "a folder"))?;
    let dockerfile = map.get("dockerfile_path").and_then(Json::as_str);
    Ok(Some(Build {
        context: local(path, folder),
        dockerfile: dockerfile.unwrap_or("Dockerfile").into(),
    }))
}

fn conda(
    value: Option<&Json>,
    folder: &Path,
    origin: &str,
) -> Result<Option<Conda>, DefinitionError> {
    match value {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(path)) => Ok(Some(Conda::File(local(path, folder)))),
        Some(Json::Object(map)) => Ok(Some(Conda::Inline(map.clone(), folder.into()))),
        Some(_) => Err(kind(origin, "conda_file", "a path or a mapping")),
    }
}

/// A path as `folder` sees it.
pub(super) fn local(path: &str, folder: &Path) -> PathBuf {
    folder.join(path.strip_prefix("file:").unwrap_or(path))
}

fn kind(origin: &str, field: &'static str, expected: &'static str) -> DefinitionError {
    DefinitionError::Kind {
        origin: origin.into(),
        field,
        expected,
    }
}
