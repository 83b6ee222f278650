//! Components of the corpus, and what the reader finds in its files.

use std::fs;
use std::io::Write;
use std::path::Path;

use proto::diagnostic::{Diagnostic, Severity};

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
