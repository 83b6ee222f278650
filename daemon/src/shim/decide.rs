//! What to do next with a step: a pure state machine over what was seen and what time it is.
//!
//! Every end has exactly one reason. A main process that was reaped before the first signal was
//! sent ended by itself; a request and a limit in the same instant count as the request, because
//! somebody waits for it. All times are milliseconds of one monotonic clock.

use proto::record::{Stop, StopReason};

/// Milliseconds that processes left behind by the main process get to end by themselves, so that
/// the output of a process substitution arrives.
pub(super) const DRAIN_MS: u64 = 2_000;

/// How often a silent command is looked at within the silence that it may keep.
const LOOKS_PER_SILENCE: u64 = 4;
/// And how seldom at most, in milliseconds.
const LOOK_MS_MIN: u64 = 50;

/// What happened since the last decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The main process was reaped, now or earlier.
    pub main_ended: bool,
    /// No process of the step is left.
    pub empty: bool,
    /// A polite stop was requested.
    pub terminate: bool,
    /// A stop without grace was requested.
    pub interrupt: bool,
    /// It gave a sign of life.
    pub beat: bool,
}

/// What the supervisor is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Nothing.
    Wait,
    /// Ask every process to end, once.
    Terminate,
    /// Kill every process until none is left.
    Kill,
    /// Record the end.
    Finish,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The main process runs.
    Running,
    /// It was asked to end.
    Stopping { kill_at: u64 },
    /// It has ended and others are left.
    Draining { kill_at: u64 },
    /// Everything is being killed.
    Killing,
}

/// The signs of life that are waited for.
#[derive(Debug)]
struct Heartbeat {
    silence_ms: u64,
    kill_ms: Option<u64>,
    last_beat: u64,
    next_look: u64,
}

impl Heartbeat {
    fn new(now: u64, silence_ms: u64, kill_ms: Option<u64>) -> Heartbeat {
        let mut heartbeat = Heartbeat {
            silence_ms,
            kill_ms,
            last_beat: now,
            next_look: now,
        };
        heartbeat.look(now, false);
        heartbeat
    }

    fn look(&mut self, now: u64, beat: bool) {
        if beat {
            self.last_beat = now;
        }
        if now >= self.next_look {
            let pause = (self.silence_ms / LOOKS_PER_SILENCE).max(LOOK_MS_MIN);
            self.next_look = now.saturating_add(pause);
        }
    }

    fn silence(&self, now: u64) -> u64 {
        now.saturating_sub(self.last_beat)
    }

    fn is_over(&self, now: u64) -> bool {
        self.kill_ms
            .is_some_and(|kill| self.silence(now) >= self.silence_ms.saturating_add(kill))
    }
}

/// The state of one step.
#[derive(Debug)]
pub(super) struct Machine {
    phase: Phase,
    limit_at: Option<u64>,
    heartbeat: Option<Heartbeat>,
    grace_ms: u64,
    stop: Option<Stop>,
    leftovers: bool,
}

impl Machine {
    /// A step that starts at `now`.
    pub(super) fn new(now: u64, limit_ms: Option<u64>, grace_ms: u64) -> Machine {
        Machine {
            phase: Phase::Running,
            limit_at: limit_ms.map(|limit| now.saturating_add(limit)),
            heartbeat: None,
            grace_ms,
            stop: None,
            leftovers: false,
        }
    }

    /// The same with signs of life that are waited for.
    pub(super) fn with_heartbeat(
        mut self,
        now: u64,
        silence_ms: u64,
        kill_ms: Option<u64>,
    ) -> Machine {
        self.heartbeat = Some(Heartbeat::new(now, silence_ms, kill_ms));
        self
    }

    /// Milliseconds of a silence that has become too long; none while it beats, or when nobody
    /// waits for a beat any more.
    pub(super) fn silence(&self, now: u64) -> Option<u64> {
        let heartbeat = self.heartbeat.as_ref()?;
        let silence = heartbeat.silence(now);
        (self.phase == Phase::Running && silence >= heartbeat.silence_ms).then_some(silence)
    }

