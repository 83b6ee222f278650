//! What one commit makes durable, and what waits for it.

use std::collections::{HashMap, HashSet};

use proto::api::ApiError;

use crate::core::event::Force;
use crate::core::{Answer, Effect, Job, JobId, NewJob, StepRef, Ticket};
use crate::store::Write;

/// An effect that is carried out after the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Make a step ready.
    MakeReady(JobId, StepRef),
    /// Start a step.
    Launch(JobId, StepRef),
    /// Let the end of another start a step.
    LineUp(JobId, StepRef),
    /// Start a step unless the end of another has.
    LetGo(JobId, StepRef),
    /// No end starts another step any more.
    Disband,
    /// Stop a step.
    Stop(JobId, StepRef, Force),
}

/// The writes of a commit with the deeds and replies that wait for it.
#[derive(Debug, Default)]
pub struct Batch {
    pub writes: Vec<Write>,
    pub deeds: Vec<Deed>,
    /// Deeds that do not wait for the commit: what they need is stored.
    pub at_once: Vec<Deed>,
    pub replies: Vec<(Ticket, Result<Answer, ApiError>)>,
    /// Where the write of a job stands: a job that changes twice is written once.
    written: HashMap<JobId, usize>,
}

impl Batch {
    /// Takes what the core wants done.
    pub fn extend(&mut self, effects: impl IntoIterator<Item = Effect>) {
        for effect in effects {
            match effect {
                Effect::Insert(job, new) => {
                    self.written.insert(job.id, self.writes.len());
                    self.writes.push(Write::Insert(job, new));
                }
                Effect::Update(job) => self.update(job),
                Effect::Report(id, report) => self.writes.push(Write::Report(id, report)),
                Effect::SetPaused(paused) => self.writes.push(Write::SetPaused(paused)),
                Effect::MakeReady(id, step) => self.deeds.push(Deed::MakeReady(id, step)),
                Effect::Launch(id, step) => self.deeds.push(Deed::Launch(id, step)),
                Effect::LaunchAtOnce(id, step) => self.at_once.push(Deed::Launch(id, step)),
                Effect::LineUp(id, step) => self.at_once.push(Deed::LineUp(id, step)),
                Effect::LetGo(id, step) => self.at_once.push(Deed::LetGo(id, step)),
                Effect::Disband => self.at_once.push(Deed::Disband),
                Effect::Stop(id, step, force) => self.deeds.push(Deed::Stop(id, step, force)),
                Effect::Reply(ticket, answer) => self.replies.push((ticket, answer)),
            }
        }
    }

    /// Whether a step waits for the commit to be started or stopped.
    pub fn is_urgent(&self) -> bool {
        let mut deeds = self.deeds.iter();
        deeds.any(|deed| !matches!(deed, Deed::MakeReady(..)))
    }

    /// Whether there is nothing to do at all.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.deeds.is_empty() && self.replies.is_empty()
    }

    fn update(&mut self, job: Job) {
        match self.written.get(&job.id) {
            Some(&at) => match &mut self.writes[at] {
                Write::Insert(written, _) | Write::Update(written) => *written = job,
                _ => {}
            },
            None => {
                self.written.insert(job.id, self.writes.len());
                self.writes.push(Write::Update(job));
            }
        }
    }

    /// The jobs whose state this batch writes, in order.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.writes.iter().filter_map(|write| match write {
            Write::Insert(job, _) | Write::Update(job) => Some(job),
            _ => None,
        })
    }

    /// The jobs that this commit both admits and starts at once, with what is stored of them.
    pub fn begins(&self) -> impl Iterator<Item = (&Job, &NewJob)> {
        self.deeds.iter().filter_map(|deed| {
            let Deed::Launch(id, StepRef::FIRST_COMMAND) = *deed else {
                return None;
            };
            match self.writes.get(*self.written.get(&id)?)? {
                Write::Insert(job, new) => Some((job, new)),
                _ => None,
            }
        })
    }

    /// Whether the folders of a job are given up by this batch.
    pub fn is_pruning(&self, id: JobId) -> bool {
        let mut writes = self.writes.iter();
        writes.any(|write| matches!(write, Write::Prune(ids, _) if ids.contains(&id)))
    }

    /// The versions of an asset that this batch registers.
    pub fn versions_of(&self, asset: &str) -> impl Iterator<Item = &str> {
        self.writes.iter().filter_map(move |write| match write {
            Write::Register(version, new, _) if new.name == asset => Some(version.as_str()),
            _ => None,
        })
    }

    /// Takes all submissions out and turns their replies into the error; answers which jobs must
    /// be forgotten. What remains is still to be written.
    pub fn refuse_submissions(&mut self, error: &ApiError) -> Vec<JobId> {
        let refused: HashSet<JobId> = self
            .writes
            .iter()
            .filter_map(|write| match write {
                Write::Insert(job, _) => Some(job.id),
                _ => None,
            })
            .collect();
        self.writes
            .retain(|write| !matches!(write, Write::Insert(..)));
        self.deeds.retain(|deed| match deed {
            Deed::MakeReady(id, _)
            | Deed::Launch(id, _)
            | Deed::LineUp(id, _)
            | Deed::LetGo(id, _)
            | Deed::Stop(id, ..) => !refused.contains(id),
            Deed::Disband => true,
        });
        for (_, answer) in &mut self.replies {
            if matches!(answer, Ok(Answer::Submitted(_))) {
                *answer = Err(error.clone());
            }
        }
        self.written = self
            .writes
            .iter()
            .enumerate()
            .filter_map(|(at, write)| match write {
                Write::Update(job) => Some((job.id, at)),
                _ => None,
            })
            .collect();
        refused.into_iter().collect()
    }

    /// Takes out all replies: the refusals as they are, the others as the error. What they asked
    /// for stays in the batch.
    pub fn take_replies(&mut self, error: &ApiError) -> Vec<(Ticket, Result<Answer, ApiError>)> {
        let replies = std::mem::take(&mut self.replies);
        let refused = |(ticket, answer): (Ticket, Result<Answer, ApiError>)| {
            (ticket, answer.and(Err(error.clone())))
        };
        replies.into_iter().map(refused).collect()
    }

    /// Takes out the stops of steps that run already. A stop may go before its commit: should the
    /// daemon die in between, the shim's own record tells that the step was told to stop.
    pub fn take_stops(&mut self) -> Vec<Deed> {
        let is_pending = |id: &JobId, deeds: &[Deed]| {
            deeds.iter().any(|deed| {
                matches!(deed, Deed::Launch(pending, _) | Deed::MakeReady(pending, _) if pending == id)
            })
        };
        let all = std::mem::take(&mut self.deeds);
        let (stops, rest) = all
            .iter()
            .partition(|deed| matches!(deed, Deed::Stop(id, ..) if !is_pending(id, &all)));
        self.deeds = rest;
        stops
    }
}
