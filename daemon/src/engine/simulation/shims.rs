//! Fake shims, the line between them, and what exec knows of both.

use proto::record::{Ended, Stop, StopReason};

use super::{Key, Shim, World, exit};
use crate::core::event::Force;
use crate::core::reconcile::{ExitFact, Facts, SpecFact, StartedFact, Verdict, reconcile};
use crate::core::{Event, StepEnd, StepKind};

impl World {
    pub(super) fn keys(&self, wanted: impl Fn(&Shim) -> bool) -> Vec<Key> {
        self.shims
            .iter()
            .filter(|(_, shim)| wanted(shim))
            .map(|(key, _)| *key)
            .collect()
    }

    /// A living shim starts its command, or ends it.
    pub(super) fn shim_acts(&mut self) {
        let keys = self.keys(|shim| shim.alive);
        let Some(key) = self.random.pick(&keys) else {
            return;
        };
        let duration_ms = self.random.next() % 100;
        let roll = self.random.below(7);
        let Some(shim) = self.shims.get_mut(&key) else {
            return;
        };
        if !shim.started && roll == 6 {
            let refused = Ended::Refused {
                reason: "new process".into(),
                errno: 11,
            };
            shim.exit = Some(exit(refused, None, 0));
            shim.alive = false;
            self.exec.words.push_back(key);
            return;
        }
        if !shim.started {
            shim.started = true;
            if key.1.kind == StepKind::Command {
                *self.executions.entry(key.0).or_default() += 1;
            }
            return;
        }
        let (ended, stop) = match (shim.stop, roll) {
            (Some(_), 0..=3) => (Ended::Signaled { signal: 15 }, Some(StopReason::Request)),
            (_, 4) => (Ended::Signaled { signal: 15 }, Some(StopReason::Limit)),
            (_, 5) => (Ended::Exited { code: 3 }, None),
            (_, 6) => (Ended::Signaled { signal: 15 }, Some(StopReason::Silence)),
            _ => (Ended::Exited { code: 0 }, None),
        };
        shim.exit = Some(exit(
            ended,
            stop.map(|reason| Stop {
                reason,
                killed: false,
            }),
            duration_ms,
        ));
        shim.alive = false;
        // One that was told to stop takes no other step, and lets none go.
        if shim.stop.is_none() && key.1.kind == StepKind::Command {
            self.let_next_go();
        }
        self.exec.words.push_back(key);
    }

    pub(super) fn shim_dies(&mut self) {
        let keys = self.keys(|shim| shim.alive);
        let Some(key) = self.random.pick(&keys) else {
            return;
        };
        if let Some(shim) = self.shims.get_mut(&key) {
            shim.alive = false;
        }
        match self.random.below(4) {
            0 if key.1.kind == StepKind::Command => self.let_next_go(),
            // Between the two.
            1 if key.1.kind == StepKind::Command => {
                self.exec.taken.extend(self.exec.line.pop_front())
            }
            _ => {}
        }
        self.exec.words.push_back(key);
    }

    /// A step is over, and its shim lets the next of the line go.
    pub(super) fn let_next_go(&mut self) {
        if let Some(next) = self.exec.line.pop_front() {
            self.exec.taken.push(next);
            self.let_go(next);
        }
    }

    pub(super) fn let_go(&mut self, key: Key) {
        let shim = Shim {
            alive: true,
            ..Shim::default()
        };
        self.shims.entry(key).or_insert(shim);
    }

    /// Exec hears of an end, and of who was let go by it or before it.
    pub(super) fn exec_hears(&mut self) {
        self.exec_fills_line();
        if let Some(key) = self.exec.words.pop_front() {
            let mut news = self.taken_were_let_go();
            if self.watched.remove(&key) {
                news.push(self.look(key));
            }
            self.news.push_back(news);
        }
    }

    /// Those that are ready by now.
    pub(super) fn exec_fills_line(&mut self) {
        let ready = self.random.below(self.exec.coming.len() + 1);
        self.exec.line.extend(self.exec.coming.drain(..ready));
    }

    pub(super) fn taken_were_let_go(&mut self) -> Vec<Event> {
        let taken = std::mem::take(&mut self.exec.taken);
        let events = taken.into_iter().map(|key| {
            self.let_go(key);
            self.exec.granted.remove(&key.0);
            self.watched.insert(key);
            Event::Launched(key.0, key.1)
        });
        events.collect()
    }

    /// All come out of the line, to come again.
    pub(super) fn exec_recalls(&mut self) {
        let news = self.taken_were_let_go();
        self.news.push_back(news);
        while let Some(key) = self.exec.line.pop_back() {
            self.exec.coming.push_front(key);
        }
    }

    pub(super) fn look(&mut self, key: Key) -> Event {
        let shim = self.shims.get(&key).cloned().unwrap_or_default();
        let facts = Facts {
            lock_held: shim.alive,
            spec: SpecFact::ThisBoot,
            started: if shim.started {
                StartedFact::ThisBoot
            } else {
                StartedFact::Absent
            },
            exit: shim
                .exit
                .map_or(ExitFact::Absent, |exit| ExitFact::Whole(Box::new(exit))),
        };
        match reconcile(facts) {
            Verdict::Adopt | Verdict::LookAgain => {
                self.watched.insert(key);
                Event::Launched(key.0, key.1)
            }
            Verdict::Ended(end) | Verdict::KillLeftovers(end) => Event::Ended(key.0, key.1, end),
        }
    }

    pub(super) fn launch(&mut self, key: Key) {
        let (id, step) = key;
        self.exec.granted.remove(&id);
        self.exec.coming.retain(|coming| *coming != key);
        assert!(
            !self.shims.contains_key(&key),
            "I2: {key:?} is launched twice"
        );
        if self.random.below(8) == 0 {
            let failed = Event::LaunchFailed(id, step, "no fork".into());
            self.news.push_back(vec![failed]);
            return;
        }
        self.let_go(key);
        self.watched.insert(key);
        self.news.push_back(vec![Event::Launched(id, step)]);
    }

    pub(super) fn stop(&mut self, key: Key, force: Force) {
        self.exec_recalls();
        self.exec.granted.remove(&key.0);
        self.exec.coming.retain(|coming| *coming != key);
        if self.watched.contains(&key) {
            let shim = self.shims.get_mut(&key).unwrap();
            shim.stop = Some(force);
        } else {
            let never_ran = Event::Ended(key.0, key.1, StepEnd::NeverRan);
            self.news.push_back(vec![never_ran]);
        }
    }
}
