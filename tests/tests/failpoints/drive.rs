//! Drives one case as a stubborn client does: whatever dies is started again, whatever was not
//! acknowledged is asked for again, until everything has ended.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jobd_tests::harness::process::{signal, supervised_step};
use jobd_tests::harness::{Home, Socket, Witness, wait_for, wait_until};
use nix::sys::signal::Signal;
use proto::api::{ApiError, Cancel, JobView, Method, Pause, Resume, Show, Submit};

use super::pool::Row;
use super::programs::armed;
use super::scenario::{BAD_FILE, Begin, Set, Work, lay_out, submissions};
use super::verdict;

/// How long a case may take.
const CASE_MAX: Duration = Duration::from_secs(45);
/// How long an answer is waited for: while the store cannot be written, a cancel gets none.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// How long a fault that does not pass by itself is left to act.
const FAULT_LASTS: Duration = Duration::from_millis(700);

/// Who is hit, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    KillsDaemon,
    KillsShims,
    /// An error; whether it stays until the next daemon.
    FailsDaemon(i32, bool),
    FailsShims(bool),
}

impl Fault {
    /// Whether jobs may come to harm: only those whose shim was hit.
    pub fn hits_shims(self) -> bool {
        matches!(self, Fault::KillsShims | Fault::FailsShims(_))
    }

    fn must_be_lifted(self) -> bool {
        match self {
            // Every shim is a new process, in which the fault is the same.
            Fault::KillsShims | Fault::FailsShims(_) => true,
            Fault::FailsDaemon(_, stays) => stays,
            Fault::KillsDaemon => false,
        }
    }
}

/// One run.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    pub fault: Fault,
    pub set: Set,
    begin: Begin,
    env: (String, String),
}

impl Case {
    pub fn kill_daemon(label: &str, nth: u32, set: Set, begin: Begin) -> Case {
        Case {
            name: format!("{label}:{nth} {set:?} {begin:?}"),
            fault: Fault::KillsDaemon,
            set,
            begin,
            env: ("JOBD_FAILPOINT".into(), format!("{label}:{nth}")),
        }
    }

    pub fn kill_shims(label: &str) -> Case {
        Case {
            name: label.into(),
            fault: Fault::KillsShims,
            set: Set::Full,
            begin: Begin::Fresh,
            env: ("JOBD_SHIM_FAILPOINT".into(), label.into()),
        }
    }

    pub fn fail_daemon(number: u64, errno: i32, stays: bool) -> Case {
        let fault = Fault::FailsDaemon(errno, stays);
        Case::fail("JOBD_FAILIO", number, errno, stays, fault)
    }

    pub fn fail_shims(number: u64, errno: i32, stays: bool) -> Case {
        let fault = Fault::FailsShims(stays);
        Case::fail("JOBD_SHIM_FAILIO", number, errno, stays, fault)
    }

    fn fail(variable: &str, number: u64, errno: i32, stays: bool, fault: Fault) -> Case {
        let plus = if stays { "+" } else { "" };
        Case {
            name: format!("I/O {number}{plus}, errno {errno}"),
            fault,
            set: Set::Small,
            begin: Begin::Fresh,
            env: (variable.into(), format!("{number}{plus}:{errno}")),
        }
    }
}

/// A case under way.
pub struct Drive<'a> {
    pub case: &'a Case,
    pub home: Home,
    pub witness: Witness,
    pub works: Vec<Work>,
    spooled: Vec<Work>,
    note: PathBuf,
    until: Instant,
    is_armed: bool,
    hit_at: Option<Instant>,
    deaths: Vec<String>,
    refusals: usize,
}

