//! YAML files of environments and of conda, read within bounds. Every scalar is taken as the text
//! that it was written as: a version `1.10` is not the number 1.1.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use proto::diagnostic::Diagnostic;
use proto::yaml::{self, Node, Value, YAML_BYTES_MAX};
use serde_json::{Map, Value as Json};

use crate::sys::atomic::{self, ReadError};

/// Why a file is no definition.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be opened.
    #[error("read {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// It cannot be read, or is too long.
    #[error("read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: ReadError,
    },
    /// It is no YAML, or not what it should be.
    #[error("{0}")]
    Content(Box<Diagnostic>),
    /// It is not UTF-8.
    #[error("read {path}: not UTF-8")]
    Text {
        /// The file.
        path: PathBuf,
    },
}

/// A file's bytes; links are followed, since whoever reads has the user's rights.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, FileError> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path);
    let file: File = opened.map_err(|source| FileError::Open {
        path: path.into(),
        source,
    })?;
    atomic::read_file_bounded(&file, YAML_BYTES_MAX as u64).map_err(|source| FileError::Read {
        path: path.into(),
        source,
    })
}

/// A file's text.
pub(super) fn text(path: &Path) -> Result<String, FileError> {
    String::from_utf8(bytes(path)?).map_err(|_| FileError::Text { path: path.into() })
}

/// The mapping that a file holds, with the keys that may be there; none for any.
pub(super) fn mapping(path: &Path, keys: &[&str]) -> Result<Map<String, Json>, FileError> {
    parse(&bytes(path)?, &path.display().to_string(), keys)
}

/// The same of a text; `name` is for messages.
pub(super) fn parse(
    bytes: &[u8],
    name: &str,
    keys: &[&str],
) -> Result<Map<String, Json>, FileError> {
    let refused = |mut problem: Diagnostic| {
        problem.file = Some(name.into());
        FileError::Content(Box::new(problem))
    };
    let node = yaml::parse(bytes).map_err(|problems| {
        let first = problems.into_iter().next();
        refused(first.unwrap_or_else(|| Diagnostic::error("yaml", Default::default(), "no YAML")))
    })?;
    if let Some(problem) = unknown(&node, keys) {
        return Err(refused(problem));
    }
    match json(&node) {
        Json::Object(map) => Ok(map),
        _ => {
            let message = format!("expected a mapping, found {}", node.describe());
            Err(refused(Diagnostic::error("wrong-type", node.span, message)))
        }
    }
}

fn unknown(node: &Node, keys: &[&str]) -> Option<Diagnostic> {
    let Value::Map(entries) = &node.value else {
        return None;
    };
    let is_unknown = |key: &str| !keys.is_empty() && !keys.contains(&key);
    let entry = entries.iter().find(|entry| is_unknown(entry.key.text()))?;
    let message = format!("unknown key `{}`", entry.key.text());
    let help = format!("an environment has {}", keys.join(", "));
    Some(Diagnostic::error("unknown-key", entry.key.span, message).with_help(help))
}

fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Seq(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            let pairs = entries.iter();
            Json::Object(
                pairs
                    .map(|entry| (entry.key.text().to_owned(), json(&entry.value)))
                    .collect(),
            )
        }
        _ => node.text().into(),
    }
}
