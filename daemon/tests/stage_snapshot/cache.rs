//! Identical snapshots are stored once, and a rerun finds the very files.

use std::fs;

use crate::harness::{Bench, mode};

fn tree(bench: &Bench, digest: &str) -> std::path::PathBuf {
    let name = digest.replace(':', "-");
    bench.path.join("cache/snapshots").join(name).join("tree")
}

#[test]
fn stages_at_the_same_time_store_one_snapshot() {
    let bench = Bench::new();
    for file in 0..300 {
        bench.file(&format!("f{file}"), format!("{file}"));
    }
    let stages: Vec<_> = (0..8).map(|job| bench.stage(&format!("j{job}"))).collect();
    let children: Vec<_> = stages.iter().map(|stage| stage.start()).collect();
    let mut digests = Vec::new();
    for (stage, child) in stages.iter().zip(children) {
        digests.push(stage.end(child).code().digest);
        assert!(stage.order.folder.join("f299").is_file());
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
    assert_eq!(bench.cached(), [digests[0].replace(':', "-")]);
}

#[test]
fn a_job_that_changes_its_files_changes_nobody_elses() {
    let bench = Bench::new();
    bench.file("a", "first");
    let digest = bench.take("one").digest;
    fs::write(bench.job("one").join("a"), "changed by the job").unwrap();
    assert_eq!(bench.take("two").digest, digest);
    let read = |job: &str| fs::read_to_string(bench.job(job).join("a")).unwrap();
    assert_eq!(read("two"), "first");
    assert_eq!(mode(&tree(&bench, &digest).join("a")), 0o400);
}

#[test]
fn a_rerun_takes_the_stored_snapshot_whatever_became_of_the_folder() {
    let bench = Bench::new();
    bench.file("a", "first");
    bench.link("b", "a");
    let first = bench.take("one");
    fs::remove_dir_all(bench.code()).unwrap();
    let again = bench.stage("two").snapshot(&first.digest).run().code();
    assert_eq!(again, first);
    assert_eq!(
        fs::read_to_string(bench.job("two").join("b")).unwrap(),
        "first"
    );
}

#[test]
fn a_snapshot_that_is_not_there_or_damaged_is_said_to_be() {
    let bench = Bench::new();
    bench.file("a", "first");
    let digest = bench.take("one").digest;
    let other = format!("sha256:{}", "0".repeat(64));
    for missing in [other.as_str(), "sha256:../../code", "sha256:", ""] {
        let reason = bench.stage("two").snapshot(missing).run().failure().reason;
        assert!(reason.contains("no longer stored"), "{reason}");
    }
    let stored = tree(&bench, &digest).join("a");
    fs::remove_file(&stored).unwrap();
    fs::write(&stored, "forged").unwrap();
    let reason = bench
        .stage("three")
        .snapshot(&digest)
        .run()
        .failure()
        .reason;
    assert!(reason.contains("changed in the cache"), "{reason}");
    assert!(bench.cached().is_empty(), "it is not used again");
    assert_eq!(bench.take("four").digest, digest, "and can be made again");
}

#[test]
fn what_a_killed_stage_has_left_is_removed() {
    let bench = Bench::new();
    bench.file("a", "a");
    let snapshots = bench.path.join("cache/snapshots");
    for left in [".new-1-0/tree/x", ".old-1-0/tree/x"] {
        fs::create_dir_all(snapshots.join(left)).unwrap();
    }
    let digest = bench.take("one").digest;
    let kept = [digest.replace(':', "-")];
    assert_eq!(bench.cached(), kept);
    // Also by one that fails: what is left may be what fills the disk.
    fs::create_dir_all(snapshots.join(".new-2-0/tree/x")).unwrap();
    fs::remove_dir_all(bench.code()).unwrap();
    assert!(bench.refuse("two").contains("No such file"));
    assert_eq!(bench.cached(), kept);
}
