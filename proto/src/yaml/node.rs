//! The tree that a YAML text becomes: values with their types and places.

use crate::diagnostic::Span;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands; for what came through an alias, where it was defined.
    pub span: Span,
    /// A scalar without quotes, block style or tag: its type came from its looks.
    pub plain: bool,
    /// The text of a scalar that is not a string, as written; empty otherwise.
    pub raw: String,
}

/// A value of YAML 1.1, typed as PyYAML's `safe_load` types it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `~`, `null` or nothing at all.
    Null,
    /// `true`, `yes`, `on`, …
    Bool(bool),
    /// An integer of ordinary size.
    Int(i64),
    /// Any other integer: decimal digits, with a sign where negative.
    BigInt(String),
    /// A number with a point; `.inf` and `.nan` too.
    Float(f64),
    /// Text.
    Str(String),
    /// A date or a point in time, as written.
    Date(String),
    /// A list.
    Seq(Vec<Node>),
    /// A mapping in the file's order; its keys are scalars and unique by their text.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key, a scalar.
    pub key: Node,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// A scalar's text as written, escapes resolved; empty for a list or mapping.
    pub fn text(&self) -> &str {
        self.as_str().unwrap_or(&self.raw)
    }

    /// A mapping's value by key; of any other node there is none.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        let entry = entries.iter().find(|entry| entry.key.text() == key)?;
        Some(&entry.value)
    }

    /// What it is, in words for people: `the boolean yes`, `a list`.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing (null)".into(),
            Value::Bool(_) => format!("the boolean {}", self.raw),
            Value::Int(_) | Value::BigInt(_) | Value::Float(_) => {
                format!("the number {}", self.raw)
            }
            Value::Date(_) => format!("the date {}", self.raw),
            Value::Str(text) => format!("the text {}", shorten(text)),
            Value::Seq(_) => "a list".into(),
            Value::Map(_) => "a mapping".into(),
        }
    }
}

/// Characters of a text that a message quotes at most.
const QUOTED_CHARS: usize = 60;

/// A text in quotes on one line, cut where it is long.
fn shorten(text: &str) -> String {
    let mut cut: String = text.chars().take(QUOTED_CHARS).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("{cut:?}")
}
