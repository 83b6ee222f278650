//! Writes values as YAML in block style, keys sorted, that every reader reads back the same.
//!
//! `serde_yaml` writes YAML 1.2 and leaves `yes`, `017` or `12:30:45` without quotes, which a
//! YAML 1.1 reader takes for other types; and it has its own way with numbers. So its text is
//! gone through once with the event parser, and each scalar that would be read as something else
//! is written anew in its place.

use std::fmt::Write;

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::Value as Json;

use super::tree::{Scalar, Tree};
use super::{Value, scalar};

/// A JSON value as YAML, ended by a newline.
pub fn to_string(value: &Json) -> String {
    Tree::from(value).to_string()
}

impl std::fmt::Display for Tree {
    /// A YAML document in block style.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A tree of texts has a YAML form; a failure would be a fault of the formatter.
        let text = serde_yaml::to_string(self).map_err(|_| std::fmt::Error)?;
        let mut scalars = Vec::new();
        self.scalars(&mut scalars);
        f.write_str(&retouch(&text, &scalars))
    }
}

/// The text with every scalar as it is meant.
fn retouch(text: &str, scalars: &[Scalar<'_>]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    let mut meant = scalars.iter();
    for event in Parser::new_from_str_with_options(text, super::read::options()) {
        let Ok((Event::Scalar(read, style, ..), span)) = event else {
            continue;
        };
        let (Some(scalar), Some(range)) = (meant.next(), span.byte_range()) else {
            break;
        };
        if let Some(better) = better(*scalar, &read, style) {
            // A block's content begins behind its header, which goes, too.
            let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
            let header = text[copied..range.start]
                .rfind(['|', '>'])
                .filter(|_| is_block);
            let start = header.map_or(range.start, |at| copied + at);
            out.push_str(&text[copied..start]);
            out.push_str(&better);
            if text[range.clone()].ends_with('\n') {
                out.push('\n');
            }
            copied = range.end;
        }
    }
    out.push_str(&text[copied..]);
    out
}

/// What to write instead of a scalar that reads so; none where it is right.
fn better(meant: Scalar<'_>, read: &str, style: ScalarStyle) -> Option<String> {
    match meant {
        Scalar::Plain(text) => (read != text || style != ScalarStyle::Plain).then(|| text.into()),
        Scalar::Str(text) if read != text => Some(escaped(text)),
        Scalar::Str(text) if style == ScalarStyle::Plain && is_typed(text) => Some(quoted(text)),
        Scalar::Str(_) => None,
    }
}

/// Whether some reader takes a plain text for another type: YAML 1.1's types, numbers of YAML
/// 1.2 that are text in 1.1, and the letters that some readers take for booleans.
fn is_typed(text: &str) -> bool {
    let octal = text
        .strip_prefix("0o")
        .is_some_and(|digits| digits.parse::<u64>().is_ok());
    !matches!(scalar::plain(text), Ok(Value::Str(_)))
        || octal
        || matches!(text, "y" | "Y" | "n" | "N" | "=" | "<<")
        || text.parse::<f64>().is_ok()
}

/// A text in single quotes. Plain scalars hold nothing that must be escaped.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A text on one line, whatever it holds.
fn escaped(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c => {
                // Writing to a String cannot fail.
                let _infallible = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}
