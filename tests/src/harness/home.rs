//! A `JOBD_HOME` of its own for each test, and the daemon in it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use nix::sys::signal::Signal;
use proto::api::Status;
use serde_json::Value;

use super::process;
use super::programs::program;
use super::socket::Socket;
use super::sweep;
use super::wait::{DEADLINE, wait_until};

/// How often leftovers are looked for: what forks meanwhile is found by the next look.
const SWEEPS_MAX: usize = 1_000;
/// Takes away all mounts of cgroup v2 and becomes the program that follows.
const HIDE_CGROUPS: &str = r#"for mount in $(awk '$3 == "cgroup2" { print $2 }' /proc/mounts); do
umount --lazy "$mount" || exit 1
done
exec "$@""#;
/// User numbers from here on are nobody's: far beyond those of people and containers.
const OTHER_UIDS: u32 = 3_000_000_000;
/// How many a process of tests has for its own.
const OTHER_UIDS_EACH: u32 = 16;
/// How much of a log is printed when a test fails.
const TRACE_LINES_MAX: usize = 40;
const TRACE_CHARS_MAX: usize = 300;

/// A folder with a daemon. Dropping it ends every process that belongs to it.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    daemon: Option<Child>,
    program: PathBuf,
    env: Vec<(String, OsString)>,
    /// What the daemon is started through; nothing for the daemon itself.
    wrapper: Vec<String>,
}

