//! The bench works: a little of everything. Its times are not judged, as this machine is busy.

use std::fs;
use std::process::Command;

use jobd_tests::harness::{Folder, program};
use serde_json::Value;

#[test]
fn a_quick_bench_measures_everything() {
    let folder = Folder::new();
    let (markdown, plots) = (folder.path().join("table.md"), folder.path().join("plots"));
    let output = Command::new(program("bench"))
        .args(["--quick", "--skip-peers", "-o", "json", "--folder"])
        .arg(folder.path())
        .arg("--markdown")
        .arg(&markdown)
        .arg("--plots")
        .arg(&plots)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["failed"], Value::Array(Vec::new()), "{errors}");

    let targets = report["targets"].as_array().unwrap();
    let is_of_peer = |target: &Value| {
        let what = target["what"].as_str().unwrap();
        what.contains("task-spooler") || what.contains("HyperQueue")
    };
    for target in targets {
        let is_measured = !target["measured"].is_null();
        assert_eq!(is_measured, !is_of_peer(target), "{target}");
    }
    for number in 1..=8 {
        let mut of_it = targets.iter().filter(|target| target["number"] == number);
        assert!(of_it.next().is_some(), "nothing is said of target {number}");
    }
    let measured = |what: &str| {
        let mut found = targets.iter().filter(|target| target["what"] == what);
        found.next().and_then(|target| target["measured"].as_f64())
    };
    assert_eq!(measured("jobs that run at once"), Some(10.0));
    assert_eq!(measured("detached processes after a kill"), Some(0.0));

    let table = fs::read_to_string(markdown).unwrap();
    for row in [
        "| many at once, jobs/s |",
        "| daemon start, ms |",
        "| jobd, 10 jobs run |",
        "| no process is left, p99 ms |",
    ] {
        assert!(table.contains(row), "no {row} in {table}");
    }
    for name in ["throughput", "latency"] {
        let svg = fs::read_to_string(plots.join(name).with_extension("svg")).unwrap();
        assert!(
            svg.contains("<polyline") && svg.ends_with("</svg>\n"),
            "{svg}"
        );
    }
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "the bench left its folder");
}
