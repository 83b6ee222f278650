//! The log: exact, bounded, and never in the way.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proto::record::Ended;

use crate::harness::{SmallDisk, Step, wait_until};

/// What the probe spews.
fn spewed(bytes: u64, binary: bool) -> Vec<u8> {
    let byte = |at: u64| {
        let phase = (at % 251) as u8;
        if binary { phase } else { b'a' + phase % 26 }
    };
    (0..bytes).map(byte).collect()
}

#[test]
fn the_log_is_what_was_written_byte_for_byte() {
    for (options, binary) in [(&["--binary"][..], true), (&[][..], false)] {
        let ran = Step::probe(&[&["spew", "3000001"], options].concat()).run();
        assert!(ran.log() == spewed(3_000_001, binary), "the bytes differ");
        assert_eq!(
            (ran.exit.log_bytes, ran.exit.log_bytes_dropped),
            (3_000_001, 0)
        );
    }
}

#[test]
fn both_outputs_are_in_one_log_in_their_order() {
    let ran = Step::shell("echo one; echo two >&2; echo three; printf four >&2").run();
    assert_eq!(ran.text(), "one\ntwo\nthree\nfour");
    let mode = fs::metadata(&ran.shim.step.spec.log.path)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn an_earlier_log_is_appended_to() {
    let step = Step::probe(&["lines", "2"]);
    fs::write(&step.spec.log.path, "before\n").unwrap();
    let ran = step.run();
    assert_eq!(ran.text(), "before\n0\n1\n");
    assert_eq!(ran.exit.log_bytes, 11);
}

#[test]
fn output_beyond_the_cap_is_dropped_counted_and_marked() {
    let step = Step::probe(&["spew", "2000000"]).with(|spec| spec.log.bytes_max = 100_000);
    let ran = step.run();
    let mut expected = spewed(100_000, false);
    expected.extend(b"\n[jobd: output beyond 100000 bytes was dropped]\n");
    assert!(ran.log() == expected, "the bytes differ");
    assert_eq!(ran.exit.log_bytes, expected.len() as u64);
    assert_eq!(ran.exit.log_bytes_dropped, 1_900_000);
    assert_eq!(
        ran.exit.ended,
        Ended::Exited { code: 0 },
        "the command did not notice"
    );
}

#[test]
fn output_that_just_fits_is_whole() {
    for bytes in [65_536, 100_000] {
        let count = bytes.to_string();
        let step = Step::probe(&["spew", &count]).with(|spec| spec.log.bytes_max = bytes);
        let ran = step.run();
        assert!(ran.log() == spewed(bytes, false), "the bytes differ");
        assert_eq!((ran.exit.log_bytes, ran.exit.log_bytes_dropped), (bytes, 0));
    }
}

#[test]
fn a_full_disk_costs_output_and_nothing_else() {
    let step = Step::probe(&["spew", "3000000"]).with(|spec| spec.log.path = "/dev/full".into());
    let exit = step.run().exit;
    assert_eq!(exit.ended, Ended::Exited { code: 0 });
    assert_eq!(exit.log_errno, Some(libc::ENOSPC));
    assert_eq!((exit.log_bytes, exit.log_bytes_dropped), (0, 3_000_000));
}

#[test]
fn a_command_that_fills_the_disk_has_a_true_end() {
    let step = Step::shell("/bin/cat /dev/zero > $DIR/fill; echo lost; exit 9");
    let Some(_disk) = SmallDisk::mount(&step.folder) else {
        return;
    };
    let ran = step.run();
    assert_eq!(ran.exit.ended, Ended::Exited { code: 9 });
    assert_eq!(ran.exit.log_errno, Some(libc::ENOSPC));
    let full = fs::write(ran.shim.path("one more"), "byte").unwrap_err();
    assert_eq!(
        full.raw_os_error(),
        Some(libc::ENOSPC),
        "the disk has not been full"
    );
}

#[test]
fn a_log_that_fills_the_disk_is_a_prefix_of_the_output() {
    let step = Step::probe(&["spew", "3000000"]);
    let Some(_disk) = SmallDisk::mount(&step.folder) else {
        return;
    };
    let ran = step.run();
    assert_eq!(ran.exit.ended, Ended::Exited { code: 0 });
    assert_eq!(ran.exit.log_errno, Some(libc::ENOSPC));
    let log = ran.log();
    assert!(!log.is_empty(), "the disk was full before");
    assert!(log == spewed(log.len() as u64, false), "the bytes differ");
    assert_eq!(ran.exit.log_bytes, log.len() as u64);
    assert_eq!(ran.exit.log_bytes + ran.exit.log_bytes_dropped, 3_000_000);
}

#[test]
fn a_log_that_is_emptied_goes_on_at_its_new_end() {
    let shim = Step::shell("echo one; $PROBE hold $DIR/end; echo two").start();
    let log = shim.path("log");
    wait_until("the first line", || {
        fs::read(&log).is_ok_and(|log| !log.is_empty())
    });
    fs::write(&log, "").unwrap();
    fs::write(shim.path("end"), "").unwrap();
    assert_eq!(shim.finish().text(), "two\n");
}

#[test]
fn a_log_that_is_a_link_is_not_followed() {
    let step = Step::probe(&["exit", "0"]);
    let target = step.folder.join("target");
    fs::write(&target, "mine").unwrap();
    std::os::unix::fs::symlink(&target, &step.spec.log.path).unwrap();
    let ran = step.run();
    assert_eq!(ran.start_failure().1, Some(libc::ELOOP));
    assert_eq!(fs::read(&target).unwrap(), b"mine");
}

#[test]
fn a_log_that_is_taken_away_does_not_matter_to_the_command() {
    let shim = Step::shell("echo one; $PROBE hold $DIR/end; echo two").start();
    let log = shim.path("log");
    wait_until("the first line", || {
        fs::read(&log).is_ok_and(|log| !log.is_empty())
    });
    fs::remove_file(&log).unwrap();
    fs::write(shim.path("end"), "").unwrap();
    let exit = shim.finish().exit;
    assert_eq!((exit.ended, exit.log_bytes), (Ended::Exited { code: 0 }, 8));
}

#[test]
fn much_output_does_not_make_the_shim_grow() {
    let script =
        "$PROBE hold $DIR/go; $PROBE spew 200000000; echo > $DIR/done; $PROBE hold $DIR/end";
    let shim = Step::shell(script)
        .with(|spec| spec.log.bytes_max = 1_000_000)
        .start();
    shim.started();
    let before = shim.status("VmRSS");
    fs::write(shim.path("go"), "").unwrap();
    shim.wait_for("done");
    let grown = shim.status("VmHWM").saturating_sub(before);
    assert!(grown < 1_024, "the shim grew by {grown} KiB");
    fs::write(shim.path("end"), "").unwrap();
    let exit = shim.finish().exit;
    assert_eq!(exit.log_bytes_dropped, 199_000_000);
}

#[test]
fn output_after_the_end_of_the_main_process_arrives() {
    let script = "exec > >($PROBE sleep-ms 300; cat; echo late); echo early; exit 6";
    let ran = Step::shell(script).run();
    assert_eq!(ran.exit.ended, Ended::Exited { code: 6 });
    assert_eq!(ran.text(), "early\nlate\n");
    assert_eq!(ran.exit.leftovers_killed, 0);
}
