//! What a stage gets and what it makes seen: the order, the report, mounts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use proto::record::{Ended, InputMount, User};
use proto::stage::{Mount, ORDER_FILE, REPORT_FILE};

use crate::harness::{Step, is_root};

/// A user that nobody is.
const NOBODY: u32 = 65_534;

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

fn user(id: u32) -> User {
    User {
        uid: id,
        gid: id,
        groups: Vec::new(),
    }
}

/// A folder with a file, and an empty one in which it is to be seen.
fn seen(step: &Step) -> (PathBuf, PathBuf) {
    let (source, target) = (step.folder.join("source"), step.folder.join("target"));
    for folder in [&source, &target] {
        fs::create_dir(folder).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    }
    fs::set_permissions(&step.folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(source.join("file"), "content\n").unwrap();
    (source, target)
}

fn mount(source: &Path, target: &Path) -> InputMount {
    InputMount {
        name: "inputs.data".into(),
        mount: Mount {
            source: source.into(),
            target: target.into(),
        },
    }
}

const TRY: &str =
    "cat \"$DIR/target/file\"; id -u; touch \"$DIR/target/new\"; touch \"$DIR/source/new\"";

fn check_read_only(step: Step) {
    let (source, target) = seen(&step);
    let uid = step
        .spec
        .user
        .as_ref()
        .map_or_else(own_uid, |user| user.uid);
    let ran = step
        .with(|spec| spec.mounts.push(mount(&source, &target)))
        .run();
    if let Ended::StartFailed { reason, .. } = &ran.exit.ended {
        assert!(reason.starts_with("inputs.data: mount "), "{reason}");
        println!("SKIP: there can be no mounts here: {reason}");
        return;
    }
    let text = ran.text();
    assert!(text.starts_with(&format!("content\n{uid}\n")), "{text}");
    assert!(text.contains("Read-only file system"), "{text}");
    // Only the place where it is seen is read-only, and nobody else sees it there.
    assert!(source.join("new").exists() && !source.join("file/new").exists());
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
    assert!(!target.join("new").exists());
}

fn own_uid() -> u32 {
    nix::unistd::getuid().as_raw()
}

#[test]
fn what_is_mounted_is_read_only_and_only_the_command_sees_it() {
    check_read_only(Step::shell(TRY));
}

#[test]
fn a_user_without_rights_mounts_too() {
    if is_root() {
        check_read_only(Step::shell(TRY).with(|spec| spec.user = Some(user(NOBODY))));
    }
}

#[test]
fn a_mount_shows_no_more_than_the_user_may_see() {
    if !is_root() {
        return;
    }
    let step = Step::shell("cat \"$DIR/target/file\"");
    let (source, target) = seen(&step);
    let closed = step.folder.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    fs::rename(&source, closed.join("source")).unwrap();
    let ran = step
        .with(|spec| {
            spec.user = Some(user(NOBODY));
            spec.mounts.push(mount(&closed.join("source"), &target));
        })
        .run();
    assert!(ran.start_failure().0.starts_with("inputs.data: mount "));
}

#[test]
fn what_cannot_be_mounted_is_named() {
    let step = Step::shell("true");
    let (_, target) = seen(&step);
    let ran = step
        .with(|spec| spec.mounts.push(mount(Path::new("/no/such"), &target)))
        .run();
    let (reason, _) = ran.start_failure();
    assert!(
        reason.starts_with("inputs.data: mount /no/such read-only: "),
        "{reason}"
    );
}

#[test]
fn a_mount_keeps_the_limits_of_what_is_mounted() {
    let step = Step::shell("grep \" $DIR/target \" /proc/self/mounts");
    let (source, target) = seen(&step);
    let options = ["-t", "tmpfs", "-o", "nosuid,nodev,noexec", "none"];
    let mounted = Command::new("mount").args(options).arg(&source).status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("SKIP: cannot mount a tmpfs");
        return;
    }
    let folder = source.clone();
    let ran = step
        .with(|spec| spec.mounts.push(mount(&source, &target)))
        .run();
    let unmounted = Command::new("umount").arg("--lazy").arg(&folder).status();
    assert!(unmounted.unwrap().success());
    let text = ran.text();
    for flag in ["ro,", "nosuid", "nodev", "noexec"] {
        assert!(text.contains(flag), "{text}");
    }
}
