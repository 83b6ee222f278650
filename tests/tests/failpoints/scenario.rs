//! What the daemon is given to do: small jobs of every kind, and what must become of them.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use jobd_tests::harness::{Home, JobFile, Witness};
use proto::api::Submission;

/// Which jobs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// One of each kind, all at once, and the spool.
    Full,
    /// Without the ones that take their time.
    Small,
    /// One slot, several priorities: the order counts.
    Queue,
}

/// When the armed daemon comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// It is the first.
    Fresh,
    /// It follows one that was killed, and with it a shim.
    Restart,
}

/// What must become of a job when only daemons die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It exits by itself.
    Exited(i32),
    /// Its time limit ends it.
    TimedOut,
    /// It gives no sign of life, and asked to be stopped then.
    FellSilent,
    /// The test cancels it.
    Canceled,
    /// The test kills its shim.
    Orphaned,
}

/// A job and its truth.
#[derive(Debug, Clone)]
pub struct Work {
    pub name: &'static str,
    pub truth: Truth,
    pub job: JobFile,
}

/// A file that was moved into the spool before the daemon came.
pub const SPOOLED: &str = "spooled";
/// One that is refused.
pub const BAD_FILE: &str = "bad.yml";
/// The order in which the jobs of [`Set::Queue`] must run.
pub const QUEUE_ORDER: [&str; 5] = ["high", "one", "two", "three", "low"];

impl Set {
    /// The settings of its daemons.
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Set::Full | Set::Small => &["--slots", "16", "--grace-seconds", "0"],
            Set::Queue => &["--slots", "1"],
        }
    }

    pub fn has_spool(self) -> bool {
        self != Set::Queue
    }

    /// The jobs that are submitted, all in one call.
    pub fn works(self, witness: &Witness) -> Vec<Work> {
        let work = |name, truth, rest: &str| {
            let command = format!("{}; {rest}", witness.echo(name));
            let job = JobFile::new(&command).name(name);
            Work { name, truth, job }
        };
        let deaf = "trap '' TERM; exec sleep 60";
        match self {
            Set::Full => {
                let mut all = Set::Small.works(witness);
                let mut limited = work("limited", Truth::TimedOut, deaf);
                limited.job = limited.job.timeout(1);
                let fugitive = format!("setsid sleep 60 & {deaf}");
                let mut silent = work("silent", Truth::FellSilent, "exec sleep 60");
                let heartbeat = "properties: {jobd.heartbeat: '1', jobd.heartbeat_kill: '1'}";
                silent.job = silent.job.with(heartbeat);
                all.extend([limited, silent, work("orphan", Truth::Orphaned, &fugitive)]);
                all
            }
            Set::Small => {
                let mut coded = work("coded", Truth::Exited(0), "test -f train.sh");
                coded.job = coded.job.with("code: ./code");
                vec![
                    coded,
                    work("fails", Truth::Exited(7), "exit 7"),
                    work("victim", Truth::Canceled, "exec sleep 60"),
                ]
            }
            Set::Queue => {
                let mut jobs: Vec<_> = ["low", "one", "two", "three", "high"]
                    .map(|name| work(name, Truth::Exited(0), "true"))
                    .into();
                jobs[0].job = jobs[0].job.clone().priority("low");
                jobs[4].job = jobs[4].job.clone().priority("high");
                jobs
            }
        }
    }
}

/// The jobs as the socket takes them.
pub fn submissions(works: &[Work], home: &Path) -> Vec<Submission> {
    works
        .iter()
        .map(|work| Submission {
            yaml: work.job.text().into(),
            file: None,
            base_path: home.into(),
            experiment_name: None,
            overrides: None,
        })
        .collect()
}

/// Puts the code and the spool's files there.
pub fn lay_out(home: &Home, set: Set, witness: &Witness) -> Vec<Work> {
    let code = home.path().join("code");
    fs::create_dir(&code).unwrap();
    fs::write(code.join("train.sh"), "true\n").unwrap();
    if !set.has_spool() {
        return Vec::new();
    }
    fs::create_dir(home.spool()).unwrap();
    let job = JobFile::new(&format!("{}; exit 3", witness.echo(SPOOLED))).name(SPOOLED);
    let good = job.write(&home.spool(), "good.yml");
    let bad = JobFile::new("true")
        .with("nonsense: 1")
        .write(&home.spool(), BAD_FILE);
    for path in [good, bad] {
        // Quiet for long enough to be taken at the first look.
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(60))
            .unwrap();
    }
    vec![Work {
        name: SPOOLED,
        truth: Truth::Exited(3),
        job,
    }]
}
