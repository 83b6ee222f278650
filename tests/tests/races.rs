//! Three ends in the same instant: a job ends by itself just when its limit comes and it is
//! canceled. Whichever was first, there is one end, everybody tells the same, and nothing is left.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jobd_tests::harness::{DEADLINE, Home, JobFile, Witness, probe_command, wait_until};
use proto::api::{ApiError, Cancel};
use proto::outcome::Outcome;
use proto::record::{Ended, Exit, StopReason};
use serde_json::Value;

/// Jobs in all, and at a time.
const ROUNDS: usize = 60;
const AT_A_TIME: usize = 6;
/// The limit of each, in seconds.
const LIMIT_SECS: u64 = 1;
/// How far from the limit the ends by themselves and the cancels are spread, in milliseconds: on
/// a busy machine nothing comes to the millisecond.
const SPREAD_MS: u64 = 20;

/// A moment near the limit that is another in each round, in milliseconds from the start.
fn moment(round: usize, stride: usize) -> u64 {
    let steps = ROUNDS as u64;
    let at = (round * stride % ROUNDS) as u64;
    LIMIT_SECS * 1_000 - SPREAD_MS + at * 2 * SPREAD_MS / steps
}

fn name(round: usize) -> String {
    format!("race{round:02}")
}

fn job(witness: &Witness, round: usize) -> JobFile {
    let mark = witness.echo(&name(round));
    let sleep = probe_command(&["sleep-ms", &moment(round, 7).to_string()]);
    JobFile::new(&format!("{mark}; {sleep}"))
        .name(&name(round))
        .timeout(LIMIT_SECS)
}

/// Cancels when the moment has come; whether that was accepted.
fn cancel_at(home: &Home, round: usize, begun: Instant) -> bool {
    let mut socket = home.connect();
    let at = begun + Duration::from_millis(moment(round, 11));
    wait_until("the moment", DEADLINE, || Instant::now() >= at);
    let cancel = Cancel {
        name: name(round),
        force: None,
    };
    match socket.call(&cancel) {
        Ok(_) => true,
        // It had ended.
        Err(ApiError::BadStatus { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

/// What the shim's record says of the end, as the daemon must show it.
fn told_by(exit: &Exit) -> Outcome {
    match (exit.stop, &exit.ended) {
        (Some(stop), _) if stop.reason == StopReason::Limit => Outcome::TimedOut {
            limit_secs: LIMIT_SECS,
            killed: stop.killed,
        },
        (Some(stop), _) => Outcome::Canceled {
            killed: stop.killed,
        },
        (None, Ended::Exited { code }) => Outcome::Exited { code: *code },
        (None, other) => panic!("nobody asked for that: {other:?}"),
    }
}

/// One end, the same in outcome, status, history and record; which it was.
fn assert_one_end(home: &Home, round: usize, was_accepted: bool) -> String {
    let shown: Value = home.wait(&name(round));
    let outcome: Outcome = serde_json::from_value(shown["outcome"].clone()).unwrap();
    assert_eq!(outcome, told_by(&home.exit(&name(round))), "{shown}");
    let status = match &outcome {
        Outcome::Exited { code } => {
            assert_eq!(*code, 0, "{shown}");
            "Completed"
        }
        _ => "Canceled",
    };
    assert_eq!(shown["status"], status, "{shown}");
    let history: Vec<&str> = shown["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["status"].as_str().unwrap())
        .collect();
    let ends = history
        .iter()
        .filter(|status| ["Completed", "Failed", "Canceled"].contains(status));
    assert_eq!(ends.count(), 1, "{history:?}");
    assert_eq!(history.last(), Some(&status), "{history:?}");
    let canceled = matches!(outcome, Outcome::Canceled { .. });
    assert!(!canceled || was_accepted, "canceled by nobody: {shown}");
    shown["outcome"]["kind"].as_str().unwrap().to_owned()
}

#[test]
fn a_job_that_ends_as_its_limit_and_a_cancel_come_has_one_end() {
    let slots = AT_A_TIME.to_string();
    let mut home = Home::running(&["--slots", &slots, "--grace-seconds", "1"]);
    let witness = Witness::in_folder(home.path());
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let rounds: Vec<usize> = (0..ROUNDS).collect();
    for some in rounds.chunks(AT_A_TIME) {
        let accepted: Vec<bool> = std::thread::scope(|scope| {
            let racing = |round: &usize| {
                let (home, witness, round) = (&home, &witness, *round);
                scope.spawn(move || {
                    drop(home.submit(&job(witness, round)));
                    drop(home.started(&name(round)));
                    cancel_at(home, round, Instant::now())
                })
            };
            let all: Vec<_> = some.iter().map(racing).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        for (round, was_accepted) in some.iter().zip(accepted) {
            *kinds
                .entry(assert_one_end(&home, *round, was_accepted))
                .or_default() += 1;
        }
    }
    println!("{kinds:?}");
    witness.assert_once_each(rounds.iter().map(|round| name(*round)));
    let daemon = home.daemon_pid();
    let is_alone = || home.processes().into_iter().all(|pid| pid == daemon);
    wait_until("the end of all processes", DEADLINE, is_alone);
    // An end is an end, for the next daemon too.
    let before: Vec<_> = rounds.iter().map(|r| home.show(&name(*r))).collect();
    home.kill();
    home.start(&[]);
    let after: Vec<_> = rounds.iter().map(|r| home.show(&name(*r))).collect();
    assert_eq!(before, after);
}
