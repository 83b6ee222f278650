//! A jobd of the bench's own, and the ways to speak to it.

use std::fs;
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proto::api::{Call, Method, Reply, Status, StatusReply};
use proto::frame;

use super::numbers::ms;
use super::place::{Job, Place};
use super::{Outcome, interrupt, processes};

/// How long anything may take before the bench gives up.
const DEADLINE: Duration = Duration::from_mins(10);
/// Milliseconds between two looks at something that is waited for.
const LOOK_MS: u16 = 1;

/// A running daemon; it and all that it runs is killed with this value.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    home: PathBuf,
    jobctl: PathBuf,
    stream: Option<BufReader<UnixStream>>,
}

impl Daemon {
    /// Starts one in the home of that name, which may be there already, and waits until it
    /// answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(place: &Place, home: &str, flags: &[&str]) -> Outcome<Daemon> {
        let home = place.path(home);
        fs::create_dir_all(&home)?;
        let child = Command::new(place.product("jobd"))
            .args(flags)
            .env("JOBD_HOME", &home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut daemon = Daemon {
            child,
            home,
            jobctl: place.product("jobctl"),
            stream: None,
        };
        wait_until("the daemon answers", || match daemon.child.try_wait()? {
            Some(status) => Err(format!("the daemon ended with {status}").into()),
            None => Ok(daemon.status().is_ok()),
        })?;
        Ok(daemon)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// It, the process that makes its supervisors, and those.
    pub fn service(&self) -> (Vec<u32>, Vec<u32>) {
        let spawners = processes::children(self.pid());
        let shims = spawners.iter().flat_map(|pid| processes::children(*pid));
        let shims = shims.collect();
        let own = [self.pid()].into_iter().chain(spawners).collect();
        (own, shims)
    }

    /// Calls a method.
    ///
    /// # Errors
    /// When it is refused or the daemon is gone.
    pub fn call<M: Method>(&mut self, method: &M) -> Outcome<M::Reply> {
        // A connection that was idle for too long is closed by the daemon.
        if let Some(mut stream) = self.stream.take()
            && let Ok(reply) = ask(&mut stream, method)
        {
            self.stream = Some(stream);
            return Ok(reply);
        }
        let socket = self.home.join("jobd.sock");
        let mut stream = BufReader::new(UnixStream::connect(socket)?);
        let reply = ask(&mut stream, method)?;
        self.stream = Some(stream);
        Ok(reply)
    }

    /// Leaves no connection open.
    pub fn hang_up(&mut self) {
        self.stream = None;
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// When it is gone.
    pub fn status(&mut self) -> Outcome<StatusReply> {
        self.call(&Status {})
    }

    /// Waits until all jobs have ended and their ends are durable.
    ///
    /// # Errors
    /// When that takes too long.
    pub fn wait_idle(&mut self) -> Outcome<()> {
        wait_until("the daemon is idle", || {
            let status = self.status()?;
            Ok(status.queued == 0 && status.slots_used == 0)
        })
    }

    /// Waits until so many jobs run, whatever the daemon says of them: each is a supervisor and
    /// its command. The supervisors.
    ///
    /// # Errors
    /// When that takes too long.
    pub fn wait_running(&mut self, jobs: usize) -> Outcome<Vec<u32>> {
        let mut found = Vec::new();
        wait_until("all jobs run", || {
            let (own, shims) = self.service();
            let all = processes::tree(self.pid()).len();
            found = shims;
            let each_has_one = all >= own.len() + 2 * jobs;
            Ok(found.len() == jobs && each_has_one && self.status()?.running == jobs)
        })?;
        Ok(found)
    }

    /// `jobctl` for this daemon. Its notes (that the environment is the host's) are for nobody
    /// here.
    pub fn jobctl(&self, verb: &str) -> Command {
        let mut jobctl = Command::new(&self.jobctl);
        jobctl
            .arg(verb)
            .env("JOBD_HOME", &self.home)
            .env("JOBD_NO_START", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        jobctl
    }

    /// Submits jobs in one command, which returns when they are durable.
    ///
    /// # Errors
    /// What `jobctl` complains about.
    pub fn submit<'a>(&self, jobs: impl IntoIterator<Item = &'a Job>) -> Outcome<()> {
        done(
            self.jobctl("submit")
                .args(jobs.into_iter().map(|job| &job.file)),
        )
    }

    /// Runs one job, so that what stands against it is told before anything is measured.
    ///
    /// # Errors
    /// What `jobctl` complains about.
    pub fn rehearse(&mut self, place: &Place) -> Outcome<()> {
        let mut submit = self.jobctl("submit");
        submit.arg(&place.job(0).file).stderr(Stdio::piped());
        let output = submit.output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        self.wait_idle()?;
        place.take_lines().map(drop)
    }

    /// Ends it as a service manager would.
    ///
    /// # Errors
    /// When it does not end well.
    pub fn end(mut self) -> Outcome<()> {
        kill(Pid::from_raw(self.pid().cast_signed()), Signal::SIGTERM)?;
        let status = self.child.wait()?;
        status
            .success()
            .then_some(())
            .ok_or_else(|| format!("the daemon ended with {status}").into())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // What has been waited for may be somebody else's process now.
        if matches!(self.child.try_wait(), Ok(None)) {
            let (own, _) = self.service();
            // Nothing is to be made any more while it is looked for.
            processes::stop_all(&own);
            processes::end_all(&processes::tree(self.pid()));
            let _reaped = self.child.wait();
        }
    }
}

fn ask<M: Method>(stream: &mut BufReader<UnixStream>, method: &M) -> Outcome<M::Reply> {
    let call = Call {
        method: M::NAME.into(),
        parameters: serde_json::to_value(method)?,
        more: false,
        oneway: false,
    };
    frame::write(stream.get_mut(), &call)?;
    let reply: Option<Reply> = frame::read(stream)?;
    let reply = reply.ok_or("the daemon hung up")?;
    match reply.error {
        Some(error) => Err(format!("{error}: {}", reply.parameters).into()),
        None => Ok(serde_json::from_value(reply.parameters)?),
    }
}

/// Runs a command that must succeed.
///
/// # Errors
/// When it does not.
pub fn done(command: &mut Command) -> Outcome<()> {
    interrupt::check()?;
    let status = command.status();
    let program = command.get_program().display();
    let status = status.map_err(|error| format!("start {program}: {error}"))?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| format!("{program} ended with {status}").into())
}

/// How long something takes, in milliseconds.
///
/// # Errors
/// What it says.
pub fn time(what: impl FnOnce() -> Outcome<()>) -> Outcome<f64> {
    let begun = Instant::now();
    what()?;
    Ok(ms(begun.elapsed()))
}

/// Looks again and again until it is so.
///
/// # Errors
/// When it never is.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> Outcome<bool>) -> Outcome<()> {
    let begun = Instant::now();
    while !is_so()? {
        interrupt::check()?;
        if begun.elapsed() > DEADLINE {
            return Err(format!("waited in vain until {what}").into());
        }
        // A signal ends it too; what it means is checked above.
        let _waited = poll(&mut [], PollTimeout::from(LOOK_MS));
    }
    Ok(())
}

/// Lets time pass: what is measured happens by itself.
///
/// # Errors
/// When it is interrupted.
pub fn pass(time: Duration) -> Outcome<()> {
    let waited = poll(&mut [], PollTimeout::try_from(time.as_millis())?);
    interrupt::check()?;
    Ok(waited.map(drop)?)
}
