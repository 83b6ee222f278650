//! One stage at a time: a folder, the programs that it finds, an order, a report.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use proto::stage::{EnvironmentReport, PrepareReport, StageReport};
use serde_json::{Value, json};

/// How long any condition may take on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(120);
/// Packages may come from far away.
const BUILT_WITHIN: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_millis(5);
/// What every script needs.
const BASICS: &[&str] = &["sh", "bash", "cat", "mkdir", "env", "sleep", "touch", "id"];

/// Waits until the condition holds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "waited too long for: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// A folder with everything of a test in it; `PATH` of the stage is one folder of it.
pub struct Place {
    pub folder: PathBuf,
    pub settings: Value,
    pub env: Vec<(String, String)>,
}

/// A stage at work.
pub struct Stage {
    child: Child,
    folder: PathBuf,
}

/// A stage that has ended.
pub struct Ran {
    pub report: Option<StageReport>,
    pub log: String,
}

impl Place {
    /// With these programs of the machine on `PATH`, besides the basics.
    pub fn new(programs: &[&str]) -> Place {
        static PLACES: AtomicU32 = AtomicU32::new(0);
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let name = format!("jobd-environment-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        for name in ["bin", "job/system_logs", "cache", "registry"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let place = Place {
            folder,
            settings: json!({}),
            env: Vec::new(),
        };
        for name in BASICS.iter().chain(programs) {
            place.link_program(name);
        }
        place
    }

    /// And this one.
    pub fn link_program(&self, name: &str) {
        let path = on_path(name).unwrap_or_else(|| panic!("no {name} on PATH"));
        self.link(&path, name);
    }

    /// And this interpreter as `python3`.
    pub fn with_python(self) -> Place {
        let python = super::uv::python();
        self.link(&python, "python3");
        self
    }

    /// And this one, under a name.
    pub fn link(&self, path: &Path, name: &str) {
        symlink(path, self.folder.join("bin").join(name)).unwrap();
    }

    pub fn with_uv(self) -> Place {
        self.link(super::uv::program(), "uv");
        self
    }

    /// A program that is a script of the test.
    pub fn script(&self, name: &str, text: &str) {
        let path = self.folder.join("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn strict(mut self) -> Place {
        self.settings["environment_policy"] = "strict".into();
        self
    }

    /// A file below the place.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.join(path)).unwrap_or_default()
    }

    /// The order for an environment.
    pub fn order(&self, environment: &Value) -> Value {
        let mut settings = self.settings.clone();
        settings["environments"] = self.folder.join("registry").to_str().unwrap().into();
        json!({
            "job": "a-job",
            "folder": self.folder.join("job"),
            "base_path": self.folder,
            "cache": self.folder.join("cache"),
            "settings": settings,
            "work": {
                "stage": "prepare", "code": null, "inputs": {}, "outputs": {},
                "environment": environment,
            },
        })
    }

    /// Starts a stage, in a process group of its own, as a supervisor would.
    pub fn start(&self, order: &Value) -> Stage {
        static STAGES: AtomicU32 = AtomicU32::new(0);
        let number = STAGES.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(format!("stage-{number}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("order.json"), order.to_string()).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let script = r#"exec "$0" < order.json 3> report.json"#;
        let child = Command::new("/bin/sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_jobd-stage")])
            .current_dir(&folder)
            .env("PATH", self.folder.join("bin"))
            .envs(self.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        Stage { child, folder }
    }

    pub fn run(&self, environment: &Value) -> Ran {
        self.run_order(&self.order(environment))
    }

    pub fn run_order(&self, order: &Value) -> Ran {
        self.start(order).wait()
    }

    /// Runs a command in an environment, as the daemon does, and gives what it says.
    pub fn command(&self, report: &EnvironmentReport, script: &str) -> Command {
        let mut path: Vec<PathBuf> = report.path.clone();
        path.push(self.folder.join("bin"));
        let words = named(&report.wrapper, report);
        let argv: Vec<&str> = words.chain(["/bin/sh", "-c", script]).collect();
        let mut command = Command::new(argv[0]);
        command
            .args(&argv[1..])
            .current_dir(self.folder.join("job"))
            .envs(&report.variables)
            .env("PATH", std::env::join_paths(path).unwrap());
        command
    }

    /// What forces the end of such a command.
    pub fn kill(&self, report: &EnvironmentReport) -> Command {
        let argv: Vec<&str> = named(&report.kill, report).collect();
        let mut command = Command::new(argv[0]);
        command.args(&argv[1..]);
        command
    }

    pub fn says(&self, report: &EnvironmentReport, script: &str) -> String {
        let output = self.command(report, script).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The folders of built environments.
    pub fn built(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.join("cache/environments")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.is_dir() && path.extension().is_none())
            .collect()
    }
}

impl Place {
    /// Files and folders beside them.
    pub fn left_beside_environments(&self) -> usize {
        let entries = fs::read_dir(self.folder.join("cache/environments")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some()).count()
    }
}

/// Words as the daemon completes them.
fn named<'a>(words: &'a [String], report: &'a EnvironmentReport) -> impl Iterator<Item = &'a str> {
    words.iter().map(|word| match word.as_str() {
        "{env}" => "--env=SHOWN",
        "{container}" => report.container.as_deref().unwrap(),
        word => word,
    })
}

impl Drop for Place {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(&self.folder);
    }
}

impl Stage {
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// Ends it with all that it has started, as a supervisor does.
    pub fn kill(mut self) {
        killpg(
            Pid::from_raw(self.child.id().cast_signed()),
            Signal::SIGKILL,
        )
        .unwrap();
        self.child.wait().unwrap();
    }

    pub fn wait(mut self) -> Ran {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < BUILT_WITHIN, "{}", self.log());
            std::thread::sleep(PAUSE);
        };
        let mut text = String::new();
        let report = File::open(self.folder.join("report.json"));
        report.unwrap().read_to_string(&mut text).unwrap();
        let report: Option<StageReport> = serde_json::from_str(&text).ok();
        let failed = matches!(report, Some(StageReport::Failed(_)) | None);
        assert_eq!(status.success(), !failed, "{status}: {text}");
        Ran {
            report,
            log: self.log(),
        }
    }
}

impl Ran {
    pub fn prepared(&self) -> &PrepareReport {
        match &self.report {
            Some(StageReport::Prepared(report)) => report,
            other => panic!("{other:?}\n{}", self.log),
        }
    }

    pub fn environment(&self) -> &EnvironmentReport {
        self.prepared().environment.as_ref().unwrap()
    }

    /// The one note that there is.
    pub fn note(&self) -> &str {
        match &self.prepared().notes[..] {
            [note] => note,
            notes => panic!("{notes:?}"),
        }
    }

    /// Why it failed.
    pub fn reason(&self) -> &str {
        match &self.report {
            Some(StageReport::Failed(failure)) => {
                assert_eq!(failure.field, "environment");
                &failure.reason
            }
            other => panic!("{other:?}\n{}", self.log),
        }
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap();
    let mut candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
    candidates.find(|path| path.is_file())
}
