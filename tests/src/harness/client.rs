//! What a person does with `jobctl` in a home.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use proto::record::Started;
use serde_json::Value;

use super::home::Home;
use super::job_file::JobFile;
use super::jobctl::{Jobctl, Ran};
use super::wait::{DEADLINE, wait_until};

impl Home {
    /// A client.
    #[must_use]
    pub fn jobctl(&self, arguments: &[&str]) -> Jobctl {
        let client = Jobctl::new(self.path());
        let owner = fs::metadata(self.path()).unwrap().uid();
        // Another user's daemon is talked to only where it is named.
        let client = match owner == nix::unistd::geteuid().as_raw() {
            true => client,
            false => client.env("JOBD_SOCKET", self.socket()),
        };
        client.args(arguments)
    }

    /// Runs a client to its end.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.jobctl(arguments).run()
    }

    /// Runs a job to its end, as a person who waits for it.
    #[must_use]
    pub fn run_job(&self, job: &JobFile) -> Ran {
        self.jobctl(&["run", "-"]).stdin(job.text()).run()
    }

    /// Submits a job; its name.
    #[must_use]
    pub fn submit(&self, job: &JobFile) -> String {
        let ran = self.jobctl(&["submit", "-"]).stdin(job.text()).run().ok();
        ran.stdout.trim().to_owned()
    }

    /// Writes jobs to files, for the command line; their paths.
    #[must_use]
    pub fn files(&self, jobs: &[JobFile]) -> Vec<PathBuf> {
        let folder = self.path().join("files");
        fs::create_dir_all(&folder).unwrap();
        let numbered = jobs.iter().enumerate();
        let files = numbered.map(|(number, job)| job.write(&folder, &format!("{number:04}.yml")));
        files.collect()
    }

    /// Submits jobs in one call; their names.
    #[must_use]
    pub fn submit_all(&self, jobs: &[JobFile]) -> Vec<String> {
        let ran = self.jobctl(&["submit"]).args(self.files(jobs)).run().ok();
        ran.lines().into_iter().map(str::to_owned).collect()
    }

    /// The names that `list` prints with those options, newest first.
    #[must_use]
    pub fn listed(&self, options: &[&str]) -> Vec<String> {
        let query = [&["list", "--query", "[].name", "-o", "tsv"], options].concat();
        let ran = self.run(&query).ok();
        ran.lines().into_iter().map(str::to_owned).collect()
    }

    /// Submits a job that does not hear TERM, and waits until it does not: a job has started
    /// before its command can say what it ignores.
    #[must_use]
    pub fn submit_deaf(&self, name: &str) -> Started {
        let ready = self.path().join(format!("deaf-{name}"));
        let arguments = ["ignore-term", "--ready", ready.to_str().unwrap()];
        let name = self.submit(&JobFile::probe(&arguments).name(name));
        wait_until(&format!("{name} to be deaf"), DEADLINE, || ready.exists());
        self.started(&name)
    }

    /// A job as `show -o json` prints it.
    #[must_use]
    pub fn show(&self, name: &str) -> Value {
        self.run(&["show", name, "-o", "json"]).ok().json()
    }

    /// Where an output of a job is, as `show` says.
    #[must_use]
    pub fn output(&self, name: &str, output: &str) -> PathBuf {
        let job = self.show(name);
        let uri = job["outputs"][output]["uri"].as_str().unwrap();
        PathBuf::from(uri.strip_prefix("file://").unwrap())
    }

    /// A job's status.
    #[must_use]
    pub fn status(&self, name: &str) -> String {
        let ran = self.run(&["show", name, "--query", "status", "-o", "tsv"]);
        ran.ok().stdout.trim().to_owned()
    }

    /// Waits until a job has a status.
    pub fn wait_for_status(&self, name: &str, status: &str) {
        let what = format!("{name} to be {status}");
        wait_until(&what, DEADLINE, || self.status(name) == status);
    }

    /// Waits until a job has ended; the job then.
    #[must_use]
    pub fn wait(&self, name: &str) -> Value {
        let ran = self.run(&["wait", name]);
        assert!(matches!(ran.code, 0 | 1), "{ran:#?}");
        self.show(name)
    }

    /// Waits until a job has ended that gets its packages or images first, perhaps from far away;
    /// the job then.
    #[must_use]
    pub fn wait_long(&self, name: &str) -> Value {
        wait_until(&format!("{name} to end"), 10 * DEADLINE, || {
            ["Completed", "Failed", "Canceled"].contains(&self.status(name).as_str())
        });
        self.show(name)
    }
}
