//! How a command ends by itself, or does not begin.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proto::record::{Ended, Requirement, RequirementKind, User};

use crate::harness::{Step, is_root, probe};

#[test]
fn the_exit_code_is_the_commands_own() {
    for code in [0, 1, 3, 127, 255] {
        let ran = Step::probe(&["exit", &code.to_string()]).run();
        assert_eq!(ran.exit.ended, Ended::Exited { code });
        assert_eq!(ran.exit.stop, None);
        assert_eq!(ran.exit.leftovers_killed, 0);
    }
}

#[test]
fn a_death_by_signal_is_told_with_its_number() {
    // The last is a real-time signal.
    for signal in [
        libc::SIGKILL,
        libc::SIGSEGV,
        libc::SIGPIPE,
        libc::SIGTERM,
        40,
    ] {
        let ran = Step::probe(&["signal", &signal.to_string()]).run();
        assert_eq!(ran.exit.ended, Ended::Signaled { signal });
        assert_eq!(ran.exit.stop, None, "nobody stopped it");
    }
}

#[test]
fn the_times_and_the_use_of_the_tree_are_measured() {
    let step = Step::shell("$PROBE sleep-ms 50; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done");
    let exit = step.run().exit;
    assert!(
        exit.duration_ms >= 50 && exit.cpu_ms >= 10 && exit.max_rss_kib > 500,
        "{exit:?}"
    );
}

#[test]
fn a_program_that_cannot_be_run_is_a_failed_start() {
    let (nowhere, folder) = ("/nowhere/program", "/etc");
    let missing = Step::command(&[nowhere]).run();
    assert_eq!(
        missing.start_failure(),
        (
            "program /nowhere/program: no such file or directory",
            Some(libc::ENOENT)
        )
    );
    let denied = Step::command(&[folder]).run();
    assert_eq!(
        denied.start_failure(),
        ("program /etc: permission denied", Some(libc::EACCES))
    );
    let step = Step::command(&[]);
    let script = step.folder.join("script");
    fs::write(&script, "no first line that names a program").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = step
        .with(|spec| spec.argv = vec![script.to_str().unwrap().to_owned()])
        .run();
    assert_eq!(ran.start_failure().1, Some(libc::ENOEXEC));
}

#[test]
fn a_spec_that_no_kernel_could_run_is_a_failed_start() {
    let none = Step::command(&[]).run();
    assert_eq!(none.start_failure().0, "no program is given");
    let nul = Step::command(&[probe(), "a\0b"]).run();
    assert_eq!(nul.start_failure().0, "an argument has a NUL byte");
    assert!(!nul.shim.has_started(), "nothing can have run");
}

#[test]
fn a_missing_working_folder_is_a_failed_start() {
    let ran = Step::probe(&["cwd"])
        .with(|spec| spec.cwd = "/nowhere".into())
        .run();
    let reason = "working folder /nowhere: no such file or directory";
    assert_eq!(ran.start_failure(), (reason, Some(libc::ENOENT)));
}

#[test]
fn a_log_that_cannot_be_made_is_a_failed_start() {
    let ran = Step::probe(&["exit", "0"])
        .with(|spec| spec.log.path = "/nowhere/log".into())
        .run();
    let reason = "log /nowhere/log: no such file or directory";
    assert_eq!(ran.start_failure(), (reason, Some(libc::ENOENT)));
}

#[test]
fn a_requirement_that_is_not_met_is_named() {
    let require = |path: &str, kind| Requirement {
        name: "inputs.data".to_owned(),
        path: path.into(),
        kind,
    };
    let cases = [
        (
            "/x/y",
            RequirementKind::Any,
            "no such file or directory",
            libc::ENOENT,
        ),
        (
            "/etc/passwd",
            RequirementKind::Folder,
            "not a directory",
            libc::ENOTDIR,
        ),
        (
            "/etc",
            RequirementKind::File,
            "is a directory",
            libc::EISDIR,
        ),
    ];
    for (path, kind, why, errno) in cases {
        let met = require("/etc", RequirementKind::Folder);
        let step = Step::shell("$PROBE append $DIR/witness ran");
        let ran = step
            .with(|spec| spec.requires = vec![met, require(path, kind)])
            .run();
        let reason = format!("inputs.data: {path}: {why}");
        assert_eq!(ran.start_failure(), (reason.as_str(), Some(errno)));
        assert!(!ran.shim.has("witness"));
    }
}

#[test]
fn requirements_that_are_met_do_not_matter() {
    let requires = [
        ("/etc", RequirementKind::Any),
        ("/etc", RequirementKind::Folder),
        ("/etc/passwd", RequirementKind::File),
    ];
    let requires = requires.map(|(path, kind)| Requirement {
        name: "inputs.data".to_owned(),
        path: path.into(),
        kind,
    });
    let ran = Step::probe(&["exit", "4"])
        .with(|spec| spec.requires = requires.into())
        .run();
    assert_eq!(ran.exit.ended, Ended::Exited { code: 4 });
}

#[test]
fn requirements_are_seen_with_the_users_eyes() {
    if !is_root() {
        return;
    }
    let step = Step::command(&["/bin/true"]);
    let private = step.folder.join("private");
    fs::create_dir(&private).unwrap();
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).unwrap();
    let path = private.join("data");
    fs::write(&path, "").unwrap();
    let ran = step.with(|spec| {
        spec.user = Some(User {
            uid: 65_534,
            gid: 65_534,
            groups: Vec::new(),
        });
        let name = "inputs.data".to_owned();
        spec.requires = vec![Requirement {
            name,
            path,
            kind: RequirementKind::File,
        }];
    });
    assert_eq!(ran.run().start_failure().1, Some(libc::EACCES));
}
