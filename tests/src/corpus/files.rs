//! Finding the corpus and its files.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use proto::diagnostic::{Diagnostic, Severity};

/// The corpus, or nothing after a line that says so.
#[must_use]
pub fn root(test: &str) -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let places = [
        std::env::var_os("JOBD_SHARED").map(PathBuf::from),
        Some(workspace.join("../shared")),
        Some(workspace.join("../../shared")),
    ];
    let found = places
        .into_iter()
        .flatten()
        .map(|place| place.join("corpus"))
        .find(|place| place.is_dir());
    if found.is_none() {
        tell(&format!("SKIP {test}: no corpus, set JOBD_SHARED"));
    }
    found
}

/// The rows of a table of the corpus whose kind is one of `kinds`: the file and its text.
///
/// # Panics
/// When the table or one of its files cannot be read, or when there is none.
#[must_use]
pub fn files(corpus: &Path, folder: &str, kinds: &[&str]) -> Vec<(String, Vec<u8>)> {
    let table = fs::read_to_string(corpus.join(format!("{folder}.tsv"))).unwrap();
    let rows = table
        .lines()
        .skip(1)
        .map(|row| row.split('\t').collect::<Vec<_>>());
    let rows = rows.filter(|row| kinds.contains(&row[1]));
    let files: Vec<_> = rows
        .map(|row| {
            let text = fs::read(corpus.join(folder).join(row[0])).unwrap();
            (row[0].to_owned(), text)
        })
        .collect();
    assert!(!files.is_empty());
    files
}

/// Every component of the corpus, which are the files that name the schema of one; other files
/// of their folders are environments.
#[must_use]
pub fn component_files(corpus: &Path) -> Vec<(String, Vec<u8>)> {
    let tree = corpus.join("components");
    let mut found = Vec::new();
    collect(&tree, &tree, &mut found);
    found.sort();
    found
}

fn collect(tree: &Path, folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(tree, &path, found);
            continue;
        }
        let text = fs::read(&path).unwrap();
        let is_component = String::from_utf8_lossy(&text)
            .lines()
            .any(|line| line.starts_with("$schema:") && line.contains("Component.schema.json"));
        if is_component {
            let name = path
                .strip_prefix(tree)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            found.push((name, text));
        }
    }
}

/// The findings that refuse a file.
#[must_use]
pub fn errors(found: &[Diagnostic]) -> Vec<&Diagnostic> {
    found
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .collect()
}

/// Prints for the reader of a test that passes: `println!` would be swallowed.
pub fn tell(text: &str) {
    // Where nobody listens nothing is lost.
    let _unseen = writeln!(std::io::stderr(), "{text}");
}
