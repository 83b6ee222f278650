//! A value of the file with its name: typed getters that report what does not fit.
//!
//! A getter that returns `None` has reported an error, so readers go on with the other fields
//! and a job exists only when nothing was reported.

use std::collections::BTreeSet;

use super::findings::Findings;
use super::{Fields, Literal, suggest};
use crate::diagnostic::{Severity, Span};
use crate::yaml::{Entry, Node, Value};

/// A value and how it is reached.
#[derive(Clone)]
pub(super) struct Field<'a> {
    /// The value.
    pub(super) node: &'a Node,
    /// The place of its key, for values that have no place of their own.
    pub(super) key: Span,
    /// `inputs.data.mode`; empty for the whole file.
    pub(super) path: String,
    /// Where findings go.
    pub(super) findings: &'a Findings<'a>,
}

impl<'a> Field<'a> {
    /// The place to point at: the value, or its key where the value is nothing.
    pub(super) fn span(&self) -> Span {
        match self.node.span.length {
            0 => self.key,
            _ => self.node.span,
        }
    }

    /// Refuses.
    pub(super) fn error(&self, code: &str, message: impl Into<String>, help: impl Into<String>) {
        self.report(Severity::Error, code, message, help);
    }

    /// Accepts with a finding.
    pub(super) fn report(
        &self,
        severity: Severity,
        code: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.report_at(self.span(), severity, code, message, help);
    }

    /// The same for a place within the value.
    pub(super) fn report_at(
        &self,
        span: Span,
        severity: Severity,
        code: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.findings.add(
            severity,
            code,
            (&self.path, span),
            message.into(),
            help.into(),
        );
    }

    /// Refuses a value of the wrong type.
    fn mismatch(&self, expected: &str, help: String) {
        self.error(
            "wrong-type",
            format!("expected {expected}, found {}", self.node.describe()),
            help,
        );
    }

    /// Text, strictly.
    pub(super) fn text(&self) -> Option<String> {
        match &self.node.value {
            Value::Str(text) => return Some(text.clone()),
            Value::Null => self.mismatch("text", "give a value or remove the key".into()),
            Value::Seq(_) | Value::Map(_) => self.mismatch("text", String::new()),
            _ => self.mismatch("text", format!("put it in quotes: \"{}\"", self.node.raw)),
        }
        None
    }

    /// Text that is not empty or blank.
    pub(super) fn filled_text(&self) -> Option<String> {
        let text = self.text()?;
        if text.trim().is_empty() {
            self.error("empty", "this must not be empty", "");
            return None;
        }
        Some(text)
    }

    /// A path that is not empty, as seen from the job file's folder.
    pub(super) fn path_text(&self) -> Option<String> {
        self.filled_text()
            .map(|text| self.findings.files.rebase(text))
    }

    /// Text or nothing.
    pub(super) fn nullable_text(&self) -> Option<Option<String>> {
        match self.node.value {
            Value::Null => Some(None),
            _ => self.text().map(Some),
        }
    }

    /// One of some words, in any case; the answer is the word as listed.
    pub(super) fn word(&self, words: &[&'static str]) -> Option<&'static str> {
        let text = self.text()?;
        let found = words.iter().find(|word| word.eq_ignore_ascii_case(&text));
        if found.is_none() {
            self.error(
                "unknown-value",
                format!("`{text}` is not a value of this key"),
                suggest::help(&text, words),
            );
        }
        found.copied()
    }

    /// An integer as leniently as the SDK reads one: `"120"` and `1.5` count, booleans do not.
    pub(super) fn integer(&self) -> Option<i64> {
        let whole = |text: &str| text.trim().replace('_', "").parse::<i64>().ok();
        let found = match &self.node.value {
            Value::Int(value) => Some(*value),
            Value::Str(text) => whole(text),
            Value::Float(value) => self.truncated(*value),
            Value::BigInt(_) => {
                self.error(
                    "out-of-range",
                    format!("the number {} is too large", self.node.raw),
                    "",
                );
                return None;
            }
            _ => None,
        };
        if found.is_none() {
            self.mismatch("an integer", String::new());
        }
        found
    }

    /// A number's whole part, with a warning where that is not the number.
    fn truncated(&self, value: f64) -> Option<i64> {
        let whole = value.trunc();
        // Every integer of this size is exact in an f64.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if !whole.is_finite() || whole.abs() > EXACT {
            return None;
        }
        if whole != value {
            let message = format!("{} counts as {whole}", self.node.raw);
            self.report(Severity::Warning, "truncated", message, "write an integer");
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a whole number within ±2^53"
        )]
        Some(whole as i64)
    }

    /// An integer between two bounds, both allowed.
    pub(super) fn integer_within<T: TryFrom<i64>>(&self, least: i64, most: i64) -> Option<T> {
        let value = self.integer()?;
        let found = T::try_from(value)
            .ok()
            .filter(|_| (least..=most).contains(&value));
        if found.is_none() {
            self.error(
                "out-of-range",
                format!("{value} is not between {least} and {most}"),
                "",
            );
        }
        found
    }

