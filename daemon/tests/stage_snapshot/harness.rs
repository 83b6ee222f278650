//! A folder for everything of a test, and the stage as a program.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use proto::stage::{
    CodeReport, Failure, PrepareOrder, StageOrder, StageReport, StageSettings, Work,
};

/// Seconds after which a stage counts as hung, on a loaded machine.
const DEADLINE_SECS: &str = "120";
/// How long any condition may take.
const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// `sh` gives the stage its descriptors; the limits of a test come first.
const RUN: &str = r#"exec timeout -s KILL "$1" "$2" <"$3" 3>"$4""#;

/// Everything of a test.
pub struct Bench {
    pub path: PathBuf,
}

/// One run of the stage.
pub struct Stage {
    pub order: StageOrder,
    /// Shell words before the program, such as a limit.
    pub before: String,
    /// The arguments of `unshare`, for mounts of its own.
    pub inside: Vec<&'static str>,
    /// Another user.
    pub uid: Option<u32>,
}

/// What came of it.
pub struct Ran {
    pub report: StageReport,
    pub log: String,
}

impl Bench {
    /// A new one, with an empty folder `code`.
    pub fn new() -> Bench {
        Bench::within(&std::env::temp_dir())
    }

    /// A new one in that folder.
    pub fn within(folder: &Path) -> Bench {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("jobd-snapshot-{}-{number}", std::process::id());
        let path = folder.join(name);
        fs::create_dir_all(path.join("code")).unwrap();
        Bench { path }
    }

    pub fn code(&self) -> PathBuf {
        self.path.join("code")
    }

    /// Puts a file into the code, with folders above it.
    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.code().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Puts a link into the code.
    pub fn link(&self, path: &str, target: &str) {
        let path = self.code().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    /// A stage with a job's folder as jobd makes it.
    pub fn stage(&self, job: &str) -> Stage {
        let folder = self.job(job);
        for own in ["user_logs", "system_logs", "outputs", "logs"] {
            fs::create_dir_all(folder.join(own)).unwrap();
        }
        fs::write(folder.join("user_logs/std_log.txt"), "jobd's").unwrap();
        let prepare = PrepareOrder {
            code: Some("code".into()),
            ..PrepareOrder::default()
        };
        Stage {
            order: StageOrder {
                job: job.into(),
                folder,
                base_path: self.path.clone(),
                cache: self.path.join("cache"),
                settings: StageSettings::default(),
                work: Work::Prepare(Box::new(prepare)),
                others: None,
            },
            before: String::new(),
            inside: Vec::new(),
            uid: None,
        }
    }

    pub fn job(&self, job: &str) -> PathBuf {
        self.path.join("jobs").join(job)
    }

    /// Takes the code as it is.
    pub fn take(&self, job: &str) -> CodeReport {
        self.stage(job).run().code()
    }

    /// Takes the code, which must fail with one line.
    pub fn refuse(&self, job: &str) -> String {
        self.stage(job).run().failure().reason
    }

    /// The names in the cache of snapshots.
    pub fn cached(&self) -> Vec<String> {
        list(&self.path.join("cache/snapshots"))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).unwrap();
    }
}

impl Stage {
    pub fn prepare(&mut self) -> &mut PrepareOrder {
        match &mut self.order.work {
            Work::Prepare(prepare) => prepare,
            Work::Finalize(_) => panic!("a stage that prepares"),
        }
    }

    pub fn code(mut self, code: &str) -> Stage {
        self.prepare().code = Some(code.into());
        self
    }

    pub fn snapshot(mut self, digest: &str) -> Stage {
        self.prepare().snapshot = Some(digest.into());
        self
    }

    pub fn before(mut self, before: &str) -> Stage {
        self.before = before.into();
        self
    }

    /// As another user, to whom the test's folder is given; the tests run as root for that.
    pub fn by_user(mut self, bench: &Bench, uid: u32) -> Stage {
        give(&bench.path, uid);
        self.uid = Some(uid);
        self
    }

    pub fn start(&self) -> Child {
        let file = |end: &str| self.order.folder.with_extension(end);
        let mut program = PathBuf::from(env!("CARGO_BIN_EXE_jobd-stage"));
        if self.uid.is_some() {
            // Another user may not enter the folder that it was built in.
            program = file("program");
            fs::copy(env!("CARGO_BIN_EXE_jobd-stage"), &program).unwrap();
        }
        fs::write(file("order"), serde_json::to_vec(&self.order).unwrap()).unwrap();
        let log = File::create(file("log")).unwrap();
        // Without arguments it makes nothing new.
        let mut command = Command::new("unshare");
        command
            .args(&self.inside)
            .args(["--", "/bin/sh"])
            .args(["-c", &format!("{}{RUN}", self.before), "sh", DEADLINE_SECS])
            .args([program, file("order"), file("report")])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        if let Some(uid) = self.uid {
            command.uid(uid).gid(uid);
        }
        command.spawn().unwrap()
    }

    pub fn end(&self, mut child: Child) -> Ran {
        let status = child.wait().unwrap();
        let file = |end: &str| self.order.folder.with_extension(end);
        let log = fs::read_to_string(file("log")).unwrap();
        assert!(matches!(status.code(), Some(0 | 1)), "{status}: {log}");
        let report = serde_json::from_slice(&fs::read(file("report")).unwrap()).unwrap();
        let has_failed = matches!(report, StageReport::Failed(_));
        assert_eq!(status.code(), Some(i32::from(has_failed)), "{log}");
        Ran { report, log }
    }

    pub fn run(&self) -> Ran {
        self.end(self.start())
    }
}

impl Ran {
    pub fn code(self) -> CodeReport {
        match self.report {
            StageReport::Prepared(report) => report.code.unwrap(),
            other => panic!("{other:?}: {}", self.log),
        }
    }

    pub fn failure(self) -> Failure {
        match self.report {
            StageReport::Failed(failure) => {
                assert_eq!(failure.field, "code");
                assert!(!failure.reason.contains(char::is_control), "{failure:?}");
                failure
            }
            other => panic!("{other:?}: {}", self.log),
        }
    }
}

/// What makes mounts of one's own, for root and for others.
pub fn own_mounts() -> Vec<&'static str> {
    let who = if nix::unistd::geteuid().is_root() {
        "-m"
    } else {
        "-Urm"
    };
    vec![who, "--propagation", "private"]
}

/// Waits until the condition holds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "waited too long for: {what}");
        thread::sleep(LOOK_AGAIN);
    }
}

fn give(path: &Path, uid: u32) {
    std::os::unix::fs::lchown(path, Some(uid), Some(uid)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), uid);
        }
    } else if path.is_file() {
        chown(path, Some(uid), Some(uid)).unwrap();
    }
}

/// The sorted names in a folder; none if it is not there.
pub fn list(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.unwrap().file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

pub fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
