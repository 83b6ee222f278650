//! The unit files, by systemd's own judgement. `systemd-analyze verify` only warns about a key
//! it does not know and still ends with 0, so any word of it fails the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("systemd")
}

/// Copies the units of a folder with a program that exists in place of `/usr/bin/jobd`.
fn staged(folder: &Path, name: &str) -> PathBuf {
    let target = std::env::temp_dir().join(format!("jobd-units-{name}-{}", std::process::id()));
    fs::create_dir_all(&target).unwrap();
    for unit in ["jobd.service", "jobd.socket"] {
        let text = fs::read_to_string(folder.join(unit)).unwrap();
        let text = text.replace("/usr/bin/jobd", "/bin/true");
        fs::write(target.join(unit), text).unwrap();
    }
    target
}

fn verify(folder: &Path, user: bool) -> (bool, String) {
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no"]);
    if user {
        command.arg("--user").env("XDG_RUNTIME_DIR", folder);
    }
    let output = command
        .arg(folder.join("jobd.service"))
        .arg(folder.join("jobd.socket"))
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn the_system_units_are_silent_under_verify() {
    let folder = staged(&units(), "system");
    assert_eq!(verify(&folder, false), (true, String::new()));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_user_units_are_silent_under_verify() {
    let folder = staged(&units().join("user"), "user");
    assert_eq!(verify(&folder, true), (true, String::new()));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_mistyped_key_would_be_seen() {
    let folder = staged(&units(), "mistyped");
    let unit = folder.join("jobd.service");
    let text = fs::read_to_string(&unit)
        .unwrap()
        .replace("KillMode=", "KillMod=");
    fs::write(&unit, text).unwrap();
    assert!(verify(&folder, false).1.contains("KillMod"));
    fs::remove_dir_all(folder).unwrap();
}
