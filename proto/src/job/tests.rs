//! The reader against the SDK's own answers, what it reports and how, and the dump against the reader.

mod bounds;
mod dump;
mod findings;
mod nested;
mod overrides;
mod pipeline;
mod sdk;
mod sweep;

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

/// A sweep with a search space, a sampling algorithm and more lines.
fn sweep_text(space: &str, sampling: &str, more: &str) -> String {
    format!(
        "type: sweep\nsearch_space:\n{space}sampling_algorithm: {sampling}\n\
         trial: {{command: 'echo ${{{{search_space.a}}}}', environment: azureml:e:1}}\n\
         objective: {{goal: minimize, primary_metric: loss}}\nlimits: {{max_total_trials: 4}}\n{more}\n"
    )
}
