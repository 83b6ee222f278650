//! Plays the daemon's part: makes the step directory, locks the spec, hands it over, says *go*.

use std::fs::{self, File};
use std::io::{PipeWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jobd::sys::{lock, pidfd};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proto::record::file::{Entry, Record};
use proto::record::{Ended, Exit, Format, GO, LogSpec, STEP_FILE, Spec, Started, User};

/// How long any condition may take on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// A log that no test fills by accident.
pub const LOG_BYTES_MAX: u64 = 1 << 30;
/// A grace that no test waits for.
pub const LONG_MS: u64 = 3_600_000;

/// A user that nobody is.
pub const NOBODY: u32 = 65_534;

/// A user with a group of the same number.
pub fn user(id: u32) -> User {
    User {
        uid: id,
        gid: id,
        groups: Vec::new(),
    }
}

/// Waits until the condition holds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "waited too long for: {what}");
        thread::sleep(LOOK_AGAIN);
    }
}

/// Whether a process is there and has not ended.
pub fn is_alive(pid: i32) -> bool {
    pidfd::stat(pid)
        .unwrap()
        .is_some_and(|stat| stat.state != 'Z')
}

/// The probe, beside this test in the target folder; built if it is not there yet.
pub fn probe() -> &'static str {
    static PROBE: OnceLock<String> = OnceLock::new();
    PROBE.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let path = test.parent().unwrap().parent().unwrap().join("probe");
        if !path.exists() {
            let cargo = std::env::var("CARGO").unwrap_or("cargo".to_owned());
            let arguments = ["build", "-p", "jobd-tests", "--bin", "probe"];
            let built = Command::new(cargo).args(arguments).status().unwrap();
            assert!(
                built.success() && path.exists(),
                "no probe at {}",
                path.display()
            );
        }
        path.to_str().unwrap().to_owned()
    })
}

/// A step that is not started yet.
pub struct Step {
    /// The step directory.
    pub folder: PathBuf,
    /// What the shim will be told.
    pub spec: Spec,
}

impl Step {
    /// A step whose command is the probe.
    pub fn probe(arguments: &[&str]) -> Step {
        Step::command(&[&[probe()], arguments].concat())
    }

    /// A step whose command is a shell script, in which `$PROBE` and `$DIR` are known.
    pub fn shell(script: &str) -> Step {
        let mut step = Step::command(&["/bin/bash", "-c", script]);
        let folder = step.folder.to_str().unwrap().to_owned();
        step.spec.env = vec![
            ("PROBE".to_owned(), probe().to_owned()),
            ("DIR".to_owned(), folder),
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
        ];
        step
    }

    /// A step with any command.
    pub fn command(argv: &[&str]) -> Step {
        static STEPS: AtomicU32 = AtomicU32::new(0);
        let number = STEPS.fetch_add(1, Ordering::Relaxed);
        let name = format!("jobd-shim-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(&name);
        fs::create_dir(&folder).unwrap();
        let spec = Spec {
            format: Format::CURRENT,
            job: name,
            step: "command".to_owned(),
            attempt: 1,
            argv: argv.iter().map(ToString::to_string).collect(),
            plain: Vec::new(),
            env: Vec::new(),
            cwd: "/".into(),
            log: LogSpec {
                path: folder.join("log"),
                bytes_max: LOG_BYTES_MAX,
            },
            limit_ms: None,
            grace_ms: LONG_MS,
            requires: Vec::new(),
            user: None,
            heartbeat: None,
            boot_id: None,
            cgroup_parent: None,
            open_files: None,
            stage: false,
            mounts: Vec::new(),
            writable: Vec::new(),
            kill: Vec::new(),
        };
        Step { folder, spec }
    }

    /// Changes what the shim will be told.
    pub fn with(mut self, change: impl FnOnce(&mut Spec)) -> Step {
        change(&mut self.spec);
        self
    }

    /// Adds a file of the step directory to the arguments.
    pub fn with_path(mut self, option: &str, name: &str) -> Step {
        let path = self.folder.join(name).to_str().unwrap().to_owned();
        self.spec.argv.extend([option.to_owned(), path]);
        self
    }

    /// Writes the spec and starts the shim, which then waits for *go*.
    pub fn spawn(self) -> Shim {
        let path = self.write_spec();
        let spec = lock::exclusive(&path).unwrap();
        self.spawn_with(spec.into())
    }

    /// As [`Step::spawn`], with any standard output.
    pub fn spawn_with(self, stdout: Stdio) -> Shim {
        let (reading, go) = std::io::pipe().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_jobd-shim"))
            .arg(&self.folder)
            .stdin(reading)
            .stdout(stdout)
            .stderr(File::create(self.folder.join("stderr")).unwrap())
            .spawn()
            .unwrap();
        Shim {
            step: self,
            child,
            go: Some(go),
        }
    }

    /// Writes the spec; where it is.
    pub fn write_spec(&self) -> PathBuf {
        let path = self.folder.join(STEP_FILE);
        fs::write(&path, Entry::Spec.line(&self.spec).unwrap()).unwrap();
        path
    }

    /// Starts the shim and the command.
    pub fn start(self) -> Shim {
        let mut shim = self.spawn();
        shim.go();
        shim
    }

    /// Runs to the end.
    pub fn run(self) -> Ran {
        self.start().finish()
    }
}

/// A running shim.
pub struct Shim {
    pub step: Step,
    pub child: Child,
    go: Option<PipeWriter>,
}

impl Shim {
    /// Lets the command run.
    pub fn go(&mut self) {
        self.go.take().unwrap().write_all(&[GO]).unwrap();
    }

