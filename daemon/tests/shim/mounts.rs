//! What a command sees read-only: shown at another place, or mounted over itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use proto::record::{Ended, InputMount, Requirement, RequirementKind};
use proto::stage::Mount;

use crate::harness::{NOBODY, Step, is_root, user};

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
        optional: false,
    }
}

/// Data that the command reads where it is.
fn in_place(path: &Path) -> InputMount {
    InputMount {
        optional: true,
        ..mount(path, path)
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

/// Whether root may make mounts here, which a user needs no user namespace for.
fn may_mount() -> bool {
    let tried = Command::new("unshare").args(["-m", "true"]).status();
    let may = is_root() && tried.is_ok_and(|status| status.success());
    if !may {
        println!("SKIP: there can be no mounts here without a user namespace");
    }
    may
}

const TRY_IN_PLACE: &str = "cat \"$DIR/source/file\"; touch \"$DIR/source/new\"; echo x > \"$DIR/source/file\"; \
     touch \"$DIR/target/new\"; grep -c . /proc/self/uid_map";

#[test]
fn data_in_its_place_is_read_only_to_the_command_alone() {
    if !may_mount() {
        return;
    }
    let step = Step::shell(TRY_IN_PLACE);
    let (source, target) = seen(&step);
    let file = source.join("file");
    let ran = step
        .with(|spec| spec.mounts = vec![in_place(&source), in_place(&file)])
        .run();
    let text = ran.text();
    assert!(text.starts_with("content\n"), "{text}");
    assert_eq!(text.matches("Read-only file system").count(), 2, "{text}");
    assert_eq!(fs::read(&file).unwrap(), b"content\n");
    assert!(!source.join("new").exists() && target.join("new").exists());
    fs::write(file, "others write").unwrap();
}

#[test]
fn what_lies_in_data_in_its_place_can_stay_writable() {
    if !may_mount() {
        return;
    }
    // By way of a link: what counts is where it leads.
    let step = Step::shell("cd source; touch new; touch ../link/newer; touch \"$DIR/new\"");
    let (source, target) = seen(&step);
    std::os::unix::fs::symlink(&step.folder, target.join("all")).unwrap();
    std::os::unix::fs::symlink(&source, step.folder.join("link")).unwrap();
    let folder = step.folder.clone();
    let ran = step
        .with(|spec| {
            spec.cwd.clone_from(&folder);
            spec.mounts = vec![in_place(&target.join("all"))];
            spec.writable = vec![source.clone(), "/no/such".into()];
        })
        .run();
    let text = ran.text();
    assert_eq!(text.matches("Read-only file system").count(), 1, "{text}");
    assert!(source.join("new").exists() && source.join("newer").exists());
}

#[test]
fn what_was_read_only_does_not_become_writable() {
    let step = Step::shell("touch \"$DIR/source/sub/new\"");
    let (source, _) = seen(&step);
    fs::create_dir(source.join("sub")).unwrap();
    let mounted = Command::new("mount")
        .args(["--bind", "-o", "ro"])
        .args([&source, &source])
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("SKIP: cannot mount");
        return;
    }
    let folder = source.clone();
    let ran = step
        .with(|spec| {
            spec.mounts = vec![in_place(&source)];
            spec.writable = vec![source.join("sub")];
        })
        .run();
    let unmounted = Command::new("umount").arg("--lazy").arg(&folder).status();
    assert!(unmounted.unwrap().success());
    assert!(
        ran.text().contains("Read-only file system"),
        "{}",
        ran.text()
    );
}

#[test]
fn a_command_does_without_the_mount_of_data_in_its_place_and_is_told() {
    // A namespace of mounts cannot be mounted in a younger one.
    let odd = Path::new("/proc/1/ns/mnt");
    let ran = Step::shell("echo ran")
        .with(|spec| spec.mounts.push(in_place(odd)))
        .run();
    let told = "jobd: inputs.data: /proc/1/ns/mnt cannot be mounted read-only here: \
                the command can write to it\nran\n";
    assert_eq!(ran.text(), told);
    if !is_root() {
        return;
    }
    // Nor is a user namespace made for it.
    let step = Step::shell("cat \"$DIR/source/file\"; cat /proc/self/uid_map");
    let (source, _) = seen(&step);
    let ran = step
        .with(|spec| {
            spec.user = Some(user(NOBODY));
            spec.mounts.push(in_place(&source));
        })
        .run();
    let own = fs::read_to_string("/proc/self/uid_map").unwrap();
    assert!(
        ran.text().ends_with(&format!("content\n{own}")),
        "{}",
        ran.text()
    );
}

#[test]
fn what_is_not_there_is_said_as_such_before_any_mount() {
    let missing = Path::new("/no/such");
    let ran = Step::shell("true")
        .with(|spec| {
            spec.mounts.push(in_place(missing));
            spec.requires.push(Requirement {
                name: "inputs.data".into(),
                path: missing.into(),
                kind: RequirementKind::Any,
            });
        })
        .run();
    let (reason, _) = ran.start_failure();
    assert!(reason.starts_with("inputs.data: /no/such: "), "{reason}");
}
