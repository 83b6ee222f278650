//! Processes that the command leaves behind, with a cgroup and without.

use std::path::Path;

use nix::sys::signal::Signal;
use proto::record::{Ended, StopReason};

use crate::harness::{Cgroup, Shim, Step, is_alive};

/// Runs the test without a cgroup, and with one where there can be one.
fn with_and_without_cgroup(test: impl Fn(Option<&Path>)) {
    test(None);
    if let Some(cgroup) = Cgroup::make() {
        test(Some(&cgroup.0));
        assert!(cgroup.is_empty(), "the leaf is left");
    }
}

fn start(step: Step, cgroup: Option<&Path>) -> Shim {
    let shim = step
        .with(|spec| spec.cgroup_parent = cgroup.map(Path::to_owned))
        .start();
    let leaf = shim.started().cgroup;
    assert_eq!(leaf.is_some(), cgroup.is_some(), "the leaf is {leaf:?}");
    shim
}

#[test]
fn a_detached_process_is_dead_when_the_end_is_recorded() {
    with_and_without_cgroup(|cgroup| {
        let step = Step::probe(&["detach", "--ignore-term"]).with_path("--pid-file", "detached");
        let shim = start(step, cgroup);
        let detached = shim.pid_in("detached");
        let exit = shim.finish().exit;
        assert!(!is_alive(detached));
        assert_eq!((exit.ended, exit.stop), (Ended::Exited { code: 0 }, None));
        assert_eq!(exit.leftovers_killed, 1);
        assert!(exit.duration_ms >= 2_000, "it got time to end by itself");
    });
}

#[test]
fn a_detached_process_that_holds_the_output_does_not_hold_up_the_end() {
    with_and_without_cgroup(|cgroup| {
        let detach = ["detach", "--ignore-term", "--hold-output"];
        let shim = start(
            Step::probe(&detach).with_path("--pid-file", "detached"),
            cgroup,
        );
        let detached = shim.pid_in("detached");
        let exit = shim.finish().exit;
        assert!(!is_alive(detached));
        assert_eq!(
            (exit.ended, exit.leftovers_killed),
            (Ended::Exited { code: 0 }, 1)
        );
    });
}

#[test]
fn a_limit_ends_the_whole_tree() {
    with_and_without_cgroup(|cgroup| {
        let script = "$PROBE detach --ignore-term --pid-file $DIR/detached; exec $PROBE tree 5";
        let step = Step::shell(script).with(|spec| {
            spec.limit_ms = Some(700);
            spec.grace_ms = 200;
        });
        let shim = start(step, cgroup);
        let detached = shim.pid_in("detached");
        let ran = shim.finish();
        assert_eq!(
            ran.exit.stop.map(|stop| stop.reason),
            Some(StopReason::Limit)
        );
        let text = ran.text();
        let members = text.lines().map(|pid| pid.parse().unwrap());
        for pid in members.chain([detached]) {
            assert!(!is_alive(pid), "process {pid} is left");
        }
        // All of them were told politely, and the deaf one got the rest of the grace.
        assert!(
            (700..10_000).contains(&ran.exit.duration_ms),
            "{} ms",
            ran.exit.duration_ms
        );
    });
}

#[test]
fn processes_that_fork_faster_than_they_are_listed_are_killed() {
    with_and_without_cgroup(|cgroup| {
        let step = Step::probe(&["forkers"]).with_path("--ready", "ready");
        let shim = start(step.with(|spec| spec.grace_ms = 100), cgroup);
        shim.wait_for("ready");
        shim.signal(Signal::SIGTERM);
        let exit = shim.finish().exit;
        assert_eq!(
            exit.ended,
            Ended::Signaled {
                signal: libc::SIGKILL
            }
        );
        println!("killed in {} ms with cgroup {cgroup:?}", exit.duration_ms);
        assert!(exit.duration_ms < 10_000, "{} ms", exit.duration_ms);
    });
}

#[test]
fn a_cgroup_that_cannot_be_had_is_done_without() {
    let step = Step::probe(&["exit", "3"]);
    let shim = step
        .with(|spec| spec.cgroup_parent = Some("/nowhere".into()))
        .start();
    assert_eq!(shim.started().cgroup, None);
    assert_eq!(shim.finish().exit.ended, Ended::Exited { code: 3 });
}

#[test]
fn the_command_is_in_its_own_cgroup_from_the_start() {
    let Some(cgroup) = Cgroup::make() else {
        return;
    };
    let shim = start(Step::shell("grep ^0:: /proc/self/cgroup"), Some(&cgroup.0));
    let leaf = shim.started().cgroup.unwrap();
    let name = leaf.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("shim-"), "{name}");
    let ran = shim.finish();
    assert!(ran.text().trim_end().ends_with(name), "{}", ran.text());
    assert!(cgroup.is_empty());
}

#[test]
fn a_cgroup_in_the_cgroup_is_removed_too() {
    let Some(cgroup) = Cgroup::make() else {
        return;
    };
    let inner = "leaf=$PARENT/shim-$PPID; mkdir $leaf/inner && echo $$ > $leaf/inner/cgroup.procs";
    let parent = cgroup.0.to_str().unwrap().to_owned();
    let step = Step::shell(inner);
    let step = step.with(|spec| spec.env.push(("PARENT".to_owned(), parent)));
    assert_eq!(
        start(step, Some(&cgroup.0)).finish().exit.ended,
        Ended::Exited { code: 0 }
    );
    assert!(cgroup.is_empty());
}