    /// Goes away, as a daemon that is killed.
    pub fn hang_up(&mut self) {
        self.go = None;
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.step.folder.join(name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Whether the command may have run.
    pub fn has_started(&self) -> bool {
        self.record::<Started>(Entry::Started).is_some()
    }

    /// Whether the end of the step is recorded.
    pub fn has_exit(&self) -> bool {
        self.record::<Exit>(Entry::Exit).is_some()
    }

    /// Waits until the shim has taken the step over, which it shows by the log.
    pub fn wait_until_ready(&self) {
        self.wait_for("log");
    }

    fn record<T: Record>(&self, entry: Entry) -> Option<T> {
        entry.find(&fs::read(self.path(STEP_FILE)).ok()?).whole()
    }

    pub fn wait_for(&self, name: &str) {
        wait_until(name, || self.has(name));
    }

    /// The pid that the probe wrote into a file.
    pub fn pid_in(&self, name: &str) -> i32 {
        let path = self.path(name);
        let read = || fs::read_to_string(&path).ok()?.parse().ok();
        wait_until(name, || read().is_some());
        read().unwrap()
    }

    /// What the shim says of the start, as soon as it does.
    pub fn started(&self) -> Started {
        let mut found = None;
        wait_until("the record of the start", || {
            found = self.record(Entry::Started);
            found.is_some()
        });
        found.unwrap()
    }

    /// A field of `/proc/PID/status` of the shim, such as `VmHWM`, as a number.
    pub fn status(&self, field: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = text.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Waits for the shim's own end.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the end of the shim", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Waits for the end of the step.
    pub fn finish(mut self) -> Ran {
        // From the record on, not only from the shim's end on, nothing may be left.
        wait_until("the record of the end", || self.has_exit());
        let survivors = survivors(&self.step.folder, self.pid());
        let status = self.wait();
        let stderr = fs::read_to_string(self.path("stderr")).unwrap();
        assert!(status.success(), "the shim ended with {status}: {stderr}");
        assert_eq!(survivors, Vec::<String>::new(), "processes are left");
        Ran {
            exit: self.record(Entry::Exit).unwrap(),
            shim: self,
        }
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        // Whatever a failed test left: our own child, and its command with it.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(&self.folder);
    }
}

/// A step that has ended.
pub struct Ran {
    pub exit: Exit,
    pub shim: Shim,
}

impl Ran {
    pub fn log(&self) -> Vec<u8> {
        fs::read(&self.shim.step.spec.log.path).unwrap()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.log()).unwrap()
    }

    /// The reason and error number of a command that did not run.
    pub fn start_failure(&self) -> (&str, Option<i32>) {
        match &self.exit.ended {
            Ended::StartFailed { reason, errno } => (reason, *errno),
            other => panic!("not a failed start: {other:?}"),
        }
    }
}

/// The command lines of living processes that name the step directory, except the shim's.
fn survivors(folder: &Path, shim: i32) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| *pid != shim && is_alive(*pid))
        .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/cmdline")).ok())
        .filter(|line| {
            line.split('\0')
                .any(|word| word.starts_with(&format!("{folder}/")))
        })
        .collect()
}

/// A cgroup of cgroup v2 to make leaves in, or the printed reason why there is none.
pub struct Cgroup(pub PathBuf);

impl Cgroup {
    pub fn make() -> Option<Cgroup> {
        static CGROUPS: AtomicU32 = AtomicU32::new(0);
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        let mut fields = mounts
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>());
        let Some(mount) = fields.find(|fields| fields[2] == "cgroup2") else {
            println!("SKIP: no cgroup2 is mounted");
            return None;
        };
        let number = CGROUPS.fetch_add(1, Ordering::Relaxed);
        let name = format!("jobd-shim-{}-{number}", std::process::id());
        let path = Path::new(mount[1]).join(name);
        match fs::create_dir(&path) {
            Ok(()) => Some(Cgroup(path)),
            Err(error) => {
                println!("SKIP: cannot make {}: {error}", path.display());
                None
            }
        }
    }

    /// Whether the shim has removed its leaf.
    pub fn is_empty(&self) -> bool {
        let entries = fs::read_dir(&self.0).unwrap();
        !entries
            .into_iter()
            .any(|entry| entry.unwrap().file_type().unwrap().is_dir())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _busy = fs::remove_dir(&self.0);
    }
}

/// A file system of a few pages over a step directory, or the printed reason why there is none.
/// To be made after the step and dropped after its shim.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    pub fn mount(folder: &Path) -> Option<SmallDisk> {
        let options = ["-t", "tmpfs", "-o", "size=256k", "none"];
        let mounted = Command::new("mount").args(options).arg(folder).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(SmallDisk(folder.to_owned()));
        }
        println!("SKIP: cannot mount a tmpfs");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        let _left = fs::remove_dir(&self.0);
    }
}

/// Whether this test may change users; prints the reason otherwise.
pub fn is_root() -> bool {
    let is_root = nix::unistd::Uid::effective().is_root();
    if !is_root {
        println!("SKIP: not root");
    }
    is_root
}
