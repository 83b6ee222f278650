//! pueue: a daemon that writes its whole state anew at each change, without fsync.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::bench::contestant::Contestant;
use crate::bench::daemon::{done, time, wait_until};
use crate::bench::place::Job;
use crate::bench::rounds::CONCURRENCY;
use crate::bench::{Outcome, processes};

/// It runs a few jobs a second, and each change costs more the more jobs there are.
const PACE: usize = 20;
const QUEUE_MAX: usize = 100;

/// A daemon of its own.
#[derive(Debug)]
pub struct Pueue {
    client: PathBuf,
    configuration: PathBuf,
    daemon: Child,
}

impl Pueue {
    /// Starts it.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start(programs: &Path, folder: &Path) -> Outcome<Pueue> {
        let configuration = folder.join("pueue.yml");
        let at = folder.display();
        let text = format!(
            "shared:\n  pueue_directory: {at}/data\n  runtime_directory: {at}\n  \
             use_unix_socket: true\n  unix_socket_path: {at}/socket\n  pid_path: {at}/pid\n\
             client: {{}}\ndaemon: {{}}\n"
        );
        fs::write(&configuration, text)?;
        fs::create_dir_all(folder.join("data"))?;
        let daemon = quiet(&programs.join("pueued"), &configuration)
            .spawn()
            .map_err(|error| format!("start pueued: {error}"))?;
        let pueue = Pueue {
            client: programs.join("pueue"),
            configuration,
            daemon,
        };
        let slots = CONCURRENCY.to_string();
        wait_until("pueued answers", || {
            Ok(done(pueue.command("parallel").arg(&slots)).is_ok())
        })?;
        Ok(pueue)
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = quiet(&self.client, &self.configuration);
        command.arg(verb);
        command
    }
}

fn quiet(program: &Path, configuration: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .arg("-c")
        .arg(configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

impl Contestant for Pueue {
    fn name(&self) -> &'static str {
        "pueue"
    }

    fn submit(&mut self, job: &Job) -> Outcome<f64> {
        time(|| done(self.command("add").arg("--").args(&job.words)))
    }

    fn can_kill(&self) -> bool {
        true
    }

    fn kill(&mut self) -> Outcome<()> {
        done(&mut self.command("kill"))
    }

    fn service(&self) -> Vec<u32> {
        vec![self.daemon.id()]
    }

    fn pace(&self) -> usize {
        PACE
    }

    fn queue_max(&self) -> usize {
        QUEUE_MAX
    }
}

impl Drop for Pueue {
    fn drop(&mut self) {
        processes::end_all(&processes::tree(self.daemon.id()));
        let _reaped = self.daemon.wait();
    }
}