    /// Decides; to be called whenever something was seen or [`Machine::wake_at`] is reached.
    pub(super) fn step(&mut self, now: u64, seen: Seen) -> Order {
        if seen.empty {
            return Order::Finish;
        }
        if seen.main_ended {
            self.drain_from(now);
        }
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.look(now, seen.beat);
        }
        match self.phase {
            Phase::Running => self.while_running(now, seen),
            Phase::Stopping { kill_at } => {
                if seen.interrupt || now >= kill_at {
                    self.stop = self.stop.map(|stop| Stop {
                        killed: true,
                        ..stop
                    });
                    self.kill()
                } else {
                    Order::Wait
                }
            }
            Phase::Draining { kill_at } => {
                if seen.interrupt || now >= kill_at {
                    self.leftovers = true;
                    self.kill()
                } else {
                    Order::Wait
                }
            }
            Phase::Killing => Order::Wait,
        }
    }

    /// The time at which the next decision is due although nothing happens; none for never.
    pub(super) fn wake_at(&self) -> Option<u64> {
        match self.phase {
            Phase::Running => {
                let look = self.heartbeat.as_ref().map(|heartbeat| heartbeat.next_look);
                self.limit_at.into_iter().chain(look).min()
            }
            Phase::Stopping { kill_at } | Phase::Draining { kill_at } => Some(kill_at),
            Phase::Killing => None,
        }
    }

    /// Whether the processes are being killed.
    pub(super) fn is_killing(&self) -> bool {
        self.phase == Phase::Killing
    }

    /// Whether what is killed are processes that outlived the main process.
    pub(super) fn has_leftovers(&self) -> bool {
        self.leftovers
    }

    /// The stop that was carried out.
    pub(super) fn stop(&self) -> Option<Stop> {
        self.stop
    }

    /// Leftovers get some time, but never more than a stop that is under way.
    fn drain_from(&mut self, now: u64) {
        let drained = now.saturating_add(DRAIN_MS);
        match self.phase {
            Phase::Running => self.phase = Phase::Draining { kill_at: drained },
            Phase::Stopping { kill_at } => {
                self.phase = Phase::Draining {
                    kill_at: kill_at.min(drained),
                };
            }
            Phase::Draining { .. } | Phase::Killing => {}
        }
    }

    fn while_running(&mut self, now: u64, seen: Seen) -> Order {
        if seen.interrupt {
            self.stop = Some(Stop {
                reason: StopReason::Request,
                killed: true,
            });
            return self.kill();
        }
        let limit_reached = self.limit_at.is_some_and(|limit| now >= limit);
        let is_silent = self
            .heartbeat
            .as_ref()
            .is_some_and(|heartbeat| heartbeat.is_over(now));
        let reason = match (seen.terminate, limit_reached, is_silent) {
            (true, _, _) => StopReason::Request,
            (false, true, _) => StopReason::Limit,
            (false, false, true) => StopReason::Silence,
            (false, false, false) => return Order::Wait,
        };
        self.stop = Some(Stop {
            reason,
            killed: false,
        });
        self.phase = Phase::Stopping {
            kill_at: now.saturating_add(self.grace_ms),
        };
        Order::Terminate
    }

    fn kill(&mut self) -> Order {
        self.phase = Phase::Killing;
        Order::Kill
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOTHING: Seen = Seen {
        main_ended: false,
        empty: false,
        terminate: false,
        interrupt: false,
        beat: false,
    };
    const ENDED: Seen = Seen {
        main_ended: true,
        ..NOTHING
    };
    const EMPTY: Seen = Seen {
        main_ended: true,
        empty: true,
        ..NOTHING
    };
    const TERMINATE: Seen = Seen {
        terminate: true,
        ..NOTHING
    };
    const INTERRUPT: Seen = Seen {
        interrupt: true,
        ..NOTHING
    };

    /// Starts at 1000 with a limit of 500 and a grace of 100.
    fn machine() -> Machine {
        Machine::new(1_000, Some(500), 100)
    }

    fn stop(reason: StopReason, killed: bool) -> Option<Stop> {
        Some(Stop { reason, killed })
    }

    #[test]
    fn a_step_that_ends_by_itself_has_no_stop() {
        let mut machine = machine();
        assert_eq!(machine.wake_at(), Some(1_500));
        assert_eq!(machine.step(1_200, NOTHING), Order::Wait);
        assert_eq!(machine.step(1_300, EMPTY), Order::Finish);
        assert_eq!(machine.stop(), None);
    }

    #[test]
    fn without_a_limit_it_never_wakes() {
        let mut machine = Machine::new(1_000, None, 100);
        assert_eq!(machine.wake_at(), None);
        assert_eq!(machine.step(u64::MAX, NOTHING), Order::Wait);
    }

    #[test]
    fn an_end_beats_a_limit_and_a_request_of_the_same_instant() {
        let all = Seen {
            main_ended: true,
            empty: true,
            terminate: true,
            interrupt: true,
            beat: false,
        };
        let mut machine = machine();
        assert_eq!(machine.step(1_500, all), Order::Finish);
        assert_eq!(machine.stop(), None);
    }

    #[test]
    fn an_end_with_leftovers_beats_them_too() {
        let mut machine = machine();
        let both = Seen {
            main_ended: true,
            terminate: true,
            ..NOTHING
        };
        assert_eq!(machine.step(1_500, both), Order::Wait);
        assert_eq!(machine.wake_at(), Some(1_500 + DRAIN_MS));
        assert_eq!(machine.step(1_500 + DRAIN_MS, ENDED), Order::Kill);
        assert!(machine.has_leftovers());
        assert_eq!(machine.step(4_000, EMPTY), Order::Finish);
        assert_eq!(machine.stop(), None);
    }

    #[test]
    fn a_request_beats_a_limit_of_the_same_instant() {
        let mut machine = machine();
        assert_eq!(machine.step(1_500, TERMINATE), Order::Terminate);
        assert_eq!(machine.stop(), stop(StopReason::Request, false));
    }

    #[test]
    fn a_limit_is_a_polite_stop_and_then_a_kill() {
        let mut machine = machine();
        assert_eq!(machine.step(1_499, NOTHING), Order::Wait);
        assert_eq!(machine.step(1_500, NOTHING), Order::Terminate);
        assert_eq!(machine.wake_at(), Some(1_600));
        assert_eq!(
            machine.step(1_599, TERMINATE),
            Order::Wait,
            "the reason stays"
        );
        assert_eq!(machine.step(1_600, NOTHING), Order::Kill);
        assert!(machine.is_killing() && !machine.has_leftovers());
        assert_eq!(machine.step(1_700, ENDED), Order::Wait);
        assert_eq!(machine.step(1_800, EMPTY), Order::Finish);
        assert_eq!(machine.stop(), stop(StopReason::Limit, true));
    }

    #[test]
    fn a_stop_that_is_honoured_did_not_kill() {
        let mut machine = machine();
        assert_eq!(machine.step(1_100, TERMINATE), Order::Terminate);
        assert_eq!(
            machine.step(1_150, TERMINATE),
            Order::Wait,
            "a repetition changes nothing"
        );
        assert_eq!(machine.wake_at(), Some(1_200));
        assert_eq!(machine.step(1_160, ENDED), Order::Wait);
        assert_eq!(
            machine.wake_at(),
            Some(1_200),
            "leftovers get the rest of the grace"
        );
        assert_eq!(machine.step(1_200, ENDED), Order::Kill);
        assert_eq!(machine.step(1_300, EMPTY), Order::Finish);
        assert_eq!(machine.stop(), stop(StopReason::Request, false));
    }

    #[test]
    fn leftovers_of_a_stop_do_not_get_a_long_grace() {
        let mut machine = Machine::new(0, None, 60_000);
        assert_eq!(machine.step(10, TERMINATE), Order::Terminate);
        assert_eq!(machine.step(20, ENDED), Order::Wait);
        assert_eq!(machine.wake_at(), Some(20 + DRAIN_MS));
    }

    #[test]
    fn an_interrupt_kills_at_once_and_shortens_a_grace() {
        let mut running = machine();
        assert_eq!(running.step(1_100, INTERRUPT), Order::Kill);
        assert_eq!(running.stop(), stop(StopReason::Request, true));
        let mut stopping = machine();
        assert_eq!(stopping.step(1_500, NOTHING), Order::Terminate);
        assert_eq!(stopping.step(1_510, INTERRUPT), Order::Kill);
        assert_eq!(stopping.stop(), stop(StopReason::Limit, true));
        let mut draining = machine();
        assert_eq!(draining.step(1_100, ENDED), Order::Wait);
        assert_eq!(
            draining.step(
                1_110,
                Seen {
                    interrupt: true,
                    ..ENDED
                }
            ),
            Order::Kill
        );
        assert_eq!(draining.stop(), None);
    }

    #[test]
    fn a_silent_step_is_silent_until_it_beats_and_is_not_stopped() {
        let beat = Seen {
            beat: true,
            ..NOTHING
        };
        let mut machine = Machine::new(0, None, 100).with_heartbeat(0, 1_000, None);
        assert_eq!(machine.wake_at(), Some(250), "it is looked at in between");
        assert_eq!(machine.step(999, NOTHING), Order::Wait);
        assert_eq!(machine.silence(999), None);
        assert_eq!(machine.step(1_249, NOTHING), Order::Wait);
        assert_eq!(machine.silence(1_249), Some(1_249));
        assert_eq!(machine.step(1_300, beat), Order::Wait);
        assert_eq!(machine.silence(2_299), None);
        assert_eq!(machine.step(60_000, NOTHING), Order::Wait);
        assert_eq!(machine.stop(), None);
    }

    #[test]
    fn a_step_that_stays_silent_is_stopped_if_that_was_asked_for() {
        let mut machine = Machine::new(0, None, 100).with_heartbeat(0, 1_000, Some(500));
        assert_eq!(machine.step(1_499, NOTHING), Order::Wait);
        assert_eq!(machine.step(1_750, NOTHING), Order::Terminate);
        assert_eq!(machine.silence(1_750), None, "nobody waits for a beat");
        assert_eq!(machine.step(1_850, NOTHING), Order::Kill);
        assert_eq!(machine.stop(), stop(StopReason::Silence, true));
    }

    proptest! {
        /// Whatever happens in whatever order: one stop at most, its reason never changes, each
        /// signal is ordered once, and from the limit on the kill is never later than the grace.
        #[test]
        fn every_history_has_one_reason_and_an_end(
            events in proptest::collection::vec((0u64..200, any::<[bool; 3]>()), 1..60)
        ) {
            let mut machine = machine();
            let (mut now, mut main_ended, mut orders) = (1_000, false, Vec::new());
            let mut reason = None;
            for (later, [ends, terminate, interrupt]) in events {
                now += later;
                main_ended |= ends && terminate;
                orders.push(machine.step(now, Seen { main_ended, empty: false, terminate, interrupt, beat: false }));
                if let Some(stop) = machine.stop() {
                    prop_assert_eq!(*reason.get_or_insert(stop.reason), stop.reason);
                }
                if let Some(wake) = machine.wake_at() {
                    prop_assert!(wake > now, "a due decision was taken");
                }
            }
            let count = |order| orders.iter().filter(|o| **o == order).count();
            prop_assert!(count(Order::Terminate) <= 1 && count(Order::Kill) <= 1);
            prop_assert!(machine.wake_at().is_none_or(|wake| wake <= now + DRAIN_MS));
            prop_assert_eq!(machine.step(now, EMPTY), Order::Finish);
        }
    }
}
