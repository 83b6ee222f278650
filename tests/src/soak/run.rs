//! The loop.

use std::collections::HashSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use jobd_tests::harness::process::{signal, state, supervised_step};
use jobd_tests::harness::{DEADLINE, Home, JobFile, Socket, Witness, wait_until};
use nix::sys::signal::Signal;
use proto::api::{ApiError, Cancel, JobView, Method, Show, Submission, Submit};

use super::account::Account;
use super::disk::Disk;
use super::random::Random;

/// The folders of old jobs go, or the small disk would be full of them after half an hour; each
/// killed daemon is one more deletion that is cut off.
const ARGUMENTS: [&str; 6] = [
    "--slots",
    "8",
    "--grace-seconds",
    "1",
    "--retention-jobs",
    "500",
];
/// Jobs that are owed at a time.
const OWED_MAX: usize = 300;
/// Between two actions, in milliseconds, at most.
const PAUSE_MS_MAX: u64 = 60;
/// How long a full disk stays full, in actions.
const FULL_ACTIONS: u64 = 8;
const ANSWER_MAX: Duration = Duration::from_millis(500);
/// How long the last jobs may take.
const END_MAX: Duration = Duration::from_secs(120);
const MINUTE: Duration = Duration::from_secs(60);

/// A soak under way. The home goes before the disk that its state is on.
pub struct Soak {
    home: Home,
    disk: Option<Disk>,
    seed: u64,
    random: Random,
    witness: Witness,
    account: Account,
    number: u64,
    daemons_killed: u64,
    shims_killed: HashSet<String>,
    filled: u64,
    full_for: u64,
    refused: u64,
}

impl Soak {
    pub fn new(seed: u64) -> Soak {
        let mut home = Home::new();
        let disk = Disk::mount(&home.path().join("state"));
        if disk.is_none() {
            println!("SKIP: the disk is not filled, mounting is not possible");
        }
        println!("seed {seed}");
        let witness = Witness::in_folder(home.path());
        let account = Account::new(home.path().join("witness"));
        fs::create_dir_all(home.path().join("code")).unwrap_or_default();
        home.start(&ARGUMENTS);
        Soak {
            home,
            disk,
            seed,
            random: Random::new(seed),
            witness,
            account,
            number: 0,
            daemons_killed: 0,
            shims_killed: HashSet::new(),
            filled: 0,
            full_for: 0,
            refused: 0,
        }
    }

    /// Works for so long, waits for the last end, and says how it was.
    pub fn run(&mut self, length: Duration) {
        let begun = Instant::now();
        let mut next_line = MINUTE;
        while begun.elapsed() < length {
            self.act();
            thread::sleep(Duration::from_millis(self.random.below(PAUSE_MS_MAX)));
            if begun.elapsed() >= next_line {
                next_line += MINUTE;
                self.settle();
                println!("{}", self.line(begun));
            }
        }
        self.free();
        let until = Instant::now() + END_MAX;
        while !self.account.owed.is_empty() && Instant::now() < until {
            self.settle();
            thread::sleep(Duration::from_millis(PAUSE_MS_MAX));
        }
        self.account.read_marks();
        for name in &self.account.owed {
            self.account.faults.push(format!("{name} never ended"));
        }
        println!("{}", self.line(begun));
        for fault in &self.account.faults {
            println!("FAULT: {fault}");
        }
    }

    /// Whether nothing was doubled, and nothing lost without a reason.
    pub fn is_clean(&self) -> bool {
        self.account.faults.is_empty() && self.account.doubled() == 0 && self.account.settled > 0
    }

    fn line(&self, begun: Instant) -> String {
        format!(
            "minutes {:.1}, seed {}, jobs {}, owed {}, daemons killed {}, shims killed {}, disk filled {}, refused {}, ends {:?}, lost {}, doubled = {}, faults {}",
            begun.elapsed().as_secs_f64() / 60.0,
            self.seed,
            self.account.settled,
            self.account.owed.len(),
            self.daemons_killed,
            self.shims_killed.len(),
            self.filled,
            self.refused,
            self.account.ends,
            self.account.lost,
            self.account.doubled(),
            self.account.faults.len(),
        )
    }

    fn act(&mut self) {
        if self.full_for > 0 {
            self.full_for -= 1;
            if self.full_for == 0 {
                self.free();
            }
        }
        if self.account.owed.len() >= OWED_MAX {
            self.settle();
        }
        match self.random.below(100) {
            0..=3 => self.kill_daemon(),
            4..=9 => self.kill_shim(),
            10..=14 => self.cancel(),
            15 => self.fill(),
            16..=24 => self.spool(),
            25..=29 => self.settle(),
            _ => self.submit(),
        }
    }

