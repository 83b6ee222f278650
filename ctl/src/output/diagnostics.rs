//! Findings about job files, with the source line: drawn for a terminal, narrow and greppable in
//! a pipe.

use std::io::{self, IsTerminal};

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report,
};
use proto::diagnostic::{Diagnostic, Severity, Span};
use unicode_width::UnicodeWidthStr;

use super::{print, text};
use crate::job_file::JobFile;

/// A source line that is longer is not drawn.
const LINE_BYTES_MAX: usize = 160;
/// Of a line that is longer than this only the part around the finding is shown, as much as fits
/// into a line of a terminal.
const LINE_CHARS_SHOWN: usize = 72;
/// How much of a longer line is shown before the finding.
const LINE_CHARS_BEFORE: usize = 30;
/// How much of a field's path is shown.
const PATH_CHARS_SHOWN: usize = 80;

/// Prints findings on standard error.
pub fn show(diagnostics: &[Diagnostic], files: &[JobFile]) {
    let terminal = io::stderr().is_terminal();
    for diagnostic in diagnostics {
        let source = source_of(diagnostic, files);
        let shown = match (terminal, source) {
            (true, Some(source)) if is_drawable(diagnostic.span, source) => {
                graphical(diagnostic, source, theme())
            }
            (_, source) => plain(diagnostic, source),
        };
        print::stderr(&shown);
    }
}

fn source_of<'f>(diagnostic: &Diagnostic, files: &'f [JobFile]) -> Option<&'f str> {
    let name = diagnostic.file.as_deref()?;
    let file = files.iter().find(|file| file.name == name)?;
    Some(&file.text)
}

/// The narrow form: `FILE:LINE:COLUMN: error: path: message`, the line, the help.
pub fn plain(diagnostic: &Diagnostic, source: Option<&str>) -> String {
    let brief = Diagnostic {
        help: None,
        path: shown_path(&diagnostic.path),
        ..diagnostic.clone()
    };
    let first = brief.to_string();
    let mut out = format!("{}\n", text::in_line(first.trim_start()));
    if let Some((line, marker)) = source.and_then(|source| excerpt(diagnostic.span, source)) {
        let number = diagnostic.span.line.to_string();
        let margin = " ".repeat(number.len());
        out.push_str(&format!("  {number} | {line}\n  {margin} | {marker}\n"));
    }
    if let Some(help) = &diagnostic.help {
        out.push_str(&format!("  help: {}\n", text::in_line(help)));
    }
    out
}

/// A field's path, cut where it is long.
fn shown_path(path: &str) -> String {
    match path.char_indices().nth(PATH_CHARS_SHOWN) {
        Some((at, _)) => format!("{}…", &path[..at]),
        None => path.to_owned(),
    }
}

/// The source line of a span, and a line of `^` below it.
fn excerpt(span: Span, source: &str) -> Option<(String, String)> {
    let line = source.lines().nth(span.line.checked_sub(1)?)?;
    let line = text::in_place(line);
    let before = span.column.saturating_sub(1);
    let skipped = match line.chars().count() > LINE_CHARS_SHOWN {
        true => before.saturating_sub(LINE_CHARS_BEFORE),
        false => 0,
    };
    let part: String = line.chars().skip(skipped).take(LINE_CHARS_SHOWN).collect();
    let lead: String = part.chars().take(before - skipped).collect();
    let marked = covered(&part[lead.len()..], span.length);
    let marker = " ".repeat(lead.width()) + &"^".repeat(marked.width().max(1));
    Some((part, marker))
}

/// The first `bytes` of a line, to the end of a character.
fn covered(line: &str, bytes: usize) -> &str {
    let end = (bytes.min(line.len())..=line.len()).find(|at| line.is_char_boundary(*at));
    &line[..end.unwrap_or(line.len())]
}

/// Whether the place is in the text and its line is short enough to be drawn.
fn is_drawable(span: Span, source: &str) -> bool {
    let end = span.offset.saturating_add(span.length);
    let line = span.line.checked_sub(1).and_then(|n| source.lines().nth(n));
    source.get(span.offset..end).is_some() && line.is_some_and(|l| l.len() <= LINE_BYTES_MAX)
}

