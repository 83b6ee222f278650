//! Where the corpus lies, and what is in it.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The corpus, or nothing after a line that says so.
pub fn corpus(test: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let places = [
        std::env::var_os("JOBD_SHARED").map(PathBuf::from),
        Some(root.join("../shared")),
        Some(root.join("../../shared")),
    ];
    let found = places
        .into_iter()
        .flatten()
        .map(|place| place.join("corpus"))
        .find(|place| place.is_dir());
    if found.is_none() {
        // Not println!, which the harness would swallow.
        let _ = writeln!(std::io::stderr(), "SKIP {test}: no corpus, set JOBD_SHARED");
    }
    found
}

/// The rows of a table of the corpus whose kind is one of `kinds`: the file and its text.
pub fn files(corpus: &Path, folder: &str, kinds: &[&str]) -> Vec<(String, Vec<u8>)> {
    let table = std::fs::read_to_string(corpus.join(format!("{folder}.tsv"))).unwrap();
    let rows = table
        .lines()
        .skip(1)
        .map(|row| row.split('\t').collect::<Vec<_>>());
    let rows = rows.filter(|row| kinds.contains(&row[1]));
    let files: Vec<_> = rows
        .map(|row| {
            (
                row[0].to_owned(),
                std::fs::read(corpus.join(folder).join(row[0])).unwrap(),
            )
        })
        .collect();
    assert!(!files.is_empty());
    files
}
