//! From a file's bytes to a job and everything that was found on the way.

use serde::{Deserialize, Serialize};

use super::component::{self, Component};
use super::field::Field;
use super::files::{Files, Loader, Named};
use super::findings::Findings;
use super::{CommandJob, DataAsset, Override, PipelineJob, SweepJob, overrides, suggest};
use crate::diagnostic::{Diagnostic, Severity};
use crate::yaml::{self, Source, Value};

/// A job of any type.
#[expect(
    clippy::large_enum_variant,
    reason = "most jobs are commands: they need no box"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Job {
    /// One command.
    Command(CommandJob),
    /// One command tried with many values.
    Sweep(Box<SweepJob>),
    /// Steps that wait for each other's outputs.
    Pipeline(Box<PipelineJob>),
}

/// A read file.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The job; there is one if and only if no finding is an error.
    pub job: Option<Job>,
    /// Everything that was found, in the file's order.
    pub diagnostics: Vec<Diagnostic>,
}

/// The types of jobs that jobd can run.
const RUNNABLE: &[&str] = &["command"];

/// A read component file.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentReading {
    /// The component; there is one if and only if no finding is an error.
    pub component: Option<Component>,
    /// Everything that was found, in the file's order.
    pub diagnostics: Vec<Diagnostic>,
}

/// The types of jobs that are read.
pub(super) const TYPES: &[&str] = &["command", "sweep", "pipeline"];
/// The other types of jobs that Azure ML has.
const UNSUPPORTED: &[&str] = &[
    "automl",
    "spark",
    "parallel",
    "import",
    "data_transfer",
    "finetuning",
    "distillation",
];

/// The text of a job file with what belongs to it.
#[derive(Clone, Copy)]
pub struct JobText<'a> {
    /// The text.
    pub bytes: &'a [u8],
    /// Its name in the findings.
    pub file: Option<&'a str>,
    /// Values that take the place of the file's.
    pub overrides: &'a [Override],
    /// Gives the components that it names, which are read too and are part of the job; without
    /// one their names stay as they are.
    pub loader: Option<&'a dyn Loader>,
}

/// What a file may define.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// A job.
    Job(Job),
    /// A component, for steps of pipelines.
    Component(Component),
}

/// Reads a file with a job that jobd can run, whole. A job of another type is read and checked
/// all the same, and then refused as `unsupported-type`. `file` is its name in the findings.
pub fn read(text: &[u8], file: Option<&str>) -> Reading {
    JobText::new(text, file).read()
}

/// Reads a file with a job of any type, whether jobd can run it or not: a note tells if it
/// cannot. With a loader the components that it names are read too, and the job holds them.
pub fn read_any(text: &[u8], file: Option<&str>, loader: Option<&dyn Loader>) -> Reading {
    let text = JobText {
        loader,
        ..JobText::new(text, file)
    };
    text.read_any()
}

impl<'a> JobText<'a> {
    /// A text alone.
    pub fn new(bytes: &'a [u8], file: Option<&'a str>) -> JobText<'a> {
        JobText {
            bytes,
            file,
            overrides: &[],
            loader: None,
        }
    }

    /// Reads a job that jobd can run: see [`read`].
    pub fn read(&self) -> Reading {
        let (job, diagnostics) = self.read_by(|root| job(root, Severity::Error));
        Reading { job, diagnostics }
    }

    /// Reads a job of any type: see [`read_any`].
    pub fn read_any(&self) -> Reading {
        let (job, diagnostics) = self.read_by(|root| job(root, Severity::Note));
        Reading { job, diagnostics }
    }

    /// Reads a job of any type, or a component where the file looks like one. There is a
    /// document if and only if no finding is an error.
    pub fn read_document(&self) -> (Option<Document>, Vec<Diagnostic>) {
        self.read_by(|root| match component::is_component(root) {
            true => Component::read(root, None).map(Document::Component),
            false => job(root, Severity::Note).map(Document::Job),
        })
    }

    /// Reads a data asset. There is one if and only if no finding is an error.
    pub fn read_data_asset(&self) -> (Option<DataAsset>, Vec<Diagnostic>) {
        self.read_by(DataAsset::read)
    }

    fn read_by<T>(
        &self,
        reader: impl FnOnce(&Field<'_>) -> Option<T>,
    ) -> (Option<T>, Vec<Diagnostic>) {
        let source = match Source::new(self.bytes) {
            Ok(source) => source,
            Err(mut problem) => {
                problem.file = self.file.map(str::to_owned);
                return (None, vec![*problem]);
            }
        };
        let (mut root, mut problems) = yaml::read(&source);
        if let Some(root) = &mut root {
            problems.extend(overrides::apply(root, self.overrides));
        }
        let named = Named::default();
        let findings = Findings::new(&source, problems, Files::new(self.loader, &named))
            .with_overrides(self.overrides);
        let root = root.as_ref().map(|node| Field {
            node,
            key: source.span(0, 0),
            path: String::new(),
            findings: &findings,
        });
        let read = root
            .and_then(|root| reader(&root))
            .filter(|_| !findings.failed());
        (read, findings.finish(self.file))
    }
}

/// Reads the file of a component, with the components that it names itself.
pub fn read_component(
    text: &[u8],
    file: Option<&str>,
    loader: Option<&dyn Loader>,
) -> ComponentReading {
    let text = JobText {
        loader,
        ..JobText::new(text, file)
    };
    let (component, diagnostics) = text.read_by(|root| Component::read(root, None));
    ComponentReading {
        component,
        diagnostics,
    }
}

/// Reads a job of any type. `unrunnable` is how bad it is that jobd cannot run one.
fn job(root: &Field<'_>, unrunnable: Severity) -> Option<Job> {
    if !matches!(root.node.value, Value::Map(_)) {
        root.error(
            "wrong-type",
            format!("a job file is a mapping, not {}", root.node.describe()),
            "write `command: …`",
        );
        return None;
    }
    let Some(kind) = root.peek("type") else {
        return CommandJob::read(root).map(Job::Command);
    };
    let text = kind.text()?;
    match text.as_str() {
        known if RUNNABLE.contains(&known) => {}
        known if TYPES.contains(&known) => refuse(&kind, known, unrunnable),
        known if UNSUPPORTED.contains(&known) => refuse(&kind, known, Severity::Error),
        other => kind.error(
            "unknown-type",
            format!("`{other}` is not a type of job"),
            suggest::help(other, TYPES),
        ),
    }
    match text.as_str() {
        "command" => CommandJob::read(root).map(Job::Command),
        "sweep" => SweepJob::read(root).map(Box::new).map(Job::Sweep),
        "pipeline" => PipelineJob::read(root).map(Box::new).map(Job::Pipeline),
        _ => None,
    }
}

fn refuse(kind: &Field<'_>, text: &str, severity: Severity) {
    let message = match severity {
        Severity::Error => format!("jobd cannot run jobs of type `{text}` yet"),
        _ => format!("jobd reads jobs of type `{text}` and cannot run them yet"),
    };
    kind.report(
        severity,
        "unsupported-type",
        message,
        "it runs `type: command`",
    );
}
