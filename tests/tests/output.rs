//! A job that prints ten gigabytes: the log keeps what it may, the supervisor stays small, and the
//! end is the job's own.

use std::fs;

use jobd_tests::harness::{DEADLINE, Home, JobFile, wait_until};

/// What is printed, in blocks.
const BLOCK_BYTES: u64 = 256 << 10;
const BLOCKS: u64 = 40_960;
/// What the log keeps.
const LOG_BYTES_MAX: u64 = 64 << 20;
/// The most that a supervisor may have in memory, in KiB: its buffer and itself.
const SHIM_KIB_MAX: u64 = 16 << 10;

/// A process's memory in KiB; none when it has ended.
fn memory(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmRSS"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn ten_gigabytes_of_output_are_cut_off_and_the_supervisor_stays_small() {
    let home = Home::running(&["--log-bytes-max", &LOG_BYTES_MAX.to_string()]);
    let print = format!("dd if=/dev/zero bs={BLOCK_BYTES} count={BLOCKS} status=none");
    drop(home.submit(&JobFile::new(&format!("{print}; exit 7")).name("loud")));
    let shim = home.started("loud").shim.pid;
    let mut most = 0;
    wait_until("the end of the output", DEADLINE * 3, || {
        most = most.max(memory(shim).unwrap_or(0));
        home.has_exit("loud")
    });
    let shown = home.wait("loud");
    println!("{} ms, {most} KiB at most", shown["duration_ms"]);
    assert_eq!(shown["exit_code"], 7, "{shown}");
    let dropped = BLOCK_BYTES * BLOCKS - LOG_BYTES_MAX;
    assert_eq!(shown["log_bytes_dropped"], dropped, "{shown}");
    assert!(most > 0 && most < SHIM_KIB_MAX, "{most} KiB");
    let log = home.log("loud");
    let (kept, marker) = log.split_at(usize::try_from(LOG_BYTES_MAX).unwrap());
    assert!(kept.iter().all(|byte| *byte == 0), "not what was printed");
    let marker = String::from_utf8_lossy(marker);
    assert!(marker.contains("output beyond"), "{marker}");
}
