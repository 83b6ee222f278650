//! From bytes to checked text: UTF-8, no control characters, not too long; and places in it.

use crate::diagnostic::{Diagnostic, Span};

/// A YAML text's greatest length in bytes.
pub const YAML_BYTES_MAX: usize = 1 << 20;

/// U+FEFF in UTF-8, which may begin a text and is not part of it.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A text of a file, checked, without its byte order mark. Spans count the mark's bytes.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    text: &'a str,
    /// Bytes of the mark before the text.
    skipped: usize,
}

impl<'a> Source<'a> {
    /// Checks a file's bytes.
    ///
    /// # Errors
    /// Too long, not UTF-8, or with a character that YAML forbids; placed.
    pub fn new(bytes: &'a [u8]) -> Result<Source<'a>, Box<Diagnostic>> {
        if bytes.len() > YAML_BYTES_MAX {
            let message = format!(
                "the file has {} bytes, more than {YAML_BYTES_MAX}",
                bytes.len()
            );
            return Err(Box::new(
                Diagnostic::error("too-large", start(), message)
                    .with_help("move long scripts and data out of the job file"),
            ));
        }
        let body = bytes.strip_prefix(BOM).unwrap_or(bytes);
        let skipped = bytes.len() - body.len();
        let source = match std::str::from_utf8(body) {
            Ok(text) => Source { text, skipped },
            Err(error) => return Err(Box::new(not_utf8(body, skipped, error.valid_up_to()))),
        };
        source.check_characters()?;
        Ok(source)
    }

    /// The text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The text that a span covers; nothing where the span is not of this source.
    pub fn slice(&self, span: Span) -> Option<&'a str> {
        let from = span.offset.checked_sub(self.skipped)?;
        self.text.get(from..from + span.length)
    }

    /// The place of some bytes of the text, `offset` counted without the byte order mark.
    pub fn span(&self, offset: usize, length: usize) -> Span {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.rfind('\n').map_or(before, |at| &before[at + 1..]);
        Span {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
            offset: offset + self.skipped,
            length,
        }
    }

    /// The place of some bytes within the text that `outer` covers.
    pub fn within(&self, outer: Span, offset: usize, length: usize) -> Span {
        self.span(outer.offset.saturating_sub(self.skipped) + offset, length)
    }

    /// The same place with the byte order mark counted.
    pub(super) fn shift(&self, span: Span) -> Span {
        Span {
            offset: span.offset + self.skipped,
            ..span
        }
    }

    fn check_characters(&self) -> Result<(), Box<Diagnostic>> {
        let Some((at, bad)) = self.text.char_indices().find(|(_, c)| !is_printable(*c)) else {
            return Ok(());
        };
        let message = format!(
            "the control character U+{:04X} is not allowed in YAML",
            bad as u32
        );
        Err(Box::new(
            Diagnostic::error("control-character", self.span(at, bad.len_utf8()), message)
                .with_help("remove it; is this a text file?"),
        ))
    }
}

/// YAML 1.1, 5.1 "Character Set": what may stand in a text.
fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

fn start() -> Span {
    Span {
        line: 1,
        column: 1,
        offset: 0,
        length: 0,
    }
}

fn not_utf8(body: &[u8], skipped: usize, at: usize) -> Diagnostic {
    // Everything before `at` is valid, so the lossy text is the text.
    let before = String::from_utf8_lossy(&body[..at]);
    let valid = Source {
        text: &before,
        skipped,
    };
    let byte = body.get(at).copied().unwrap_or_default();
    let help = match body {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "this looks like UTF-16: save the file as UTF-8",
        _ => "save the file as UTF-8",
    };
    Diagnostic::error(
        "not-utf8",
        valid.span(at, 1),
        format!("the byte 0x{byte:02x} is not UTF-8"),
    )
    .with_help(help)
}
