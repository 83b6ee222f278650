//! The loop around a running command: it waits for signals, output and the next deadline, and
//! carries out what the state machine decides.
//!
//! An idle step costs nothing: without a limit the loop sleeps until something happens.

use std::fs::File;
use std::iter;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll, ppoll};
use nix::sys::time::{TimeSpec, TimeValLike};
use proto::record::{Ended, Spec, Stop};

use super::cgroup::Leaf;
use super::decide::{Machine, Order, Seen};
use super::heartbeat::Heartbeat;
use super::launch::{Launched, StartFailure};
use super::log::Log;
use super::pump::{Chunk, Pump};
use super::reap::{self, Reaped, Usage};
use super::record::Records;
use super::report::Report;
use super::signals::{Arrived, Signals};
use super::tree;
use crate::sys::clock::monotonic_ms;
use crate::sys::failpoint;

/// Milliseconds between two kills, while nothing is reaped: at first, and for a process that the
/// kernel does not let die (a disk that does not answer).
const KILL_PAUSE_MS: (u64, u64) = (1, 1_000);
/// For how long the output of a command that prints little but often is let gather, in
/// microseconds: whoever is woken for each of its lines holds it up.
const GATHER_MICROS: i64 = 250;
/// Output at once that is no longer little, in bytes.
const MUCH_BYTES: usize = 64 << 10;
/// The pause of output that is still often, in milliseconds.
const OFTEN_MS: u64 = 1;
/// After output was waited for in vain, so many milliseconds pass before it is again.
const VAIN_MS: u64 = 10;
/// The pause after a poll(2) that failed for want of memory.
const POLL_PAUSE: Duration = Duration::from_millis(100);

/// How a step ended.
#[derive(Debug)]
pub(super) struct Outcome {
    /// How the main process ended.
    pub ended: Ended,
    /// The stop that came before.
    pub stop: Option<Stop>,
    /// Processes that outlived the main process and were killed.
    pub leftovers_killed: u32,
    /// What all its processes used.
    pub usage: Usage,
    /// Whether a stop was requested, be it too late: the signal may be meant for this step, and
    /// must not hit the next.
    pub was_signalled: bool,
    /// Whether any of its processes died of SIGKILL.
    pub was_killed: bool,
    /// The log, complete.
    pub log: Log<File>,
}

/// What the wait ended with.
#[derive(Debug, Clone, Copy)]
struct Ready {
    signals: bool,
    output: bool,
}

/// What serves every step of this process.
#[derive(Debug)]
pub(super) struct Tools {
    /// The signals.
    pub signals: Signals,
    /// The way of the output.
    pub chunk: Chunk,
    /// Where a process says why it cannot become the command.
    pub failure: Report,
}

/// A running step.
pub(super) struct Supervisor<'a> {
    spec: &'a Spec,
    tools: &'a mut Tools,
    leaf: Option<&'a Leaf>,
    machine: Machine,
    main: i32,
    main_status: Option<i32>,
    is_empty: bool,
    heartbeat: Option<Heartbeat<'a>>,
    _output: OwnedFd,
    pump: Pump,
    /// When there was output last, when it was let gather in vain, and whether it is let now.
    printed_at: u64,
    vain_at: u64,
    gathers: bool,
    leftovers_killed: u32,
    usage: Usage,
    was_signalled: bool,
    was_killed: bool,
    kill_pause_ms: u64,
}

