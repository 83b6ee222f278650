//! Collects what a reading finds, so that one pass reports everything.

use std::cell::{Cell, RefCell};

use super::files::Files;
use crate::diagnostic::{Diagnostic, Severity, Span, clip};
use crate::yaml::Source;

/// Findings that one reading reports at most.
pub const FINDINGS_MAX: usize = 100;

/// The findings of one file.
pub(super) struct Findings<'a> {
    /// The file's text.
    pub(super) source: &'a Source<'a>,
    /// The files that this one may name.
    pub(super) files: Files<'a>,
    list: RefCell<Vec<Diagnostic>>,
    failed: Cell<bool>,
}

impl<'a> Findings<'a> {
    /// Begins with the problems that the file has as YAML.
    pub(super) fn new(
        source: &'a Source<'a>,
        problems: Vec<Diagnostic>,
        files: Files<'a>,
    ) -> Findings<'a> {
        let failed = Cell::new(!problems.is_empty());
        Findings {
            source,
            files,
            list: RefCell::new(problems),
            failed,
        }
    }

    /// Adds a finding; an empty help is none.
    pub(super) fn add(
        &self,
        severity: Severity,
        code: &str,
        (path, span): (&str, Span),
        message: String,
        help: String,
    ) {
        self.failed
            .set(self.failed.get() || severity == Severity::Error);
        let mut list = self.list.borrow_mut();
        if list.len() >= FINDINGS_MAX {
            return;
        }
        let mut finding = Diagnostic::error(code, span, message);
        finding.severity = severity;
        finding.path = clip(path.into());
        list.push(if help.is_empty() {
            finding
        } else {
            finding.with_help(help)
        });
    }

    /// Whether an error was found.
    pub(super) fn failed(&self) -> bool {
        self.failed.get()
    }

    /// Nothing more will be reported; only whether there is an error may still change.
    pub(super) fn is_full(&self) -> bool {
        self.list.borrow().len() >= FINDINGS_MAX
    }

    /// Nothing more will be reported and the file is refused: the reading may end.
    pub(super) fn is_over(&self) -> bool {
        self.failed() && self.is_full()
    }

    /// Adds the findings of another file, which come after those of this one.
    pub(super) fn add_foreign(&self, findings: Vec<Diagnostic>) {
        let failed = findings
            .iter()
            .any(|finding| finding.severity == Severity::Error);
        self.failed.set(self.failed.get() || failed);
        let mut list = self.list.borrow_mut();
        let room = FINDINGS_MAX.saturating_sub(list.len());
        list.extend(findings.into_iter().take(room));
    }

    /// All findings in the file's order, then those of other files.
    pub(super) fn finish(self, file: Option<&str>) -> Vec<Diagnostic> {
        let refused = self.failed();
        let mut list = self.list.into_inner();
        // What a refused job would have had no effect is of no interest.
        list.retain(|finding| !refused || finding.severity != Severity::Note);
        list.sort_by(|a, b| {
            let place = |d: &Diagnostic| (d.span.line, d.span.column);
            (&a.file, place(a)).cmp(&(&b.file, place(b)))
        });
        for finding in list.iter_mut().filter(|finding| finding.file.is_none()) {
            finding.file = file.map(str::to_owned);
        }
        list
    }
}
