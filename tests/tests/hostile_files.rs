//! Whatever the file, `jobctl validate` ends soon, in little memory and with few words.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use jobd_tests::harness::{Folder, program};
use jobd_tests::hostile;
use nix::sys::resource::{UsageWho, getrusage};

/// Memory that reading may take at most, in KiB.
const PEAK_KIB_MAX: i64 = 150 * 1024;
/// Processor time of a whole run of a program without optimization, on a busy machine. The time
/// that is promised is measured by the program `reading`.
const CPU_MAX: Duration = Duration::from_secs(5);
/// What is said of a file at most: 100 findings with their lines.
const SAID_BYTES_MAX: usize = 256 << 10;

fn validate(folder: &Path, text: &[u8]) -> Output {
    let file = folder.join("job.yml");
    fs::write(&file, text).unwrap();
    Command::new(program("jobctl"))
        .arg("validate")
        .arg(&file)
        .env("JOBD_HOME", folder)
        .output()
        .unwrap()
}

/// Processor time of all children that have ended.
fn spent() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let time = |part: nix::sys::time::TimeVal| {
        Duration::new(part.tv_sec().try_into().unwrap(), 0)
            + Duration::from_micros(part.tv_usec().try_into().unwrap())
    };
    time(usage.user_time()) + time(usage.system_time())
}

/// The most memory that any child had so far, in KiB.
fn peak() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss()
}

#[test]
fn hostile_files_are_judged_within_bounds() {
    let folder = Folder::new();
    let mut worst = (Duration::ZERO, String::new());
    for (name, text) in hostile::files() {
        let before = spent();
        let ran = validate(folder.path(), &text);
        let took = spent() - before;
        let said = String::from_utf8_lossy(&ran.stderr);
        let start: String = said.chars().take(500).collect();
        // 101 is a panic's.
        let code = ran.status.code();
        assert!(matches!(code, Some(0 | 125)), "{name}: {code:?} {start}");
        assert!(took < CPU_MAX, "{name} took {took:?}");
        assert!(peak() < PEAK_KIB_MAX, "{name} took {} KiB", peak());
        let bytes = ran.stdout.len() + ran.stderr.len();
        assert!(
            bytes < SAID_BYTES_MAX,
            "{name}: {bytes} bytes are said: {start}"
        );
        if took > worst.0 {
            worst = (took, name);
        }
    }
    println!(
        "the longest took {:?} ({}), the largest {} KiB",
        worst.0,
        worst.1,
        peak()
    );
}
