//! From a file's bytes to a job and everything that was found on the way.

use serde::{Deserialize, Serialize};

use super::field::Field;
use super::findings::Findings;
use super::{CommandJob, SweepJob, suggest};
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
}

/// A read file.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The job; there is one if and only if no finding is an error.
    pub job: Option<Job>,
    /// Everything that was found, in the file's order.
    pub diagnostics: Vec<Diagnostic>,
}

/// The types of jobs that Azure ML has and jobd cannot run.
const UNSUPPORTED: &[&str] = &[
    "pipeline",
    "automl",
    "spark",
    "parallel",
    "import",
    "data_transfer",
    "finetuning",
    "distillation",
];

/// Reads a job file whole. `file` is its name in the findings.
pub fn read(text: &[u8], file: Option<&str>) -> Reading {
    let source = match Source::new(text) {
        Ok(source) => source,
        Err(mut problem) => {
            problem.file = file.map(str::to_owned);
            return Reading {
                job: None,
                diagnostics: vec![*problem],
            };
        }
    };
    let (root, problems) = yaml::read(&source);
    let findings = Findings::new(&source, problems);
    let root = root.as_ref().map(|node| Field {
        node,
        key: source.span(0, 0),
        path: String::new(),
        findings: &findings,
    });
    let job = root
        .and_then(|root| job(&root))
        .filter(|_| !findings.failed());
    Reading {
        job,
        diagnostics: findings.finish(file),
    }
}

fn job(root: &Field<'_>) -> Option<Job> {
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
    match kind.text()?.as_str() {
        "command" => CommandJob::read(root).map(Job::Command),
        "sweep" => SweepJob::read(root).map(Box::new).map(Job::Sweep),
        text if UNSUPPORTED.contains(&text) => {
            kind.error(
                "unsupported-type",
                format!("jobd cannot run jobs of type `{text}` yet"),
                "it runs `type: command`",
            );
            None
        }
        text => {
            kind.error(
                "unknown-type",
                format!("`{text}` is not a type of job"),
                suggest::help(text, &["command", "sweep"]),
            );
            None
        }
    }
}
