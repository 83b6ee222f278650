//! What the command finds, and what it does not.

use std::fs;
use std::os::unix::fs::MetadataExt;

use proto::record::User;

use crate::harness::{Step, is_root};

#[test]
fn the_environment_is_exactly_the_one_of_the_spec() {
    let variables = [("B", "2"), ("A", "a b=c\nd"), ("EMPTY", "")];
    let ran = Step::probe(&["env"]).with(|spec| {
        spec.env = variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    });
    assert_eq!(ran.run().text(), "B=2\nA=a b=c\nd\nEMPTY=\n");
    assert_eq!(Step::probe(&["env"]).run().text(), "");
}

#[test]
fn only_the_standard_descriptors_are_open() {
    assert_eq!(Step::probe(&["fds"]).run().text(), "0\n1\n2\n");
}

#[test]
fn standard_input_is_at_its_end() {
    assert_eq!(Step::probe(&["read-stdin"]).run().text(), "0\n");
}

#[test]
fn the_working_folder_and_the_mask_are_the_ones_of_the_spec() {
    let ran = Step::probe(&["cwd"])
        .with(|spec| spec.cwd = "/usr".into())
        .run();
    assert_eq!(ran.text(), "/usr\n");
    assert_eq!(Step::shell("umask").run().text(), "0022\n");
}

#[test]
fn no_signal_is_blocked_or_ignored() {
    let ran = Step::command(&["/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]).run();
    assert_eq!(
        ran.text(),
        "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
    );
}

#[test]
fn the_command_is_not_spared_when_memory_is_short() {
    let ran = Step::command(&["/bin/cat", "/proc/self/oom_score_adj"]).run();
    let own = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    let expected = if is_root() { "0\n" } else { own.as_str() };
    assert_eq!(ran.text(), expected);
}

#[test]
fn the_command_runs_as_the_user_of_the_spec_and_nobody_else() {
    if !is_root() {
        return;
    }
    let fields = "^(Uid|Gid|Groups|CapEff)";
    let step = Step::command(&["/bin/grep", "-E", fields, "/proc/self/status"]).with(|spec| {
        spec.user = Some(User {
            uid: 65_534,
            gid: 65_533,
            groups: vec![65_531, 65_532],
        });
    });
    let ran = step.run();
    let text = ran.text().replace(' ', "\t");
    let expected = "Uid:\t65534\t65534\t65534\t65534\nGid:\t65533\t65533\t65533\t65533\n\
                    Groups:\t65531\t65532\t\nCapEff:\t0000000000000000\n";
    assert_eq!(text, expected);
    let log = fs::metadata(&ran.shim.step.spec.log.path).unwrap();
    assert_eq!(
        (log.uid(), log.gid()),
        (65_534, 65_533),
        "the user can read the log"
    );
}

#[test]
fn the_limit_of_open_files_is_the_one_of_the_spec() {
    let ran = Step::shell("ulimit -Sn").with(|spec| spec.open_files = Some(333));
    assert_eq!(ran.run().text(), "333\n");
}
