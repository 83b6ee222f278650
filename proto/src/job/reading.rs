//! From a file's bytes to a job and everything that was found on the way.

use std::cell::Cell;

use serde::{Deserialize, Serialize};

use super::component::Component;
use super::field::Field;
use super::files::{FILES_MAX, Files, Loader};
use super::findings::Findings;
use super::{CommandJob, PipelineJob, SweepJob, suggest};
use crate::diagnostic::Diagnostic;
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

/// A read component file.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentReading {
    /// The component; there is one if and only if no finding is an error.
    pub component: Option<Component>,
    /// Everything that was found, in the file's order.
    pub diagnostics: Vec<Diagnostic>,
}

/// The types of jobs that are read.
const TYPES: &[&str] = &["command", "sweep", "pipeline"];
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

/// Reads a file with a job that jobd can run, whole. A job of another type is read and checked
/// all the same, and then refused as `unsupported-type`. `file` is its name in the findings.
pub fn read(text: &[u8], file: Option<&str>) -> Reading {
    read_file(text, file, None, &["command"])
}

/// Reads a file with a job of any type, whether jobd can run it or not. With a loader the
/// components that it names are read too, and the job holds them.
pub fn read_any(text: &[u8], file: Option<&str>, loader: Option<&dyn Loader>) -> Reading {
    read_file(text, file, loader, TYPES)
}

/// Reads the file of a component, with the components that it names itself.
pub fn read_component(
    text: &[u8],
    file: Option<&str>,
    loader: Option<&dyn Loader>,
) -> ComponentReading {
    let (component, diagnostics) =
        read_root(text, file, loader, |root| Component::read(root, None));
    ComponentReading {
        component,
        diagnostics,
    }
}

fn read_file(
    text: &[u8],
    file: Option<&str>,
    loader: Option<&dyn Loader>,
    runnable: &[&str],
) -> Reading {
    let (job, diagnostics) = read_root(text, file, loader, |root| job(root, runnable));
    Reading { job, diagnostics }
}

/// Reads the root of a file; what it is exists only when nothing was found that refuses it.
fn read_root<T>(
    text: &[u8],
    file: Option<&str>,
    loader: Option<&dyn Loader>,
    reader: impl FnOnce(&Field<'_>) -> Option<T>,
) -> (Option<T>, Vec<Diagnostic>) {
    let source = match Source::new(text) {
        Ok(source) => source,
        Err(mut problem) => {
            problem.file = file.map(str::to_owned);
            return (None, vec![*problem]);
        }
    };
    let (root, problems) = yaml::read(&source);
    let left = Cell::new(FILES_MAX);
    let findings = Findings::new(&source, problems, Files::new(loader, &left));
    let root = root.as_ref().map(|node| Field {
        node,
        key: source.span(0, 0),
        path: String::new(),
        findings: &findings,
    });
    let read = root
        .and_then(|root| reader(&root))
        .filter(|_| !findings.failed());
    (read, findings.finish(file))
}

fn job(root: &Field<'_>, runnable: &[&str]) -> Option<Job> {
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
    let is_job = TYPES.contains(&text.as_str()) || UNSUPPORTED.contains(&text.as_str());
    if is_job && !runnable.contains(&text.as_str()) {
        kind.error(
            "unsupported-type",
            format!("jobd cannot run jobs of type `{text}` yet"),
            "it runs `type: command`",
        );
    }
    match text.as_str() {
        "command" => CommandJob::read(root).map(Job::Command),
        "sweep" => SweepJob::read(root).map(Box::new).map(Job::Sweep),
        "pipeline" => PipelineJob::read(root).map(Box::new).map(Job::Pipeline),
        text => {
            if !is_job {
                kind.error(
                    "unknown-type",
                    format!("`{text}` is not a type of job"),
                    suggest::help(text, TYPES),
                );
            }
            None
        }
    }
}
