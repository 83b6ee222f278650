//! Where the corpus lies, and what is in it. A source of the tests of proto, too.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

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
        // Where nobody listens nothing is lost.
        let _unseen = writeln!(
            std::io::stderr(),
            "SKIP: {test}: no corpus, set JOBD_SHARED"
        );
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
