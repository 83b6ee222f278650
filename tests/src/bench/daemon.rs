//! A jobd of the bench's own, and the ways to speak to it.

use std::fs;
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proto::api::{Call, Method, Reply, Status, StatusReply};
use proto::frame;

use super::Outcome;
use super::place::Place;
use super::rounds::CONCURRENCY;

/// How long anything may take before the bench gives up.
const DEADLINE: Duration = Duration::from_mins(5);
/// Milliseconds between two looks at something that is waited for.
const LOOK_MS: u16 = 2;

/// A running daemon, killed with this value.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    stream: BufReader<UnixStream>,
    idle_pause: PollTimeout,
}

impl Daemon {
    /// Starts one in the place's home and waits until it answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(place: &Place) -> Outcome<Daemon> {
        fs::create_dir(place.home())?;
        let child = Command::new(place.product("jobd"))
            .args(["--slots", &CONCURRENCY.to_string()])
            .env("JOBD_HOME", place.home())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let socket = place.home().join("jobd.sock");
        let mut stream = None;
        wait_until("the daemon answers", || {
            stream = UnixStream::connect(&socket).ok();
            Ok(stream.is_some())
        })?;
        let stream = stream.ok_or("no connection")?;
        Ok(Daemon {
            child,
            stream: BufReader::new(stream),
            idle_pause: PollTimeout::from(LOOK_MS),
        })
    }

    /// Waits until all jobs have ended and their ends are durable.
    ///
    /// # Errors
    /// When that takes too long.
    pub fn wait_idle(&mut self) -> Outcome<()> {
        let begun = Instant::now();
        loop {
            let status = self.status()?;
            if status.queued == 0 && status.slots_used == 0 {
                return Ok(());
            }
            if begun.elapsed() > DEADLINE {
                return Err("the daemon does not become idle".into());
            }
            poll(&mut [], self.idle_pause)?;
        }
    }

    /// The daemon's resident memory in KiB.
    ///
    /// # Errors
    /// When it is gone.
    pub fn rss_kib(&self) -> Outcome<u64> {
        self.number("status", "VmRSS:")
    }

    /// The bytes that the daemon caused to be sent to the disk (proc_pid_io(5), `write_bytes`).
    ///
    /// # Errors
    /// When it is gone, or the kernel does not account for it.
    pub fn bytes_written(&self) -> Outcome<u64> {
        self.number("io", "write_bytes:")
    }

    /// Ends it as a service manager would.
    ///
    /// # Errors
    /// When it does not end well.
    pub fn end(mut self) -> Outcome<()> {
        kill(
            Pid::from_raw(self.child.id().cast_signed()),
            Signal::SIGTERM,
        )?;
        let status = self.child.wait()?;
        status
            .success()
            .then_some(())
            .ok_or_else(|| format!("the daemon ended with {status}").into())
    }

    fn status(&mut self) -> Outcome<StatusReply> {
        let call = Call {
            method: Status::NAME.into(),
            parameters: serde_json::to_value(Status {})?,
            more: false,
            oneway: false,
        };
        frame::write(self.stream.get_mut(), &call)?;
        let reply: Option<Reply> = frame::read(&mut self.stream)?;
        let reply = reply.ok_or("the daemon hung up")?;
        Ok(serde_json::from_value(reply.parameters)?)
    }

    fn number(&self, file: &str, field: &str) -> Outcome<u64> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        Ok(number.ok_or_else(|| format!("no {field}"))?.parse()?)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// `jobctl` for that daemon. Its notes (that the environment is the host's) are for nobody here.
pub fn jobctl(place: &Place, verb: &str) -> Command {
    let mut jobctl = Command::new(place.product("jobctl"));
    jobctl
        .arg(verb)
        .env("JOBD_HOME", place.home())
        .env("JOBD_NO_START", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    jobctl
}

/// Runs one job, so that what stands against it is told before anything is measured.
///
/// # Errors
/// What `jobctl` complains about.
pub fn rehearse(place: &Place, daemon: &mut Daemon) -> Outcome<()> {
    let mut submit = jobctl(place, "submit");
    let submit = submit.arg(place.job_file(0)).stderr(Stdio::piped());
    let output = submit.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    daemon.wait_idle()
}

/// Runs a command that must succeed.
///
/// # Errors
/// When it does not.
pub fn done(command: &mut Command) -> Outcome<()> {
    let status = command.status()?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| format!("{} ended with {status}", command.get_program().display()).into())
}

/// Looks again and again until it is so.
///
/// # Errors
/// When it never is.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> Outcome<bool>) -> Outcome<()> {
    let begun = Instant::now();
    while !is_so()? {
        if begun.elapsed() > DEADLINE {
            return Err(format!("waited in vain until {what}").into());
        }
        poll(&mut [], PollTimeout::from(LOOK_MS))?;
    }
    Ok(())
}
