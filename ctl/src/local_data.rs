//! The local files and folders that a job names, looked for before the job is handed over: the
//! daemon opens no path of the user's, so this is the first who can tell that one is missing.

use std::path::Path;

use proto::diagnostic::{Diagnostic, Span};
use proto::job::{self, FINDINGS_MAX, Job, LocalPath, PathForm, PathKind};

use crate::job_file::JobFile;

/// What is missing, or is not what it must be. A file that is no valid job has its own findings.
pub fn missing(file: &JobFile) -> Vec<Diagnostic> {
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