    /// A finite number, also one that is written as text: YAML 1.1 takes `1e-3` for text, and what
    /// `--set` gives is text. The SDK reads both (`fields.Float` of marshmallow).
    pub(super) fn number(&self) -> Option<f64> {
        let of_text = |text: &str| text.trim().replace('_', "").parse::<f64>().ok();
        match self.literal()? {
            // Integers beyond 2^53 lose digits, as in every JSON reader.
            #[expect(clippy::cast_precision_loss, reason = "a float is asked for")]
            Literal::Int(value) => Some(value as f64),
            Literal::Float(value) => Some(value),
            Literal::Str(text) if of_text(&text).is_some_and(f64::is_finite) => of_text(&text),
            _ => {
                self.mismatch("a number", String::new());
                None
            }
        }
    }

    /// A boolean, also one that is written as text or a number, as the SDK reads it
    /// (`fields.Boolean` of marshmallow).
    pub(super) fn boolean(&self) -> Option<bool> {
        let is =
            |words: &[&str], text: &str| words.iter().any(|word| word.eq_ignore_ascii_case(text));
        match &self.node.value {
            Value::Bool(value) => Some(*value),
            Value::Int(number @ 0..=1) => Some(*number == 1),
            Value::Str(text) if is(&["true", "t", "yes", "y", "on", "1"], text) => Some(true),
            Value::Str(text) if is(&["false", "f", "no", "n", "off", "0"], text) => Some(false),
            _ => {
                self.mismatch("true or false", String::new());
                None
            }
        }
    }

    /// Text, a number or a boolean, as YAML typed it.
    pub(super) fn literal(&self) -> Option<Literal> {
        match &self.node.value {
            Value::Str(text) => return Some(Literal::Str(text.clone())),
            Value::Bool(value) => return Some(Literal::Bool(*value)),
            Value::Int(value) => return Some(Literal::Int(*value)),
            Value::BigInt(digits) => {
                return Some(Literal::Big {
                    big: digits.clone(),
                });
            }
            Value::Float(value) if value.is_finite() => return Some(Literal::Float(*value)),
            Value::Null => self.mismatch(
                "text, a number or a boolean",
                "write \"\" for an empty text".into(),
            ),
            Value::Seq(_) | Value::Map(_) => {
                self.mismatch("text, a number or a boolean", String::new())
            }
            Value::Date(_) | Value::Float(_) => {
                self.mismatch(
                    "text, a number or a boolean",
                    format!("put it in quotes: \"{}\"", self.node.raw),
                );
            }
        }
        None
    }

    /// A list's items, named `path[0]`, `path[1]`, …
    pub(super) fn items(&self) -> Option<Vec<Field<'a>>> {
        let Value::Seq(items) = &self.node.value else {
            self.mismatch("a list", String::new());
            return None;
        };
        let item = |(index, node): (usize, &'a Node)| Field {
            node,
            key: node.span,
            path: format!("{}[{index}]", self.path),
            findings: self.findings,
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// The keys of a mapping as text; of any other value there are none.
    pub(super) fn keys(&self) -> BTreeSet<String> {
        self.children().into_iter().map(|(key, _)| key).collect()
    }

    /// The keys of a mapping as text and their values; of any other value there are none.
    pub(super) fn children(&self) -> Vec<(String, Field<'a>)> {
        let Value::Map(entries) = &self.node.value else {
            return Vec::new();
        };
        let pair = |entry: &'a Entry| {
            (
                entry.key.text().to_owned(),
                self.child(&entry.key, &entry.value),
            )
        };
        entries.iter().map(pair).collect()
    }

    /// A mapping with free keys: each key, which must be text, and its value.
    pub(super) fn entries(&self) -> Option<Vec<(String, Field<'a>)>> {
        let Value::Map(entries) = &self.node.value else {
            self.mismatch("a mapping", String::new());
            return None;
        };
        let mut found = Vec::with_capacity(entries.len());
        for entry in entries {
            let field = self.child(&entry.key, &entry.value);
            match entry.key.as_str() {
                Some(key) => found.push((key.to_owned(), field)),
                None => field.error_at_key("a key must be text"),
            }
        }
        Some(found)
    }

    /// A mapping with known keys; every other key is reported.
    pub(super) fn fields(&self, known: &'static [&'static str]) -> Option<Fields<'a>> {
        let Value::Map(entries) = &self.node.value else {
            let keys = format!("its keys are {}", known.join(", "));
            self.mismatch("a mapping", keys);
            return None;
        };
        Some(Fields::new(self.clone(), entries, known))
    }

    /// A mapping with known keys, where others are not for this reader to judge.
    pub(super) fn fields_with_others(&self, known: &'static [&'static str]) -> Option<Fields<'a>> {
        match &self.node.value {
            Value::Map(entries) => Some(Fields::lenient(self.clone(), entries, known)),
            _ => self.fields(known),
        }
    }

    /// The value of a key of this mapping, before it is known which keys there may be.
    pub(super) fn peek(&self, key: &str) -> Option<Field<'a>> {
        let Value::Map(entries) = &self.node.value else {
            return None;
        };
        let entry = entries.iter().find(|entry| entry.key.text() == key)?;
        Some(self.child(&entry.key, &entry.value))
    }

    /// The value of a key of this mapping.
    pub(super) fn child(&self, key: &'a Node, node: &'a Node) -> Field<'a> {
        let path = match self.path.is_empty() {
            true => key.text().to_owned(),
            false => format!("{}.{}", self.path, key.text()),
        };
        Field {
            node,
            key: key.span,
            path,
            findings: self.findings,
        }
    }

    /// Refuses a key for its type.
    fn error_at_key(&self, message: &str) {
        self.report_at(
            self.key,
            Severity::Error,
            "wrong-type",
            message,
            "put the key in quotes",
        );
    }
}
