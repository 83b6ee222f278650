//! Real job files from a corpus outside the repository.

use std::path::{Path, PathBuf};

/// The folder `cli/jobs/basics` of the corpus in `$JOBD_SHARED`, or in a folder `shared` beside
/// the workspace; nothing after a line that says so where there is none.
#[must_use]
pub fn basics() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let places = [
        std::env::var_os("JOBD_SHARED").map(PathBuf::from),
        Some(beside),
    ];
    let folder = "corpus/examples/cli/jobs/basics";
    let found = places
        .into_iter()
        .flatten()
        .map(|place| place.join(folder))
        .find(|place| place.is_dir());
    if found.is_none() {
        println!("SKIP: no corpus of real job files, set JOBD_SHARED");
    }
    found
}