impl Home {
    /// An empty one. Its path is short, as the path of a socket must be.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new() -> Home {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            // The last letter keeps one path from being the beginning of another.
            let name = format!("jobd-{}-{number}h", std::process::id());
            let path = std::env::temp_dir().join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Home::at(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("make {}: {error}", path.display()),
            }
        }
    }

    fn at(path: PathBuf) -> Home {
        Home {
            path,
            daemon: None,
            program: program("jobd"),
            env: Vec::new(),
            wrapper: Vec::new(),
        }
    }

    /// The daemons to come are this program; its shim lies beside it.
    pub fn set_program(&mut self, program: &Path) {
        self.program = program.into();
    }

    /// What the environment of the daemons to come holds besides the usual.
    pub fn set_env(&mut self, env: Vec<(String, OsString)>) {
        self.env = env;
    }

    /// One with a running daemon.
    #[must_use]
    pub fn running(arguments: &[&str]) -> Home {
        let mut home = Home::new();
        home.start(arguments);
        home
    }

    /// One whose daemon keeps its jobs in cgroups; nothing, after a line that says why, where it
    /// cannot.
    #[must_use]
    pub fn running_with_cgroups(arguments: &[&str]) -> Option<Home> {
        let home = Home::running(arguments);
        match home.why_no_cgroups() {
            None => Some(home),
            Some(note) => {
                println!("SKIP: {note}");
                None
            }
        }
    }

    /// One whose daemon has no cgroups: where there are some it sees a system without their
    /// mounts. Nothing, after a line that says why, where that is not possible.
    ///
    /// # Panics
    /// When the daemon finds cgroups all the same.
    #[must_use]
    pub fn running_without_cgroups(arguments: &[&str]) -> Option<Home> {
        let plain = Home::running(arguments);
        if plain.why_no_cgroups().is_some() {
            return Some(plain);
        }
        let wrapper = ["unshare", "--mount", "sh", "-c", HIDE_CGROUPS, "sh"];
        let tried = Command::new(wrapper[0])
            .args(&wrapper[1..])
            .arg("true")
            .output();
        if !tried.as_ref().is_ok_and(|output| output.status.success()) {
            println!("SKIP: the mounts of cgroups cannot be hidden: {tried:?}");
            return None;
        }
        let mut home = Home::new();
        home.wrapper = wrapper.map(str::to_owned).into();
        home.start(arguments);
        assert!(home.why_no_cgroups().is_some(), "cgroups are still there");
        Some(home)
    }

    /// One whose daemon runs as a user that nobody else is, and that user's number: limits that
    /// count by user count this daemon and its jobs only. Nothing, after a line that says why,
    /// where that is not possible.
    #[must_use]
    pub fn running_as_other_user(arguments: &[&str]) -> Option<(Home, u32)> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed) % OTHER_UIDS_EACH;
        let uid = OTHER_UIDS + std::process::id() * OTHER_UIDS_EACH + number;
        let mut home = Home::new();
        let user = [format!("--reuid={uid}"), format!("--regid={uid}")];
        let wrapper = [&["setpriv".into(), "--clear-groups".into()], &user[..]].concat();
        let tried = Command::new(&wrapper[0])
            .args(&wrapper[1..])
            .arg(&home.program)
            .arg("--version")
            .output();
        if !tried.as_ref().is_ok_and(|output| output.status.success()) {
            println!("SKIP: no program can be run as another user: {tried:?}");
            return None;
        }
        std::os::unix::fs::chown(&home.path, Some(uid), Some(uid)).unwrap();
        home.wrapper = wrapper;
        home.start(arguments);
        Some((home, uid))
    }

    /// What the daemon says of missing cgroups.
    fn why_no_cgroups(&self) -> Option<String> {
        let status = self.connect().call(&Status {}).unwrap();
        status
            .notes
            .into_iter()
            .find(|note| note.contains("cgroup"))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The daemon's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path.join("jobd.sock")
    }

    /// The spool folder.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.path.join("spool")
    }

    /// Starts a daemon and waits until its socket answers.
    ///
    /// # Panics
    /// With what it said, when it ends instead.
    pub fn start(&mut self, arguments: &[&str]) {
        if let Err(status) = self.try_start(arguments) {
            panic!("jobd ended with {status}: {}", self.said());
        }
    }

    /// Starts a daemon and waits for nothing.
    pub fn begin(&mut self, arguments: &[&str]) {
        self.daemon = Some(self.spawn_daemon(arguments));
    }

    /// Starts a daemon and waits until its socket answers or it has ended.
    ///
    /// # Errors
    /// How it ended.
    pub fn try_start(&mut self, arguments: &[&str]) -> Result<(), ExitStatus> {
        let mut child = self.spawn_daemon(arguments);
        let mut ended = None;
        wait_until("the daemon's socket", DEADLINE, || {
            ended = child.try_wait().unwrap();
            ended.is_some() || self.answering_pid() == Some(child.id())
        });
        match ended {
            Some(status) => Err(status),
            None => {
                self.daemon = Some(child);
                Ok(())
            }
        }
    }

    /// How the daemon ended by itself; none while it lives.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.daemon.as_mut()?.try_wait().unwrap()?;
        self.daemon = None;
        Some(status)
    }

    /// The pid of the daemon that answers; a socket may be open for an instant longer than its
    /// daemon lives.
    fn answering_pid(&self) -> Option<u32> {
        let mut socket = Socket::connect(&self.socket()).ok()?;
        Some(socket.try_call(&Status {})?.pid)
    }

    /// Starts a daemon that is expected to give up; its exit status and what it said.
    #[must_use]
    pub fn start_in_vain(&self, arguments: &[&str]) -> (ExitStatus, String) {
        let output = self.daemon_command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status, said)
    }

    /// Runs the daemon's program to its end; its standard output must be JSON.
    ///
    /// # Panics
    /// With what it said, unless it succeeds.
    #[must_use]
    pub fn jobd_json(&self, arguments: &[&str]) -> Value {
        let output = self.daemon_command(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn spawn_daemon(&self, arguments: &[&str]) -> Child {
        let out = File::create(self.path.join("said")).unwrap();
        let mut command = self.daemon_command(arguments);
        command.stdout(out.try_clone().unwrap()).stderr(out);
        command.spawn().unwrap()
    }

    fn daemon_command(&self, arguments: &[&str]) -> Command {
        let daemon = self.program.to_str().unwrap().to_owned();
        let line = [self.wrapper.clone(), vec![daemon]].concat();
        let mut command = Command::new(&line[0]);
        command
            .args(&line[1..])
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", &self.path)
            .env("JOBD_HOME", &self.path)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.path)
            .stdin(Stdio::null());
        command
    }

    /// What the daemon said on its standard output and error.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read_to_string(self.path.join("said")).unwrap_or_default()
    }

    /// The daemon's pid: of the one started here, or as the lock of the state folder says.
    ///
    /// # Panics
    /// When no daemon has ever run.
    #[must_use]
    pub fn daemon_pid(&self) -> i32 {
        match &self.daemon {
            Some(child) => i32::try_from(child.id()).unwrap(),
            None => {
                let text = fs::read_to_string(self.path.join("state/lock")).unwrap();
                text.trim().parse().unwrap()
            }
        }
    }

    /// Kills the daemon with SIGKILL: it cannot do anything about it.
    pub fn kill(&mut self) {
        let mut child = self.daemon.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends the daemon a signal.
    pub fn signal(&self, signal: Signal) {
        process::signal(self.daemon_pid(), signal);
    }

    /// Waits for the daemon's own end.
    pub fn wait_for_daemon(&mut self) -> ExitStatus {
        let mut child = self.daemon.take().unwrap();
        let mut status = None;
        wait_until("the end of the daemon", DEADLINE, || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Connects to the socket.
    ///
    /// # Panics
    /// When no daemon answers.
    #[must_use]
    pub fn connect(&self) -> Socket {
        Socket::connect(&self.socket()).unwrap()
    }

    /// All processes that belong to this home, except the test itself.
    #[must_use]
    pub fn processes(&self) -> Vec<i32> {
        sweep::processes_of(&self.path)
    }

    fn end_everything(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            let _ended = child.kill();
            let _reaped = child.wait();
        }
        for _ in 0..SWEEPS_MAX {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            for pid in left {
                if sweep::is_of(&self.path, pid) {
                    process::signal(pid, Signal::SIGKILL);
                }
            }
            thread::yield_now();
        }
    }

    /// What a person needs who has to find out why a test failed.
    fn print_traces(&self) {
        eprintln!(
            "--- {} said:\n{}",
            self.path.display(),
            end_of(&self.said())
        );
        for log in fs::read_dir(self.path.join("state/log"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let text = fs::read_to_string(log.path()).unwrap_or_default();
            eprintln!("--- its log:\n{}", end_of(&text));
        }
    }
}

/// The last lines of a text, each cut to a readable length.
fn end_of(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(TRACE_LINES_MAX)..];
    let cut = last
        .iter()
        .map(|line| line.chars().take(TRACE_CHARS_MAX).collect::<String>());
    cut.collect::<Vec<_>>().join("\n")
}

impl Default for Home {
    fn default() -> Home {
        Home::new()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.end_everything();
        if thread::panicking() {
            self.print_traces();
        }
        sweep::remove_cgroups(&self.path.join("state"));
        let _left = fs::remove_dir_all(&self.path);
    }
}