fn theme() -> GraphicalTheme {
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    match colours {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    }
}

fn graphical(diagnostic: &Diagnostic, source: &str, theme: GraphicalTheme) -> String {
    let file = diagnostic.file.as_deref().unwrap_or_default();
    let source = NamedSource::new(text::in_line(file), text::in_place(source));
    let report = Report::from(drawing(diagnostic)).with_source_code(source);
    let mut out = String::new();
    let width = terminal_size::terminal_size().map_or(80, |(width, _)| width.0.into());
    let drawn = GraphicalReportHandler::new_themed(theme)
        .with_width(width)
        .with_links(false)
        .render_report(&mut out, report.as_ref());
    match drawn {
        Ok(()) => out,
        Err(_) => plain(diagnostic, None),
    }
}

fn drawing(diagnostic: &Diagnostic) -> MietteDiagnostic {
    let severity = match diagnostic.severity {
        Severity::Note => miette::Severity::Advice,
        Severity::Warning => miette::Severity::Warning,
        Severity::Error => miette::Severity::Error,
    };
    let field = if diagnostic.path.is_empty() {
        None
    } else {
        Some(text::in_line(&shown_path(&diagnostic.path)).into_owned())
    };
    let message = match &field {
        Some(field) => format!("{field}: {}", text::in_line(&diagnostic.message)),
        None => text::in_line(&diagnostic.message).into_owned(),
    };
    let span = diagnostic.span;
    let label = LabeledSpan::new(None, span.offset, span.length);
    let drawing = MietteDiagnostic::new(message)
        .with_severity(severity)
        .with_code(text::in_line(&diagnostic.code))
        .with_label(label);
    match &diagnostic.help {
        Some(help) => drawing.with_help(text::in_line(help)),
        None => drawing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "command: echo\nlimits: {timeout: soon}\nnäme:\tх\x1b[31m\n";

    fn finding(line: usize, column: usize, at: &str) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code: "bad-value".into(),
            message: "must be a number of seconds, not \"soon\"".into(),
            help: Some("write for instance 3600".into()),
            path: "limits.timeout".into(),
            file: Some("job.yml".into()),
            span: Span {
                line,
                column,
                offset: SOURCE.find(at).unwrap(),
                length: at.len(),
            },
        }
    }

    #[test]
    fn the_plain_form_begins_with_a_line_for_grep() {
        let shown = plain(&finding(2, 19, "soon"), Some(SOURCE));
        assert!(shown.starts_with("job.yml:2:19: error: limits.timeout: must be"));
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn nothing_from_the_file_reaches_the_terminal_raw() {
        let mut finding = finding(3, 7, "х\x1b[31m");
        finding.message = "wrong \x1b]0;x\x07".into();
        for shown in [
            plain(&finding, Some(SOURCE)),
            graphical(&finding, SOURCE, GraphicalTheme::unicode_nocolor()),
        ] {
            assert!(!shown.contains('\x1b'), "{shown}");
            insta::assert_snapshot!(shown);
        }
    }

    #[test]
    fn a_place_that_is_not_in_the_text_does_no_harm() {
        for (line, column) in [(0, 0), (99, 1), (1, 4000), (2, usize::MAX)] {
            let mut finding = finding(2, 19, "soon");
            finding.span.line = line;
            finding.span.column = column;
            finding.span.offset = usize::MAX;
            assert!(!is_drawable(finding.span, SOURCE));
            assert!(plain(&finding, Some(SOURCE)).contains("limits.timeout"));
        }
    }

    #[test]
    fn of_a_very_long_line_only_the_part_around_is_shown() {
        let source = format!("command: {} soon {}", "x".repeat(3000), "y".repeat(3000));
        let mut finding = finding(2, 19, "soon");
        finding.span = Span {
            line: 1,
            column: 3011,
            offset: 3010,
            length: 4,
        };
        let shown = plain(&finding, Some(&source));
        assert!(!is_drawable(finding.span, &source));
        let lines: Vec<_> = shown.lines().collect();
        assert!(lines[1].len() < 200, "{shown}");
        let at = lines[2].find('^').unwrap();
        assert_eq!(&lines[1][at..at + 4], "soon");
    }
}
