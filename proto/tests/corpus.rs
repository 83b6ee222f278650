//! Real job files, and files with one fault each, read from a corpus outside the repository:
//! in `$JOBD_SHARED`, or in a folder `shared` beside the workspace or beside its parent. Where
//! there is none the tests say SKIP.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

mod shared;

use std::cell::Cell;
use std::path::{Path, PathBuf};

use proto::diagnostic::{Diagnostic, Severity};
use proto::job::{self, Job, Loader, Reading};
use shared::{corpus, files};

/// Component files stand in a tree of their own beside the jobs'; some are not in the corpus.
struct Components {
    folders: Vec<PathBuf>,
    missing: Cell<bool>,
}

impl Components {
    fn of(corpus: &Path, file: &str) -> Components {
        let folder = Path::new(file).parent().unwrap();
        let folders = ["components", "examples"]
            .map(|tree| corpus.join(tree).join(folder))
            .to_vec();
        Components {
            folders,
            missing: Cell::new(false),
        }
    }
}

impl Loader for Components {
    fn load(&self, path: &Path) -> Result<Vec<u8>, String> {
        let found = self
            .folders
            .iter()
            .find_map(|folder| std::fs::read(folder.join(path)).ok());
        self.missing.set(self.missing.get() || found.is_none());
        found.ok_or_else(|| "no such file".to_owned())
    }
}

fn errors(reading: &Reading) -> Vec<&Diagnostic> {
    reading
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .collect()
}

/// Files of the examples that are no jobs, with the first error that tells so.
const NO_JOBS: &[(&str, &str)] = &[
    // A component with the schema of a command.
    (
        "cli/responsible-ai/cli-responsibleaidashboard-programmer-regression/train_programmers.yml",
        "version",
    ),
    // A template whose blanks are not filled in; the SDK refuses it too.
    ("cli/jobs/nebulaml/cifar10_deepspeed/job.yml", "environment"),
];

#[test]
fn every_real_job_is_read_and_survives_its_dump() {
    let Some(corpus) = corpus("real jobs") else {
        return;
    };
    for (file, text) in files(&corpus, "examples", &["command", "sweep", "pipeline"]) {
        let loader = Components::of(&corpus, &file);
        let mut reading = job::read_any(&text, Some(&file), Some(&loader));
        if loader.missing.get() {
            reading = job::read_any(&text, Some(&file), None);
        }
        if let Some((_, path)) = NO_JOBS.iter().find(|(name, _)| *name == file) {
            assert_eq!(errors(&reading)[0].path, *path, "{file}");
            continue;
        }
        assert!(errors(&reading).is_empty(), "{:#?}", errors(&reading));
        let job = reading.job.unwrap();
        let json = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&json).unwrap(), job, "{file}");
        let dumped = job::dump_job(&job);
        let again = job::read_any(dumped.as_bytes(), None, None);
        assert_eq!(
            again.job,
            Some(job),
            "{file}:\n{dumped}\n{:#?}",
            again.diagnostics
        );
    }
}

/// Files with one fault whose job is read all the same, and why.
const ACCEPTED: &[(&str, &str)] = &[
    (
        "035",
        "whether a path exists is seen when the job is prepared",
    ),
    ("047", "the SDK does not require the count either; it is 1"),
    ("059", "camel case is legal"),
    ("069", "a reference without a version is legal"),
    (
        "075",
        "an environment is not built here, so its folder is not looked for",
    ),
    ("081", "a variable without a value is legal"),
    ("091", "the SDK accepts it; it gets a warning"),
    ("115", "12:30:45 is the number 45045"),
    ("117", "read-only keys are dropped"),
    ("119", "read-only keys are dropped"),
    ("405", "a byte order mark is legal"),
    ("313", "the local compute is the one there is"),
    (
        "315",
        "the SDK accepts unknown settings; they get a warning",
    ),
];

