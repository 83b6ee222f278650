//! Real job files that can be run here.

use std::path::PathBuf;

/// The folder `cli/jobs/basics` of the corpus; nothing where there is no corpus.
#[must_use]
pub fn basics() -> Option<PathBuf> {
    crate::corpus::root("real jobs").map(|corpus| corpus.join("examples/cli/jobs/basics"))
}
