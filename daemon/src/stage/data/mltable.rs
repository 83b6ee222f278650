//! What an MLTable file names (its `paths`): files, folders and patterns, beside it or elsewhere.
//!
//! Source: Azure's reference of MLTable (`paths` with `file`, `folder` or `pattern`). Anything else
//! in the file is for whoever loads the table.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use proto::job::{PathForm, classify_path};
use proto::yaml::{self, Node, Value};

/// Bytes of an MLTable file that are read.
pub const MLTABLE_BYTES_MAX: u64 = 1 << 20;
/// The most entries of its `paths`.
pub const MLTABLE_PATHS_MAX: usize = 10_000;

/// An entry of `paths`.
#[derive(Debug)]
pub(super) enum Source {
    File(Location),
    Folder(Location),
    /// Files below the MLTable's folder.
    Pattern(GlobMatcher),
}

/// Where an entry leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// Below the folder of the MLTable file.
    Beside(PathBuf),
    /// Somewhere else on this machine.
    Local(PathBuf),
    /// In a store or on the web.
    Uri(String),
}

/// The entries of `paths`.
///
/// # Errors
/// Why it is no table, as a lowercase fragment.
pub(super) fn sources(text: &[u8]) -> Result<Vec<Source>, String> {
    let table = yaml::parse(text).map_err(|problems| {
        let first = problems.first();
        first.map_or_else(|| "it is no YAML".into(), |problem| problem.message.clone())
    })?;
    let Some(Value::Seq(entries)) = table.get("paths").map(|paths| &paths.value) else {
        return Err("it has no list `paths`".into());
    };
    if entries.len() > MLTABLE_PATHS_MAX {
        return Err(format!("it names more than {MLTABLE_PATHS_MAX} paths"));
    }
    entries.iter().map(source).collect()
}

fn source(entry: &Node) -> Result<Source, String> {
    let text = |key| entry.get(key).and_then(Node::as_str);
    match (text("file"), text("folder"), text("pattern")) {
        (Some(path), None, None) => location(path).map(Source::File),
        (None, Some(path), None) => location(path).map(Source::Folder),
        (None, None, Some(pattern)) => matcher(pattern).map(Source::Pattern),
        _ => Err("each of its `paths` needs one of `file`, `folder` and `pattern`".into()),
    }
}

fn location(text: &str) -> Result<Location, String> {
    match classify_path(text) {
        PathForm::Uri(uri) => Ok(Location::Uri(uri)),
        PathForm::Asset(name) => Err(format!("it names the asset {name}, which tables cannot")),
        PathForm::Local(path) if path.is_absolute() => Ok(Location::Local(path)),
        PathForm::Local(path) => beside(&path).map_or_else(
            || Err(format!("`{text}` leads out of its folder")),
            |path| Ok(Location::Beside(path)),
        ),
    }
}

/// The path without `.`; none if it leads upwards.
fn beside(path: &Path) -> Option<PathBuf> {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    parts
        .map(|part| match part {
            Component::Normal(name) => Some(name),
            _ => None,
        })
        .collect()
}

fn matcher(pattern: &str) -> Result<GlobMatcher, String> {
    if !matches!(classify_path(pattern), PathForm::Local(path) if path.is_relative()) {
        return Err(format!(
            "the pattern `{pattern}` does not begin in its folder"
        ));
    }
    let relative = pattern.trim_start_matches("./");
    let glob = GlobBuilder::new(relative).literal_separator(true).build();
    glob.map(|glob| glob.compile_matcher())
        .map_err(|error| format!("the pattern `{pattern}`: {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Source>, String> {
        sources(text.as_bytes())
    }

    #[test]
    fn entries_are_read_as_what_they_are() {
        let table = "paths:\n  - file: ./a.csv\n  - folder: b/./c\n  - file: /d\n  \
                     - folder: azureml://datastores/x/paths/e\ntransformations: [read_delimited]\n";
        let found = read(table).unwrap();
        let [
            Source::File(a),
            Source::Folder(c),
            Source::File(d),
            Source::Folder(e),
        ] = &found[..]
        else {
            panic!("{found:?}");
        };
        assert_eq!(*a, Location::Beside("a.csv".into()));
        assert_eq!(*c, Location::Beside("b/c".into()));
        assert_eq!(*d, Location::Local("/d".into()));
        assert_eq!(*e, Location::Uri("azureml://datastores/x/paths/e".into()));
    }

    #[test]
    fn a_star_of_a_pattern_stays_in_its_folder() {
        let found = read("paths: [{pattern: './data/*.csv'}]").unwrap();
        let [Source::Pattern(pattern)] = &found[..] else {
            panic!("{found:?}");
        };
        assert!(pattern.is_match("data/a.csv"));
        assert!(!pattern.is_match("data/more/a.csv"));
        assert!(!pattern.is_match("data/a.txt"));
    }

    #[test]
    fn what_is_no_table_is_refused_with_a_reason() {
        for (text, reason) in [
            ("a: 1", "no list `paths`"),
            ("paths: x", "no list `paths`"),
            ("paths: [{file: a, folder: b}]", "needs one of"),
            ("paths: [{}]", "needs one of"),
            ("paths: [{file: ../a}]", "leads out of its folder"),
            ("paths: [{file: 'azureml:a:1'}]", "names the asset"),
            (
                "paths: [{pattern: 'https://h/*'}]",
                "does not begin in its folder",
            ),
            ("paths: [{pattern: 'a[*'}]", "the pattern `a[*`"),
            ("paths: [", ""),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
