//! Collects what a reading finds, so that one pass reports everything.

use std::cell::{Cell, RefCell};

use super::Override;
use super::files::Files;
use crate::diagnostic::{Diagnostic, Severity, Span, clip};
use crate::yaml::Source;

/// Findings that one reading reports at most.
pub const FINDINGS_MAX: usize = 100;

/// Characters of a piece of the file that a message quotes at most.
const QUOTED_CHARS: usize = 60;

/// A message with what stands in backticks cut where it is long, so that what the message has to
/// say of it is not lost.
fn shorten_quoted(message: &str) -> String {
    let cut = |(nth, piece): (usize, &str)| match piece.char_indices().nth(QUOTED_CHARS) {
        Some((at, _)) if nth % 2 == 1 => format!("{}…", &piece[..at]),
        _ => piece.to_owned(),
    };
    let pieces: Vec<_> = message.split('`').enumerate().map(cut).collect();
    pieces.join("`")
}

/// The findings of one file.
pub(super) struct Findings<'a> {
    /// The file's text.
    pub(super) source: &'a Source<'a>,
    /// The files that this one may name.
    pub(super) files: Files<'a>,
    /// Values that are not the file's own.
    overrides: &'a [Override],
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
            overrides: &[],
            list: RefCell::new(problems),
            failed,
        }
    }

    /// With values that were put into the file's tree: findings about them have no place.
    pub(super) fn with_overrides(self, overrides: &'a [Override]) -> Findings<'a> {
        Findings { overrides, ..self }
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
        let mut finding = Diagnostic::error(code, span, shorten_quoted(&message));
        finding.severity = severity;
        if let Some(one) = self
            .overrides
            .iter()
            .find(|one| one.made(path, span.line > 0))
        {
            finding.span = Span::default();
            finding.message += &format!(" ({})", one.origin());
        }
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

#[cfg(test)]
mod tests {
    use super::shorten_quoted;

    #[test]
    fn only_what_is_quoted_is_cut() {
        let long = "é".repeat(100);
        let cut = format!("{}…", "é".repeat(60));
        let message = format!("{long} `{long}` and `a` cannot be {long}");
        let expected = format!("{long} `{cut}` and `a` cannot be {long}");
        assert_eq!(shorten_quoted(&message), expected);
        assert_eq!(shorten_quoted("no quote"), "no quote");
    }
}
