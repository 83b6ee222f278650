//! Places for findings that were made after the reading, by whoever looked further: at the disk,
//! or at what this release can do.

use crate::diagnostic::Diagnostic;
use crate::yaml;

/// Gives each finding that knows only its field the place of that field in the text.
pub fn place(findings: &mut [Diagnostic], text: &[u8], file: Option<&str>) {
    let Ok(root) = yaml::parse(text) else {
        return;
    };
    for finding in findings {
        finding.file = file.map(str::to_owned);
        if finding.span.line > 0 || finding.path.is_empty() {
            continue;
        }
        let mut keys = finding.path.split('.');
        let node = keys.try_fold(&root, |node, key| node.get(key));
        finding.span = node.map(|node| node.span).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::place;
    use crate::diagnostic::{Diagnostic, Span};

    #[test]
    fn a_field_has_the_place_of_its_value() {
        let mut finding = Diagnostic::error("x", Span::default(), "m");
        finding.path = "inputs.data.path".into();
        let mut findings = [finding];
        place(&mut findings, b"inputs:\n  data: {path: ./x}\n", Some("f"));
        let span = findings[0].span;
        assert_eq!((span.line, span.column, span.length), (2, 16, 3));
    }
}
