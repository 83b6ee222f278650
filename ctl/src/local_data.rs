//! The local files and folders that a job names, looked for before the job is handed over: the
//! daemon opens no path of the user's, so this is the first who can tell that one is missing.

use std::path::Path;

use proto::diagnostic::{Diagnostic, Span};
use proto::job::{self, FINDINGS_MAX, Job, LocalPath, PathForm, PathKind};

use crate::job_file::JobFile;

/// What stands in every file that names a path: the keys of code and data, or an escape that may
/// hide one.
const TRACES: [&str; 3] = ["code", "path", "\\"];

/// What is missing, or is not what it must be. A file that is no valid job has its own findings.
pub fn missing(file: &JobFile) -> Vec<Diagnostic> {
    let names_paths = TRACES.iter().any(|trace| file.text.contains(trace));
    if !names_paths && file.overrides.is_empty() {
        return Vec::new();
    }
    let Some(Job::Command(job)) = file.job_text().read().job else {
        return Vec::new();
    };
    let paths = job::local_paths(&job, &file.folder);
    let mut findings: Vec<_> = paths.iter().filter_map(look).take(FINDINGS_MAX).collect();
    job::place(&mut findings, &file.job_text());
    findings
}

fn look(one: &LocalPath) -> Option<Diagnostic> {
    let PathForm::Local(path) = &one.path else {
        return None;
    };
    if one.is_passed_on {
        return None;
    }
    let (code, message, help) = objection(path, one.kind)?;
    let mut finding = Diagnostic::error(code, Span::default(), message).with_help(help);
    finding.path.clone_from(&one.field);
    Some(finding)
}

/// What speaks against a path: code, message and help.
pub fn objection(path: &Path, kind: PathKind) -> Option<(&'static str, String, &'static str)> {
    let shown = path.display();
    let found = match path.metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let help = "paths are relative to the job file's folder";
            return Some(("missing-path", format!("{shown} does not exist"), help));
        }
        Err(error) => {
            let message = format!("{shown} cannot be looked at: {error}");
            return Some((
                "missing-path",
                message,
                "the job will run with your own rights",
            ));
        }
    };
    match kind {
        PathKind::File if found.is_dir() => Some((
            "wrong-path",
            format!("{shown} is a folder"),
            "name a file, or use `type: uri_folder`",
        )),
        PathKind::Folder if !found.is_dir() => Some((
            "wrong-path",
            format!("{shown} is a file"),
            "name a folder, or use `type: uri_file`",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proto::job::Override;

    use super::*;

    fn file(text: &str, overrides: &[&str]) -> JobFile {
        let parsed = overrides.iter().map(|one| one.parse::<Override>().unwrap());
        JobFile {
            name: "job.yml".into(),
            text: format!("command: echo\nenvironment: azureml:e:1\n{text}"),
            folder: "/nowhere".into(),
            overrides: parsed.collect(),
        }
    }

    #[test]
    fn a_path_is_seen_wherever_it_is_named() {
        for (text, overrides, count) in [
            ("", &[][..], 0),
            ("code: src\n", &[], 1),
            ("\"co\\x64e\": src\n", &[], 1),
            ("inputs: {a: {type: uri_file, path: a.csv}}\n", &[], 1),
            ("inputs: {a: {type: uri_file, \"p\\u0061th\": a}}\n", &[], 1),
            ("", &["code=src"], 1),
        ] {
            let found = missing(&file(text, overrides));
            assert_eq!(found.len(), count, "{text} {overrides:?}: {found:?}");
        }
    }
}
