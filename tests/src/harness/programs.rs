//! Finding the programs under test.

use std::path::PathBuf;

/// A program of this workspace, in the target folder that this test was built into.
///
/// # Panics
/// When it is not built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // TARGET/PROFILE/deps/test-HASH, or TARGET/PROFILE/soak
    let own = test.parent().unwrap();
    let folder = match own.ends_with("deps") {
        true => own.parent().unwrap(),
        false => own,
    };
    let path = folder.join(name);
    assert!(
        path.is_file(),
        "{} is not built: run `cargo build --workspace --bins` first",
        path.display()
    );
    path
}