/// Runs a case to the end of its last job.
pub fn run(case: &Case) -> Row {
    let mut home = Home::new();
    home.set_program(armed());
    let witness = Witness::in_folder(home.path());
    let spooled = lay_out(&home, case.set, &witness);
    let note = home.path().join("note");
    let mut drive = Drive {
        works: case.set.works(&witness),
        case,
        home,
        witness,
        spooled,
        note,
        until: Instant::now() + CASE_MAX,
        is_armed: false,
        hit_at: None,
        deaths: Vec::new(),
        refusals: 0,
    };
    drive.go();
    let problem = verdict::problem(&mut drive);
    let happened = match (drive.deaths.as_slice(), drive.refusals) {
        ([], 0) => "it went on".into(),
        ([], refusals) => format!("refused {refusals} times"),
        (deaths, _) => format!("{}, the next daemon went on", deaths.join(", ")),
    };
    Row {
        name: case.name.clone(),
        hits: drive.hits(),
        happened,
        problem,
    }
}

impl Drive<'_> {
    fn go(&mut self) {
        if self.case.begin == Begin::Restart {
            self.home.start(self.case.set.arguments());
            self.submit();
            for name in ["victim", "limited", "orphan"] {
                self.wait(name, |drive| drive.has_begun(name));
            }
            self.home.kill();
            self.kill_orphan();
        }
        self.start_armed();
        self.do_all();
        // Terminal is final, also for the next daemon.
        let before = self.views();
        self.disarm();
        if self.home.ended().is_none() {
            self.home.kill();
        }
        self.home.start(self.case.set.arguments());
        assert_eq!(before, self.views(), "an end changed over a restart");
    }

    fn do_all(&mut self) {
        let is_queue = self.case.set == Set::Queue;
        if is_queue {
            self.ask("Pause", &Pause {});
        }
        if self.case.begin == Begin::Fresh {
            self.submit();
        }
        if is_queue {
            self.ask("Resume", &Resume {});
        } else {
            self.cancel_victim();
            if self.case.set == Set::Full {
                self.wait("the orphan", |drive| {
                    drive.has_begun("orphan") || drive.has_ended("orphan")
                });
                self.kill_orphan();
            }
        }
        self.works.append(&mut self.spooled);
        for name in self.names() {
            self.wait(name, |drive| drive.has_ended(name));
        }
        if self.case.set.has_spool() {
            self.wait("the spool", |drive| {
                let left = |file: &str| drive.home.spool().join(file).exists();
                !left("good.yml") && !left(BAD_FILE)
            });
        }
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.works.iter().map(|work| work.name).collect()
    }

    /// The labels that were hit, in order, each once.
    pub fn hits(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.note).unwrap_or_default();
        let mut hits: Vec<String> = text.lines().map(String::from).collect();
        hits.dedup();
        hits
    }

    fn start_armed(&mut self) {
        let (name, value) = self.case.env.clone();
        let note: OsString = self.note.clone().into();
        self.home
            .set_env(vec![(name, value.into()), ("JOBD_FAILNOTE".into(), note)]);
        self.is_armed = true;
        if let Err(status) = self.home.try_start(self.case.set.arguments()) {
            self.died(status);
        }
    }

    fn disarm(&mut self) {
        self.home.set_env(Vec::new());
        self.is_armed = false;
    }

    fn died(&mut self, status: std::process::ExitStatus) {
        assert!(self.is_armed, "an unarmed daemon ended with {status}");
        let hits = self.hits();
        match self.case.fault {
            Fault::KillsDaemon => {
                assert_eq!(status.signal(), Some(9), "{status}");
                assert_eq!(hits.len(), 1, "it died elsewhere");
            }
            // After a failed fsync a daemon must end, and after nothing else.
            Fault::FailsDaemon(5, _) => {
                assert_eq!(status.code(), Some(125), "{status}");
                assert!(hits.iter().any(|label| label == "store.commit"));
            }
            _ => panic!("the daemon ended with {status}"),
        }
        self.deaths.push(format!("daemon: {status}"));
        self.disarm();
        self.home.start(self.case.set.arguments());
    }

    /// Looks after the daemon: one that has died is followed by an unarmed one, and a fault that
    /// stays is lifted.
    fn look_after(&mut self) {
        if let Some(status) = self.home.ended() {
            self.died(status);
        }
        if !self.is_armed || !self.case.fault.must_be_lifted() {
            return;
        }
        if self.hit_at.is_none() && !self.hits().is_empty() {
            self.hit_at = Some(Instant::now());
        }
        if self.hit_at.is_some_and(|at| at.elapsed() > FAULT_LASTS) {
            self.home.kill();
            if self.case.fault == Fault::FailsShims(true) {
                self.kill_shims("");
            }
            self.deaths.push("lifted".into());
            self.disarm();
            self.home.start(self.case.set.arguments());
        }
    }

    fn wait(&mut self, what: &str, mut condition: impl FnMut(&mut Self) -> bool) {
        let left = self.until.saturating_duration_since(Instant::now());
        wait_until(&format!("{what} in {}", self.case.name), left, || {
            self.look_after();
            condition(self)
        });
    }

    /// One try; none when the daemon did not answer.
    fn call<M: Method>(&mut self, method: &M) -> Option<Result<M::Reply, ApiError>> {
        let mut socket = Socket::connect(&self.home.socket()).ok()?;
        socket.wait_at_most(ANSWER_MAX).ok()?;
        socket.attempt(method)
    }

    /// Asks until it is granted; a refusal must say that it is for now.
    fn ask<M: Method>(&mut self, what: &str, method: &M) {
        self.wait(what, |drive| match drive.call(method) {
            Some(Ok(_)) => true,
            Some(Err(ApiError::Unavailable { .. })) => {
                drive.refusals += 1;
                false
            }
            Some(Err(error)) => panic!("{what}: {error}"),
            None => false,
        });
    }

    fn submit(&mut self) {
        let jobs = submissions(&self.works, self.home.path());
        let method = Submit { jobs };
        let mut is_unsure = false;
        self.wait("the submission", |drive| match drive.call(&method) {
            Some(Ok(_)) => true,
            Some(Err(ApiError::NameTaken { .. })) if is_unsure => {
                // All or none: it was admitted, and the answer was lost.
                let views = drive.views();
                assert_eq!(views.len(), drive.works.len());
                true
            }
            Some(Err(ApiError::Unavailable { reason })) => {
                assert!(!reason.is_empty());
                drive.refusals += 1;
                false
            }
            Some(Err(error)) => panic!("submit: {error}"),
            None => {
                is_unsure = true;
                false
            }
        });
    }

    fn cancel_victim(&mut self) {
        self.wait("the victim", |drive| {
            drive.has_begun("victim") || drive.has_ended("victim")
        });
        let method = Cancel {
            name: "victim".into(),
            force: None,
        };
        self.wait("the cancel", |drive| match drive.call(&method) {
            Some(Ok(_) | Err(ApiError::BadStatus { .. })) => true,
            Some(Err(ApiError::Unavailable { .. })) | None => false,
            Some(Err(error)) => panic!("cancel: {error}"),
        });
    }

    fn has_begun(&self, name: &str) -> bool {
        self.witness.counts().contains_key(name)
    }

    fn view(&mut self, name: &str) -> Option<JobView> {
        let method = Show { name: name.into() };
        match self.call(&method)? {
            Ok(shown) => Some(shown.job),
            // The spool may not have been looked at yet.
            Err(ApiError::NoSuchJob { .. } | ApiError::Unavailable { .. }) => None,
            Err(error) => panic!("show {name}: {error}"),
        }
    }

    fn has_ended(&mut self, name: &str) -> bool {
        self.view(name)
            .is_some_and(|view| view.status.is_terminal())
    }

    /// All jobs as the daemon shows them.
    pub fn views(&mut self) -> Vec<JobView> {
        let names = self.names();
        let views = names.into_iter().map(|name| {
            wait_for(name, || {
                self.look_after();
                self.view(name)
            })
        });
        views.collect()
    }

    fn kill_orphan(&mut self) {
        self.kill_shims("orphan.command.");
    }

    /// Kills the shims of steps whose folder is named so.
    fn kill_shims(&self, step: &str) {
        let steps = self.home.path().join("state/steps").join(step);
        let needle = steps.to_str().unwrap().to_owned();
        for pid in self.home.processes() {
            if supervised_step(pid).is_some_and(|step| step.starts_with(&needle)) {
                signal(pid, Signal::SIGKILL);
            }
        }
    }
}
