//! What is owed: each acknowledged job with what has become of it, against the witness's marks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use proto::api::JobView;
use proto::outcome::Outcome;

/// The account.
#[derive(Debug, Default)]
pub struct Account {
    witness: PathBuf,
    read: u64,
    rest: String,
    runs: HashMap<String, u32>,
    /// Acknowledged and not yet seen at their end.
    pub owed: BTreeSet<String>,
    pub settled: u64,
    pub lost: u64,
    pub ends: BTreeMap<&'static str, u64>,
    pub faults: Vec<String>,
}

impl Account {
    pub fn new(witness: PathBuf) -> Account {
        Account {
            witness,
            ..Account::default()
        }
    }

    /// How many jobs ran more than once.
    pub fn doubled(&self) -> usize {
        self.runs.values().filter(|runs| **runs > 1).count()
    }

    /// Reads the marks that were left since the last time.
    pub fn read_marks(&mut self) {
        let Ok(mut file) = File::open(&self.witness) else {
            return;
        };
        let mut text = String::new();
        let moved = file.seek(SeekFrom::Start(self.read));
        if moved.and_then(|_| file.read_to_string(&mut text)).is_err() {
            return;
        }
        self.read += text.len() as u64;
        self.rest.push_str(&text);
        let whole = self.rest.rfind('\n').map_or(0, |at| at + 1);
        let lines: String = self.rest.drain(..whole).collect();
        for line in lines.lines() {
            *self.runs.entry(line.to_owned()).or_default() += 1;
        }
    }

    /// Settles a job that has ended. It may be lost only if its shim was killed.
    pub fn settle(&mut self, view: &JobView, is_shim_killed: bool) {
        let runs = self.runs.get(&view.name).copied().unwrap_or(0);
        let (kind, is_right) = match &view.outcome {
            Some(Outcome::Exited { code: 0 }) => ("exited", runs == 1),
            Some(Outcome::TimedOut { .. }) => ("timed out", runs == 1),
            Some(Outcome::Canceled { .. }) => ("canceled", runs <= 1),
            Some(Outcome::StartFailed { reason, .. }) => {
                ("not started", runs == 0 && !reason.is_empty())
            }
            // A shim's child that has not yet become the job bears the shim's name: it may be the
            // one that was killed, and then this is the truth.
            Some(Outcome::Signaled { signal: 9, .. }) => ("killed", runs <= 1 && is_shim_killed),
            Some(Outcome::Lost { reason }) => {
                self.lost += 1;
                ("lost", runs <= 1 && is_shim_killed && !reason.is_empty())
            }
            _ => ("wrong", false),
        };
        *self.ends.entry(kind).or_default() += 1;
        if !is_right {
            let outcome = &view.outcome;
            self.faults
                .push(format!("{}: {outcome:?} after {runs} runs", view.name));
        }
        self.owed.remove(&view.name);
        self.settled += 1;
    }
}