impl<'a> Supervisor<'a> {
    /// Takes over a command that was released at `begun` (monotonic milliseconds).
    pub(super) fn new(
        spec: &'a Spec,
        records: &'a Records,
        tools: &'a mut Tools,
        leaf: Option<&'a Leaf>,
        launched: Launched,
        begun: u64,
    ) -> Supervisor<'a> {
        let mut machine = Machine::new(begun, spec.limit_ms, spec.grace_ms);
        if let Some(heartbeat) = &spec.heartbeat {
            machine = machine.with_heartbeat(begun, heartbeat.silence_ms, heartbeat.kill_ms);
        }
        let heartbeat = spec.heartbeat.as_ref();
        Supervisor {
            spec,
            tools,
            leaf,
            machine,
            heartbeat: heartbeat.map(|heartbeat| Heartbeat::new(heartbeat, records)),
            main: launched.main,
            main_status: None,
            is_empty: false,
            _output: launched.output,
            pump: launched.pump,
            printed_at: 0,
            vain_at: 0,
            gathers: false,
            leftovers_killed: 0,
            usage: Usage::default(),
            was_signalled: false,
            was_killed: false,
            kill_pause_ms: KILL_PAUSE_MS.0,
        }
    }

    /// Returns when no process of the step is left.
    pub(super) fn run(mut self) -> Outcome {
        loop {
            let ready = self.wait();
            let arrived = if ready.signals {
                self.tools.signals.read()
            } else {
                Arrived::default()
            };
            self.was_signalled |= arrived.terminate || arrived.interrupt;
            let now = monotonic_ms();
            let is_due = self.is_due(now);
            // Whoever was not let on for a while must not take what came meanwhile for silence.
            let has_output = (ready.output || is_due) && self.take_output();
            let beat = has_output || (is_due && self.has_beaten());
            if ready.signals || self.machine.is_killing() || is_due {
                // First of all: an end that the kernel knows of comes before any decision.
                self.reap();
            }
            let order = self.machine.step(now, self.seen(arrived, beat));
            if let Some(heartbeat) = &mut self.heartbeat {
                heartbeat.tell(self.machine.silence(now));
            }
            match order {
                Order::Wait => {}
                Order::Terminate => {
                    failpoint::reach("shim.before-terminate");
                    tree::terminate(self.main);
                }
                Order::Kill => {
                    failpoint::reach("shim.before-kill");
                    self.kill_fence();
                }
                Order::Finish => return self.finish(),
            }
            if self.machine.is_killing() {
                tree::kill_seen();
            }
        }
    }

    fn finish(self) -> Outcome {
        let failure = self.tools.failure.take();
        let failure = failure.map(|failure| StartFailure::of_child(failure, self.spec).ended());
        Outcome {
            ended: failure.unwrap_or_else(|| reap::ended(self.main_status.unwrap_or(0))),
            stop: self.machine.stop(),
            leftovers_killed: self.leftovers_killed,
            usage: self.usage,
            was_signalled: self.was_signalled,
            was_killed: self.was_killed,
            log: self.pump.finish(&mut self.tools.chunk),
        }
    }

    /// Whether there was any.
    fn take_output(&mut self) -> bool {
        let now = monotonic_ms();
        let bytes = self.pump.copy(&mut self.tools.chunk);
        if bytes == 0 {
            self.vain_at = now;
            return false;
        }
        let is_often = now.saturating_sub(self.printed_at) <= OFTEN_MS;
        let was_in_vain = now.saturating_sub(self.vain_at) < VAIN_MS;
        self.gathers = is_often && !was_in_vain && bytes < MUCH_BYTES;
        self.printed_at = now;
        true
    }

    fn has_beaten(&mut self) -> bool {
        self.heartbeat.as_mut().is_some_and(Heartbeat::has_changed)
    }

    fn seen(&self, arrived: Arrived, beat: bool) -> Seen {
        Seen {
            main_ended: self.main_status.is_some(),
            empty: self.is_empty,
            terminate: arrived.terminate,
            interrupt: arrived.interrupt,
            beat,
        }
    }

    fn is_due(&self, now: u64) -> bool {
        self.machine.wake_at().is_some_and(|wake| now >= wake)
    }

    fn wait(&mut self) -> Ready {
        if std::mem::take(&mut self.gathers)
            && let Some(signals) = self.gather()
        {
            let output = !signals;
            return Ready { signals, output };
        }
        let timeout = self.timeout();
        let signals = PollFd::new(self.tools.signals.as_fd(), PollFlags::POLLIN);
        let output = self.pump.source();
        let output = output.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        let mut fds: Vec<_> = iter::once(signals).chain(output).collect();
        if poll(&mut fds, timeout).is_err() {
            // Everything that is ready is read without blocking, so looking is always right.
            thread::sleep(POLL_PAUSE);
            return Ready {
                signals: true,
                output: true,
            };
        }
        let mut ready = fds.iter().map(|fd| fd.any().unwrap_or(true));
        Ready {
            signals: ready.next().unwrap_or(false),
            output: ready.next().unwrap_or(false),
        }
    }

    /// Waits for signals only, and not long; whether there are any, if that is known.
    fn gather(&self) -> Option<bool> {
        let mut signals = [PollFd::new(self.tools.signals.as_fd(), PollFlags::POLLIN)];
        let pause = TimeSpec::microseconds(GATHER_MICROS);
        let found = ppoll(&mut signals, Some(pause), None).ok()?;
        Some(found > 0)
    }

    /// Until the next decision, or for ever. A wait that poll(2) cannot express ends early.
    fn timeout(&mut self) -> PollTimeout {
        let wait_ms = if self.machine.is_killing() {
            let pause = self.kill_pause_ms;
            self.kill_pause_ms = (pause * 2).min(KILL_PAUSE_MS.1);
            Some(pause)
        } else {
            self.machine
                .wake_at()
                .map(|wake| wake.saturating_sub(monotonic_ms()))
        };
        wait_ms.map_or(PollTimeout::NONE, |wait| {
            PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX)
        })
    }

    fn reap(&mut self) {
        loop {
            match reap::next() {
                Reaped::Child { pid, status, usage } => {
                    self.usage.add(usage);
                    self.was_killed |= reap::was_killed(status);
                    if pid == self.main {
                        self.main_status = Some(status);
                    } else {
                        let counts = self.machine.has_leftovers() && reap::was_killed(status);
                        self.leftovers_killed += u32::from(counts);
                    }
                }
                Reaped::None => return,
                Reaped::Empty => {
                    self.is_empty = true;
                    return;
                }
            }
            self.kill_pause_ms = KILL_PAUSE_MS.0;
        }
    }

    /// What gets out of the fence, or is in none, is killed one by one.
    fn kill_fence(&self) {
        if let Some(leaf) = self.leaf {
            let _killed_one_by_one = leaf.kill();
        }
    }
}
