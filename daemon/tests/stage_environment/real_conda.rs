//! conda, installed once for all tests from PyPI into the target folder, and a channel for it: no
//! channel can be reached where there is no network.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::uv;

fn scripts() -> PathBuf {
    // Two crates have this file.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../daemon");
    root.join("tests/stage_environment/real_conda")
}

/// The program; none, with the reason told, where it cannot be had.
pub fn program() -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap();
    let lock = File::create(target.join("venv-conda.lock")).unwrap();
    lock.lock().unwrap();
    let folder = target.join("venv-conda");
    let mut setup = Command::new(scripts().join("setup.sh"));
    let output = setup.arg(uv::python()).arg(&folder).output().unwrap();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        println!("SKIP: conda cannot be installed: {}", said.trim_end());
        return None;
    }
    Some(folder.join("bin/conda"))
}

/// A channel in a folder, as an address.
pub fn channel(folder: &Path) -> String {
    let channel = folder.join("channel");
    let mut make = Command::new(uv::python());
    make.arg(scripts().join("channel.py")).arg(&channel);
    assert!(make.status().unwrap().success());
    format!("file://{}", channel.display())
}