/// The code that refuses each of the others.
const REFUSED: &[(&str, &str)] = &[
    ("001", "unknown-key"),
    ("003", "unknown-key"),
    ("005", "missing-key"),
    ("007", "wrong-type"),
    ("009", "wrong-type"),
    ("011", "out-of-range"),
    ("013", "wrong-type"),
    ("015", "wrong-type"),
    ("017", "out-of-range"),
    ("019", "unknown-reference"),
    ("021", "bad-expression"),
    ("023", "unknown-reference"),
    ("025", "bad-name"),
    ("027", "unknown-value"),
    ("029", "unknown-value"),
    ("031", "unknown-value"),
    ("033", "wrong-type"),
    ("037", "wrong-type"),
    ("039", "unknown-value"),
    ("041", "wrong-type"),
    ("043", "missing-key"),
    ("045", "missing-key"),
    ("049", "out-of-range"),
    ("051", "out-of-range"),
    ("053", "wrong-type"),
    ("055", "bad-size"),
    ("057", "wrong-type"),
    ("061", "unknown-value"),
    ("063", "unknown-value"),
    ("065", "unknown-value"),
    ("067", "unknown-key"),
    ("071", "bad-environment"),
    ("073", "bad-environment"),
    ("077", "unsupported-value"),
    ("079", "wrong-type"),
    ("083", "wrong-type"),
    ("085", "wrong-type"),
    ("087", "bad-name"),
    ("089", "bad-name"),
    ("093", "wrong-type"),
    ("095", "duplicate-key"),
    ("097", "wrong-type"),
    ("099", "empty-file"),
    ("101", "several-documents"),
    ("103", "undefined-alias"),
    ("105", "too-many-values"),
    ("107", "unknown-tag"),
    ("109", "unknown-key"),
    ("111", "too-deep"),
    ("113", "wrong-type"),
    ("401", "not-utf8"),
    ("403", "not-utf8"),
    ("407", "too-large"),
    ("409", "syntax"),
    ("411", "control-character"),
    ("201", "missing-key"),
    ("203", "missing-key"),
    ("205", "unknown-value"),
    ("207", "out-of-range"),
    ("209", "bad-pairing"),
    ("211", "empty"),
    ("213", "unknown-reference"),
    ("215", "bad-pairing"),
    ("217", "out-of-range"),
    ("219", "wrong-type"),
    ("301", "missing-key"),
    ("303", "unknown-reference"),
    ("305", "unknown-reference"),
    ("307", "circle"),
    ("309", "unknown-value"),
    ("311", "unknown-reference"),
    ("317", "bad-expression"),
];

#[test]
fn every_fault_is_refused_for_its_reason_at_its_place() {
    let Some(corpus) = corpus("faulty jobs") else {
        return;
    };
    for (file, text) in files(
        &corpus,
        "invalid",
        &["command", "bytes/command", "sweep", "pipeline"],
    ) {
        let reading = job::read_any(&text, Some(&file), None);
        let found = errors(&reading);
        let number = &file[..3];
        if let Some((_, why)) = ACCEPTED.iter().find(|(name, _)| *name == number) {
            assert!(
                found.is_empty() && reading.job.is_some(),
                "{file} is legal, {why}: {found:#?}"
            );
            continue;
        }
        let (_, code) = REFUSED
            .iter()
            .find(|(name, _)| *name == number)
            .unwrap_or_else(|| panic!("{file} is in no table"));
        assert!(reading.job.is_none());
        assert_eq!(found[0].code, *code, "{file}: {found:#?}");
        let line = found[0].span.line;
        assert!(
            found.iter().all(|d| d.span.line == line),
            "{file} has one fault: {found:#?}"
        );
        assert!(
            found[0].span.line > 0 && found[0].span.column > 0,
            "{file}: {found:#?}"
        );
        assert_eq!(found[0].file.as_deref(), Some(file.as_str()));
    }
}
