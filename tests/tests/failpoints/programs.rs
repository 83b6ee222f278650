//! The programs with their failpoints compiled in.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use jobd_tests::harness::program;

/// The daemon that can be armed; its shim lies beside it. Built once, into a target folder of
/// its own, which cargo locks against the other tests' processes.
pub fn armed() -> &'static Path {
    static ARMED: OnceLock<PathBuf> = OnceLock::new();
    ARMED.get_or_init(|| {
        let usual = program("jobd");
        let target = usual.ancestors().nth(2).unwrap().join("failpoints");
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let output = Command::new(cargo)
            .args(["build", "--quiet", "--package", "jobd", "--bins"])
            .args(["--features", "failpoints", "--target-dir"])
            .arg(&target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        target.join("debug/jobd")
    })
}

/// The labels that the program knows, as far as they are wanted.
pub fn labels(wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let output = Command::new(armed()).arg("--failpoints").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let labels: Vec<_> = text
        .lines()
        .filter(|label| wanted(label))
        .map(String::from)
        .collect();
    assert!(!labels.is_empty(), "the program has no such labels");
    labels
}
