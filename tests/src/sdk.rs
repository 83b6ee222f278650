//! The real Azure ML SDK in Python, installed once for all tests. A test that cannot have it
//! fails: it would say nothing otherwise.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends with the place and the reason"
)]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The folder with the scripts.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk")
}

/// The target folder that this test was built into: TARGET/PROFILE/deps/test-HASH.
fn target() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().to_owned()
}

/// The interpreter that has the SDK. Each test is a process of its own, so a lock in the target
/// folder keeps all but one from installing it.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let folder = target().join("venv-sdk");
        let lock = File::create(target().join("venv-sdk.lock")).unwrap();
        lock.lock().unwrap();
        let made = Command::new(scripts().join("setup.sh"))
            .arg(&folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stdout);
        let error = String::from_utf8_lossy(&made.stderr);
        assert!(
            made.status.success(),
            "the SDK cannot be installed:\n{said}{error}"
        );
        println!("{}", said.trim_end());
        folder.join("bin/python")
    })
}

/// Runs a script of `tests/sdk` in a folder, with JSON in and out.
///
/// # Panics
/// When it fails, with what it said.
#[must_use]
pub fn ask(script: &str, folder: &Path, question: &Value) -> Value {
    let mut child = Command::new(python())
        .arg(scripts().join(script))
        .current_dir(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AZUREML_LOG_LEVEL", "ERROR")
        .env("AZURE_CORE_COLLECT_TELEMETRY", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(question.to_string().as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{script}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}
