//! `validate`: checks job files of every type and component files here, without a daemon.

use std::path::{Path, PathBuf};

use proto::diagnostic::{Diagnostic, Severity, Span};
use proto::job::{Document, JobText, Override};

use crate::args::{OutputArgs, ValidateArgs};
use crate::component_files::ComponentFiles;
use crate::ending::Ending;
use crate::error::Error;
use crate::job_file::JobFile;
use crate::local_data;
use crate::output::{Emit, diagnostics, print};

/// What was found in all files.
#[derive(Default)]
struct Report {
    /// The files that could not be read.
    unreadable: Vec<Diagnostic>,
    findings: Vec<Diagnostic>,
    /// The files that the findings may be about.
    sources: Vec<JobFile>,
}

/// What a file is, when it is valid, and what was found in it and in the files that it names.
struct Checked {
    document: Option<Document>,
    findings: Vec<Diagnostic>,
    named: Vec<JobFile>,
}

/// Checks the files: findings as `submit` shows them, else a line that the file is valid.
pub fn run(args: ValidateArgs) -> Result<Ending, Error> {
    let mut report = Report::default();
    for path in args.files.files() {
        let valid = report.add(&path, &args.set.set, args.strict);
        if let (Some(line), true) = (valid, args.output.is_for_people()) {
            print::stdout(&line)?;
        }
    }
    report.show(&args.output)?;
    let refused = !report.unreadable.is_empty() || is_refused(&report.findings);
    Ok(if refused {
        Ending::OwnError
    } else {
        Ending::Done
    })
}

impl Report {
    /// For people on standard error; for programs one list on standard output.
    fn show(&self, output: &OutputArgs) -> Result<(), Error> {
        if !output.is_for_people() {
            let all: Vec<_> = self.unreadable.iter().chain(&self.findings).collect();
            return Ok(output.emit(&all, |_| String::new())?);
        }
        for finding in &self.unreadable {
            let name = finding.file.as_deref().unwrap_or_default();
            print::say(&format!("{name}: {}", finding.message));
        }
        diagnostics::show(&self.findings, &self.sources);
        Ok(())
    }

    /// Checks a file; gives the line that says what it is when it is valid.
    fn add(&mut self, path: &Path, overrides: &[Override], strict: bool) -> Option<String> {
        let file = match JobFile::read(path) {
            Ok(file) => JobFile {
                overrides: overrides.to_vec(),
                ..file
            },
            Err((name, error)) => {
                let mut finding =
                    Diagnostic::error("unreadable", Span::default(), error.to_string());
                finding.file = Some(name);
                self.unreadable.push(finding);
                return None;
            }
        };
        let mut checked = check(&file);
        if strict {
            let findings = checked.findings.iter_mut();
            findings.for_each(|finding| finding.severity = Severity::Error);
        }
        let kind = match &checked.document {
            Some(Document::Component(_)) => " component",
            _ => "",
        };
        let valid = !is_refused(&checked.findings);
        let line = valid.then(|| format!("{}: valid{kind}\n", file.name));
        self.findings.extend(checked.findings);
        self.sources.push(file);
        self.sources.extend(checked.named);
        line
    }
}

fn is_refused(found: &[Diagnostic]) -> bool {
    found.iter().any(|d| d.severity == Severity::Error)
}

/// The findings of the reader that the daemon uses too, and what is missing on the disk.
fn check(file: &JobFile) -> Checked {
    let components = ComponentFiles::beside(file);
    let text = JobText {
        loader: Some(&components),
        ..file.job_text()
    };
    let (document, mut findings) = text.read_document();
    for finding in &mut findings {
        match &mut finding.file {
            Some(name) if *name != file.name => *name = components.shown(&PathBuf::from(&*name)),
            _ => {}
        }
    }
    findings.extend(local_data::missing(file));
    Checked {
        document,
        findings,
        named: components.into_read(),
    }
}
