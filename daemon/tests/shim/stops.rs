//! Limits and requests to stop.

use nix::sys::signal::Signal;
use proto::record::{Ended, Stop, StopReason};

use crate::harness::{LONG_MS, Step, is_alive, wait_until};

const KILLED: Ended = Ended::Signaled {
    signal: libc::SIGKILL,
};
const TERMINATED: Ended = Ended::Signaled {
    signal: libc::SIGTERM,
};

fn stop(reason: StopReason, killed: bool) -> Option<Stop> {
    Some(Stop { reason, killed })
}

#[test]
fn a_limit_that_is_honoured_stops_on_time() {
    let step = Step::probe(&["sleep-ms", "3600000"]).with(|spec| spec.limit_ms = Some(200));
    let exit = step.run().exit;
    assert_eq!(
        (exit.ended, exit.stop),
        (TERMINATED, stop(StopReason::Limit, false))
    );
    assert!(
        (200..10_000).contains(&exit.duration_ms),
        "{} ms",
        exit.duration_ms
    );
}

#[test]
fn a_limit_that_is_ignored_kills_after_the_grace() {
    // Long enough for the probe to have begun to ignore the signal, also on a busy machine.
    let step = Step::probe(&["ignore-term"]).with(|spec| {
        spec.limit_ms = Some(3_000);
        spec.grace_ms = 300;
    });
    let exit = step.run().exit;
    assert_eq!(
        (exit.ended, exit.stop),
        (KILLED, stop(StopReason::Limit, true))
    );
    assert!(
        (3_300..30_000).contains(&exit.duration_ms),
        "{} ms",
        exit.duration_ms
    );
    assert_eq!(exit.leftovers_killed, 0, "the main process is no leftover");
}

/// Adds words that leave a file behind; they are the last to run, and hold nobody for ever.
fn with_kill(step: Step, script: &str) -> Step {
    let script = format!("cd {}; {script}", step.folder.display());
    let words = ["/bin/sh", "-c", &script].map(str::to_owned);
    step.with(|spec| spec.kill = words.into())
}

#[test]
fn what_a_kill_does_not_reach_is_ended_by_the_words_for_it() {
    let script = "trap '' TERM; echo said; while :; do sleep 0.1; done";
    let step = Step::shell(script).with(|spec| {
        spec.limit_ms = Some(1_000);
        spec.grace_ms = 100;
        spec.env.push(("OWN".to_owned(), "mine".to_owned()));
    });
    let words = r#"echo "$OWN" > ended; echo unheard; sleep 1000 & exit 3"#;
    let ran = with_kill(step, words).run();
    let expected = (KILLED, stop(StopReason::Limit, true));
    assert_eq!((ran.exit.ended.clone(), ran.exit.stop), expected);
    let ended = std::fs::read_to_string(ran.shim.path("ended")).unwrap();
    assert_eq!(ended, "mine\n");
    assert_eq!(ran.text(), "said\n");
}

#[test]
fn a_command_that_ends_by_itself_needs_no_such_words() {
    let ran = with_kill(Step::probe(&["exit", "0"]), "touch ended").run();
    assert_eq!(ran.exit.ended, Ended::Exited { code: 0 });
    assert!(!ran.shim.has("ended"));
}

#[test]
fn a_command_that_ends_before_its_limit_is_not_stopped() {
    let exit = Step::probe(&["exit", "5"])
        .with(|spec| spec.limit_ms = Some(LONG_MS))
        .run()
        .exit;
    assert_eq!((exit.ended, exit.stop), (Ended::Exited { code: 5 }, None));
}

#[test]
fn a_limit_of_nothing_stops_at_once() {
    let step = Step::probe(&["sleep-ms", "3600000"]).with(|spec| {
        spec.limit_ms = Some(0);
        spec.grace_ms = 0;
    });
    let exit = step.run().exit;
    assert_eq!(exit.stop.map(|stop| stop.reason), Some(StopReason::Limit));
}

#[test]
fn a_stopped_command_is_continued_to_end() {
    let exit = Step::probe(&["stop-self"])
        .with(|spec| spec.limit_ms = Some(200))
        .run()
        .exit;
    assert_eq!(
        (exit.ended, exit.stop),
        (TERMINATED, stop(StopReason::Limit, false))
    );
}

#[test]
fn a_request_is_a_polite_stop() {
    let script = "trap 'echo caught; exit 7' TERM; echo > $DIR/ready; while :; do :; done";
    let shim = Step::shell(script).start();
    shim.wait_for("ready");
    shim.signal(Signal::SIGTERM);
    let ran = shim.finish();
    assert_eq!(ran.exit.ended, Ended::Exited { code: 7 });
    assert_eq!(ran.exit.stop, stop(StopReason::Request, false));
    assert_eq!(ran.text(), "caught\n");
}

#[test]
fn repeated_requests_are_one_and_the_command_hears_one_signal() {
    let script = "trap 'echo caught' TERM; echo > $DIR/ready; while :; do :; done";
    let shim = Step::shell(script).with(|spec| spec.grace_ms = 500).start();
    shim.wait_for("ready");
    let log = shim.path("log");
    shim.signal(Signal::SIGTERM);
    wait_until("the signal", || {
        std::fs::read(&log).is_ok_and(|log| !log.is_empty())
    });
    shim.signal(Signal::SIGTERM);
    let ran = shim.finish();
    assert_eq!(ran.exit.stop, stop(StopReason::Request, true));
    assert!(ran.exit.duration_ms >= 500, "the grace holds");
    assert_eq!(ran.text(), "caught\n");
}

#[test]
fn an_interrupt_does_not_wait_for_the_grace() {
    let first = [
        &[Signal::SIGINT][..],
        &[Signal::SIGTERM, Signal::SIGINT][..],
    ];
    for signals in first {
        let shim = Step::probe(&["ignore-term"])
            .with_path("--ready", "ready")
            .start();
        shim.wait_for("ready");
        for signal in signals {
            shim.signal(*signal);
        }
        let exit = shim.finish().exit;
        assert_eq!(
            (exit.ended, exit.stop),
            (KILLED, stop(StopReason::Request, true))
        );
    }
}

#[test]
fn a_request_reaches_processes_that_left_the_group() {
    let script = "$PROBE detach --pid-file $DIR/detached; exec $PROBE ignore-term --ready $DIR/on";
    let shim = Step::shell(script).start();
    let detached = shim.pid_in("detached");
    shim.wait_for("on");
    shim.signal(Signal::SIGTERM);
    wait_until("the polite end of the detached process", || {
        !is_alive(detached)
    });
    assert!(!shim.has_exit(), "the main process ignores the signal");
    shim.signal(Signal::SIGINT);
    let exit = shim.finish().exit;
    assert_eq!(
        (exit.ended, exit.stop),
        (KILLED, stop(StopReason::Request, true))
    );
}

#[test]
fn closing_the_output_is_not_the_end() {
    let shim = Step::probe(&["close-output"])
        .with_path("--ready", "ready")
        .start();
    let main = shim.pid_in("ready");
    assert!(is_alive(main) && !shim.has_exit());
    shim.signal(Signal::SIGTERM);
    let exit = shim.finish().exit;
    assert_eq!(
        (exit.ended, exit.stop),
        (TERMINATED, stop(StopReason::Request, false))
    );
}
