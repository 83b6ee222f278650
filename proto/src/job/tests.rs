//! The reader against the SDK's own answers, what it reports and how, and the dump against the reader.

mod dump;
mod findings;
mod sdk;

use super::{CommandJob, Job, Reading, read};
use crate::diagnostic::Severity;

/// A job file of these lines, with a command and an environment where they have none.
fn file(lines: &str) -> String {
    let has = |key: &str| lines.lines().any(|line| line.starts_with(key));
    let mut text = lines.trim_start_matches('\n').to_owned() + "\n";
    if !has("command:") {
        text += "command: echo hello\n";
    }
    if !has("environment:") {
        text += "environment: azureml:env:1\n";
    }
    text
}

fn accept(lines: &str) -> CommandJob {
    match reading(lines) {
        Reading {
            job: Some(Job::Command(job)),
            ..
        } => job,
        Reading { diagnostics, .. } => panic!("{lines}: {diagnostics:#?}"),
    }
}

fn reading(lines: &str) -> Reading {
    read(file(lines).as_bytes(), Some("job.yml"))
}

/// Every finding of a severity, as it prints.
fn found(lines: &str, severity: Severity) -> Vec<String> {
    let reading = reading(lines);
    let errors = reading
        .diagnostics
        .iter()
        .any(|d| d.severity == Severity::Error);
    assert_eq!(reading.job.is_none(), errors);
    reading
        .diagnostics
        .iter()
        .filter(|d| d.severity == severity)
        .map(ToString::to_string)
        .collect()
}