    fn fill(&mut self) {
        if let Some(disk) = self.disk.as_ref().filter(|disk| !disk.is_full()) {
            disk.fill();
            self.filled += 1;
            self.full_for = FULL_ACTIONS;
        }
    }

    fn free(&mut self) {
        self.full_for = 0;
        if let Some(disk) = &self.disk {
            disk.free();
        }
    }

    /// Kills the daemon and starts the next; on a full disk it may not be able to start.
    fn kill_daemon(&mut self) {
        self.home.kill();
        self.daemons_killed += 1;
        if self.home.try_start(&ARGUMENTS).is_err() {
            self.free();
            self.home.start(&ARGUMENTS);
        }
    }

    fn kill_shim(&mut self) {
        let processes = self.home.processes().into_iter();
        let shims: Vec<i32> = processes
            .filter(|pid| supervised_step(*pid).is_some())
            .collect();
        let Some(&pid) = self.random.pick(&shims) else {
            return;
        };
        // It may be about to begin its next step: which one it has is only true once it stands.
        signal(pid, Signal::SIGSTOP);
        wait_until("a stopped supervisor", DEADLINE, || {
            matches!(state(pid), None | Some('T' | 'Z' | 'X'))
        });
        if let Some(step) = supervised_step(pid) {
            let folder = step.rsplit('/').next().unwrap_or_default();
            let job = folder.split('.').next().unwrap_or_default();
            self.shims_killed.insert(job.to_owned());
        }
        signal(pid, Signal::SIGKILL);
    }

    fn cancel(&mut self) {
        let owed: Vec<_> = self.account.owed.iter().cloned().collect();
        if let Some(name) = self.random.pick(&owed).cloned() {
            // Unanswered or refused: then it ends in another way.
            let _answer = self.call(&Cancel { name, force: None });
        }
    }

    fn job(&mut self) -> (String, JobFile) {
        self.number += 1;
        let name = format!("j{}", self.number);
        let mark = self.witness.echo(&name);
        let job = match self.random.below(10) {
            0 => JobFile::new(&format!("{mark}; trap '' TERM; exec sleep 60")).timeout(1),
            1 => JobFile::new(&mark).with("code: ./code"),
            2 => JobFile::new(&format!("{mark}; setsid sleep 1 & true")),
            3..=5 => {
                let tenths = self.random.below(10);
                JobFile::new(&format!("{mark}; sleep 0.{tenths}"))
            }
            _ => JobFile::new(&mark),
        };
        (name.clone(), job.name(&name))
    }

    fn submit(&mut self) {
        let count = 1 + self.random.below(3);
        let jobs: Vec<_> = (0..count).map(|_| self.job()).collect();
        let submissions = jobs.iter().map(|(_, job)| Submission {
            yaml: job.text().into(),
            file: None,
            base_path: self.home.path().into(),
            experiment_name: None,
            overrides: None,
        });
        let method = Submit {
            jobs: submissions.collect(),
        };
        match self.call(&method) {
            Some(Ok(_)) => self
                .account
                .owed
                .extend(jobs.into_iter().map(|(name, _)| name)),
            Some(Err(ApiError::Unavailable { .. })) => self.refused += 1,
            Some(Err(error)) => self.account.faults.push(format!("submit: {error}")),
            // Not acknowledged: nothing is owed, and the witness still counts what runs.
            None => {}
        }
    }

    /// A file that lies in the spool is owed.
    fn spool(&mut self) {
        let (name, job) = self.job();
        let outside = job.write(self.home.path(), "outside");
        let inside = self.home.spool().join(format!("{name}.yml"));
        if fs::rename(outside, inside).is_ok() {
            self.account.owed.insert(name);
        }
    }

    fn call<M: Method>(&self, method: &M) -> Option<Result<M::Reply, ApiError>> {
        let mut socket = Socket::connect(&self.home.socket()).ok()?;
        socket.wait_at_most(ANSWER_MAX).ok()?;
        socket.attempt(method)
    }

    /// Looks at what is owed; and at the daemon, which must not end by itself.
    fn settle(&mut self) {
        if let Some(status) = self.home.ended() {
            let said = self.home.said();
            let fault = format!("the daemon ended with {status}: {said}");
            self.account.faults.push(fault);
            self.free();
            self.home.start(&ARGUMENTS);
        }
        let owed: Vec<_> = self.account.owed.iter().cloned().collect();
        let ended: Vec<JobView> = owed
            .into_iter()
            .filter_map(|name| Some(self.call(&Show { name })?.ok()?.job))
            .filter(|view| view.status.is_terminal())
            .collect();
        // Marks are read after the ends: each was left before its end.
        self.account.read_marks();
        for view in ended {
            let is_killed = self.shims_killed.contains(&view.name);
            self.account.settle(&view, is_killed);
        }
    }
}
