//! What a stage gets and what it leaves: the order, the report.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proto::stage::{ORDER_FILE, REPORT_FILE};

use crate::harness::{NOBODY, Step, is_root, user};

fn stage(script: &str) -> Step {
    let step = Step::shell(script).with(|spec| spec.stage = true);
    fs::write(step.folder.join(ORDER_FILE), "the order").unwrap();
    step
}

#[test]
fn a_stage_finds_its_order_and_leaves_its_report() {
    let ran = stage("cat; printf 'the report' >&3; exec $PROBE fds").run();
    assert_eq!(ran.text(), "the order0\n1\n2\n3\n");
    let report = ran.shim.path(REPORT_FILE);
    assert_eq!(fs::read_to_string(&report).unwrap(), "the report");
    let mode = fs::metadata(&report).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_stage_without_an_order_is_not_started() {
    let step = Step::shell("true").with(|spec| spec.stage = true);
    let ran = step.run();
    let (reason, errno) = ran.start_failure();
    assert_eq!(
        (reason, errno),
        ("order.json: no such file or directory", Some(2))
    );
}

#[test]
fn a_report_is_not_written_through_a_link() {
    let step = stage("true");
    let elsewhere = step.folder.join("elsewhere");
    fs::write(&elsewhere, "kept").unwrap();
    std::os::unix::fs::symlink(&elsewhere, step.folder.join(REPORT_FILE)).unwrap();
    let ran = step.run();
    assert!(ran.start_failure().0.starts_with("report.json: "));
    assert_eq!(fs::read_to_string(elsewhere).unwrap(), "kept");
}

#[test]
fn another_user_reads_the_order_without_a_right_to_the_folder() {
    if !is_root() {
        return;
    }
    let step = stage("cat; cat \"$DIR/order.json\" 2> /dev/null; printf done >&3");
    fs::set_permissions(&step.folder, fs::Permissions::from_mode(0o700)).unwrap();
    let ran = step.with(|spec| spec.user = Some(user(NOBODY))).run();
    assert_eq!(ran.text(), "the order");
    assert_eq!(
        fs::read_to_string(ran.shim.path(REPORT_FILE)).unwrap(),
        "done"
    );
}
