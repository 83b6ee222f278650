//! Places for findings that were made after the reading, by whoever looked further: at the disk,
//! or at what this release can do.

use super::JobText;
use crate::diagnostic::Diagnostic;
use crate::yaml;

/// Gives each finding that knows only its field the place of that field in the text. What came
/// from an override has none, and the finding says so.
pub fn place(findings: &mut [Diagnostic], text: &JobText<'_>) {
    let Ok(root) = yaml::parse(text.bytes) else {
        return;
    };
    for finding in findings {
        finding.file = text.file.map(str::to_owned);
        if finding.span.line > 0 || finding.path.is_empty() {
            continue;
        }
        let mut keys = finding.path.split('.');
        let node = keys.try_fold(&root, |node, key| node.get(key));
        let mut made = text.overrides.iter();
        match made.find(|one| one.made(&finding.path, node.is_some())) {
            Some(one) => finding.message += &format!(" ({})", one.origin()),
            None => finding.span = node.map(|node| node.span).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{JobText, place};
    use crate::diagnostic::{Diagnostic, Span};

    #[test]
    fn a_field_has_the_place_of_its_value() {
        let mut finding = Diagnostic::error("x", Span::default(), "m");
        finding.path = "inputs.data.path".into();
        let mut findings = [finding];
        let text = JobText::new(b"inputs:\n  data: {path: ./x}\n", Some("f"));
        place(&mut findings, &text);
        let span = findings[0].span;
        assert_eq!((span.line, span.column, span.length), (2, 16, 3));
    }
}
