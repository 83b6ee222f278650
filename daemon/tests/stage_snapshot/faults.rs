//! A disk that is full, a file that may not be read: one readable cause, and nothing half-done.

use std::fs;
use std::process::Command;

use crate::harness::{Bench, own_mounts, set_mode};

/// A user that owns nothing.
const OTHER_UID: u32 = 61_234;

#[test]
fn what_may_not_be_read_is_named() {
    if !nix::unistd::geteuid().is_root() {
        println!("SKIP: only root can be somebody else");
        return;
    }
    for closed in ["sub/closed", "sub"] {
        let bench = Bench::new();
        bench.file("a", "a");
        bench.file("sub/closed", "secret");
        set_mode(&bench.code().join(closed), 0);
        let stage = bench.stage("one").by_user(&bench, OTHER_UID);
        let reason = stage.run().failure().reason;
        let path = bench.code().join(closed);
        let expected = format!("read {}: Permission denied", path.display());
        assert!(reason.starts_with(&expected), "{reason}");
        assert!(bench.cached().is_empty());
        bench.file(".amlignore", "sub\n!other\n");
        let stage = bench.stage("two").by_user(&bench, OTHER_UID);
        assert_eq!(stage.run().code().files, 2);
    }
}

/// The limit on the length of a file stands for a write that fails in the middle.
#[test]
fn a_write_that_fails_leaves_nothing_behind() {
    let bench = Bench::new();
    bench.file("a", "a");
    bench.file("b/big", vec![0; 1 << 20]);
    let stage = bench.stage("one").before("trap '' XFSZ; ulimit -f 100; ");
    let reason = stage.run().failure().reason;
    assert!(
        reason.starts_with("write ") && reason.contains("b/big: File too large"),
        "{reason}"
    );
    assert!(bench.cached().is_empty());
    bench.take("two");
}

#[test]
fn a_full_disk_is_said_to_be_full() {
    let probe = ["mount", "-t", "tmpfs", "x", "/mnt"];
    let can = Command::new("unshare")
        .args(own_mounts())
        .args(probe)
        .output();
    if !can.is_ok_and(|output| output.status.success()) {
        println!("SKIP: no mounts of one's own");
        return;
    }
    let bench = Bench::new();
    bench.file("a", "a");
    bench.file("big", vec![7; 3 << 20]);
    fs::create_dir(bench.path.join("cache")).unwrap();
    let mut stage = bench.stage("one");
    stage.inside = own_mounts();
    for small in [bench.path.join("cache"), bench.job("one")] {
        let small = small.display();
        stage.before =
            format!("mount -t tmpfs -o size=1m x '{small}' && mkdir -p '{small}/system_logs' && ");
        let reason = stage.run().failure().reason;
        assert!(
            reason.starts_with("write ") && reason.contains("big: No space left"),
            "{reason}"
        );
    }
    bench.take("two");
}
