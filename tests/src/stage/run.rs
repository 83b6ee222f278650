//! One run of `jobd-stage`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use proto::job::{DataInput, Output};
use proto::stage::{
    Asset, Datastore, Failure, FinalizeOrder, FinalizeReport, InputOrder, InputReport, OutputOrder,
    PROGRESS_FILE, PrepareOrder, PrepareReport, StageOrder, StageReport, StageSettings, Work,
};
use serde_json::json;

use crate::harness::{Folder, program};

/// A user's files, a job's folder and a cache.
pub struct Stage {
    folder: Folder,
    /// What the configuration says.
    pub settings: StageSettings,
    /// What the environment says besides.
    pub environment: Vec<(String, String)>,
    /// What is done before, in the shell that starts the stage.
    pub before: String,
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    /// The report; none where there is none.
    pub report: Option<StageReport>,
    /// What it printed, and the progress that it left.
    pub said: String,
}

impl Default for Stage {
    fn default() -> Stage {
        Stage::new()
    }
}

impl Stage {
    /// With empty folders.
    ///
    /// # Panics
    /// When they cannot be made.
    #[must_use]
    pub fn new() -> Stage {
        let folder = Folder::new();
        for name in ["base", "job/system_logs"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        Stage {
            folder,
            settings: StageSettings::default(),
            environment: Vec::new(),
            before: "true".into(),
        }
    }

    /// A file or folder of the user, relative to the job file.
    #[must_use]
    pub fn base(&self, name: &str) -> PathBuf {
        self.folder.path().join("base").join(name)
    }

    /// Writes a file of the user.
    ///
    /// # Panics
    /// When it cannot.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        write(&self.base(name), bytes.as_ref());
    }

    /// A file or folder of the job.
    #[must_use]
    pub fn job(&self, name: &str) -> PathBuf {
        self.folder.path().join("job").join(name)
    }

    /// Writes a file of the job.
    ///
    /// # Panics
    /// When it cannot.
    pub fn write_job(&self, name: &str, bytes: impl AsRef<[u8]>) {
        write(&self.job(name), bytes.as_ref());
    }

    /// The cache.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Bytes of the contents and parts in the cache.
    ///
    /// # Panics
    /// When they cannot be looked at.
    #[must_use]
    pub fn cached_bytes(&self) -> u64 {
        let folders = ["data/blobs", "data/partial"].map(|name| self.cache().join(name));
        let files = folders
            .iter()
            .flat_map(|folder| fs::read_dir(folder).unwrap());
        files
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum()
    }

    fn order(&self, work: Work, cache: &Path) -> StageOrder {
        StageOrder {
            job: "brave_job".into(),
            folder: self.job(""),
            base_path: self.base(""),
            cache: cache.into(),
            settings: self.settings.clone(),
            work,
            others: None,
        }
    }

    /// Starts it; its report goes to a file of this name.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(&self, work: Work, name: &str) -> Child {
        self.start_with_cache(work, name, &self.cache())
    }

    /// The same with a cache that others have too.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_with_cache(&self, work: Work, name: &str, cache: &Path) -> Child {
        let order = self.folder.path().join(format!("{name}.order"));
        fs::write(
            &order,
            serde_json::to_vec(&self.order(work, cache)).unwrap(),
        )
        .unwrap();
        let said = File::create(self.folder.path().join(format!("{name}.said"))).unwrap();
        let script = format!("{} && exec \"$0\" <\"$1\" 3>\"$2\"", self.before);
        Command::new("sh")
            .args(["-c", &script])
            .arg(program("jobd-stage"))
            .arg(order)
            .arg(self.folder.path().join(format!("{name}.report")))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap()
    }

    /// What it has said so far.
    ///
    /// # Panics
    /// When it was not started.
    #[must_use]
    pub fn says(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("{name}.said"))).unwrap()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When the exit code does not fit the report.
    #[must_use]
    pub fn end(&self, mut child: Child, name: &str) -> Ran {
        let status = child.wait().unwrap();
        let bytes = fs::read(self.folder.path().join(format!("{name}.report"))).unwrap_or_default();
        let report: Option<StageReport> = serde_json::from_slice(&bytes).ok();
        let said = fs::read_to_string(self.folder.path().join(format!("{name}.said"))).unwrap();
        let progress = fs::read_to_string(self.job(PROGRESS_FILE)).unwrap_or_default();
        let is_failed = matches!(report, Some(StageReport::Failed(_)) | None);
        assert_eq!(!status.success(), is_failed, "{said}");
        Ran {
            report,
            said: format!("{said}{progress}{}", String::from_utf8_lossy(&bytes)),
        }
    }

    /// Prepares these inputs.
    #[must_use]
    pub fn inputs(&self, inputs: &[(&str, InputOrder)]) -> Ran {
        self.end(self.start(prepare(inputs), "prepare"), "prepare")
    }

    /// Prepares one input, which must succeed.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn input(&self, input: InputOrder) -> InputReport {
        self.inputs(&[("data", input)]).prepared().inputs["data"].clone()
    }

    /// Prepares one input, which must fail: why, and all that was said.
    ///
    /// # Panics
    /// When it does not fail.
    #[must_use]
    pub fn refused(&self, input: InputOrder) -> String {
        let ran = self.inputs(&[("data", input)]);
        let failure = ran.failed();
        assert_eq!(failure.field, "inputs.data");
        assert!(
            !self.job("inputs/data").exists(),
            "nothing half done is left"
        );
        failure.reason
    }

    /// Prepares these outputs.
    #[must_use]
    pub fn outputs(&self, outputs: &[(&str, OutputOrder)]) -> Ran {
        let work = Work::Prepare(Box::new(PrepareOrder {
            outputs: named(outputs),
            ..PrepareOrder::default()
        }));
        self.end(self.start(work, "outputs"), "outputs")
    }

    /// Publishes these outputs.
    #[must_use]
    pub fn finalize(&self, outputs: &[(&str, OutputOrder)]) -> Ran {
        let work = Work::Finalize(FinalizeOrder {
            outputs: named(outputs),
        });
        self.end(self.start(work, "finalize"), "finalize")
    }
}

