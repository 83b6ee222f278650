//! uv, installed once for all tests from PyPI into the target folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program. Each test is a process of its own, so a lock keeps all but one from installing it.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let target = test.ancestors().nth(3).unwrap();
        let lock = File::create(target.join("venv-uv.lock")).unwrap();
        lock.lock().unwrap();
        let folder = target.join("venv-uv");
        let (uv, complete) = (folder.join("bin/uv"), folder.join("complete"));
        if !complete.exists() {
            run(Command::new(python())
                .args(["-m", "venv", "--clear"])
                .arg(&folder));
            let pip = ["-m", "pip", "install", "--quiet", "--no-input", "uv"];
            run(Command::new(folder.join("bin/python")).args(pip));
            fs::write(complete, "").unwrap();
        }
        uv
    })
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "uv cannot be installed: {error}");
}

/// The interpreter itself, not what a version manager puts in its place.
pub fn python() -> PathBuf {
    let question = "import os, sys; print(os.path.realpath(sys.executable))";
    let output = Command::new("python3")
        .args(["-c", question])
        .output()
        .unwrap();
    assert!(output.status.success(), "the tests need python3");
    String::from_utf8(output.stdout).unwrap().trim().into()
}