/// The work of preparing inputs.
#[must_use]
pub fn prepare(inputs: &[(&str, InputOrder)]) -> Work {
    Work::Prepare(Box::new(PrepareOrder {
        inputs: named(inputs),
        ..PrepareOrder::default()
    }))
}

fn named<T: Clone>(all: &[(&str, T)]) -> BTreeMap<String, T> {
    all.iter()
        .map(|(name, one)| ((*name).to_owned(), one.clone()))
        .collect()
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

impl Ran {
    /// The report of a preparation that succeeded.
    ///
    /// # Panics
    /// When it did not.
    #[must_use]
    pub fn prepared(&self) -> PrepareReport {
        match &self.report {
            Some(StageReport::Prepared(report)) => (**report).clone(),
            _ => panic!("not prepared: {}", self.said),
        }
    }

    /// The report of a finalization that succeeded.
    ///
    /// # Panics
    /// When it did not.
    #[must_use]
    pub fn finalized(&self) -> FinalizeReport {
        match &self.report {
            Some(StageReport::Finalized(report)) => report.clone(),
            _ => panic!("not finalized: {}", self.said),
        }
    }

    /// The report of a failure.
    ///
    /// # Panics
    /// When it did not fail.
    #[must_use]
    pub fn failed(&self) -> Failure {
        match &self.report {
            Some(StageReport::Failed(failure)) => failure.clone(),
            _ => panic!("not failed: {}", self.said),
        }
    }
}

/// An input of a type, with a path, in a mode (empty for none).
///
/// # Panics
/// When it is none.
#[must_use]
pub fn input(kind: &str, path: &str, mode: &str) -> InputOrder {
    let mode = (!mode.is_empty()).then_some(mode);
    let input: DataInput =
        serde_json::from_value(json!({ "type": kind, "path": path, "mode": mode })).unwrap();
    InputOrder {
        input,
        resolved: None,
        digest: None,
    }
}

/// An input that stands for something that the daemon has looked up.
#[must_use]
pub fn asset(input: InputOrder, resolved: Result<&str, &str>) -> InputOrder {
    let of_path = |path: &str| Asset {
        name: "cars".into(),
        version: "3".into(),
        kind: input.input.kind.clone(),
        path: path.into(),
    };
    InputOrder {
        resolved: Some(resolved.map(of_path).map_err(str::to_owned)),
        ..input
    }
}

/// An output of a type, to a path (empty for none), written to a path of the job.
#[must_use]
pub fn output(kind: &str, goal: &str, path: &str) -> OutputOrder {
    OutputOrder {
        output: Output {
            kind: kind.into(),
            path: (!goal.is_empty()).then(|| goal.to_owned()),
            ..Output::default()
        },
        path: path.into(),
    }
}

/// A datastore as the configuration says it.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn datastore(text: serde_json::Value) -> Datastore {
    serde_json::from_value(text).unwrap()
}
