//! Writes values as YAML in block style, keys sorted. What a YAML 1.1 or 1.2 reader could take
//! for another type is quoted, and texts that block style would change are escaped.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value as Json;

use super::{Value, scalar};

/// Characters of a key at most before it needs the `? ` form (YAML 1.1, 9.3.3: 1024).
const MAX_SIMPLE_KEY: usize = 1000;

/// A value to write.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// A null, a boolean or a number, as YAML 1.1 writes it.
    Plain(String),
    /// Text.
    Str(String),
    /// A list.
    Seq(Vec<Tree>),
    /// A mapping.
    Map(BTreeMap<String, Tree>),
}

impl From<&Json> for Tree {
    fn from(value: &Json) -> Tree {
        match value {
            Json::Null => Tree::Plain("null".into()),
            Json::Bool(value) => Tree::Plain(value.to_string()),
            Json::Number(number) if number.is_f64() => {
                Tree::float(number.as_f64().unwrap_or_default())
            }
            Json::Number(number) => Tree::Plain(number.to_string()),
            Json::String(text) => Tree::Str(text.clone()),
            Json::Array(items) => Tree::Seq(items.iter().map(Tree::from).collect()),
            Json::Object(map) => Tree::Map(
                map.iter()
                    .map(|(key, value)| (key.clone(), value.into()))
                    .collect(),
            ),
        }
    }
}

impl Tree {
    /// A number with a point, as YAML 1.1 wants it: with a point and a signed exponent.
    pub fn float(value: f64) -> Tree {
        let text = match value {
            _ if value.is_nan() => return Tree::Plain(".nan".into()),
            f64::INFINITY => return Tree::Plain(".inf".into()),
            f64::NEG_INFINITY => return Tree::Plain("-.inf".into()),
            _ => format!("{value:?}"),
        };
        let Some((mantissa, exponent)) = text.split_once('e') else {
            return Tree::Plain(text);
        };
        let point = if mantissa.contains('.') { "" } else { ".0" };
        let sign = if exponent.starts_with('-') { "" } else { "+" };
        Tree::Plain(format!("{mantissa}{point}e{sign}{exponent}"))
    }
}

/// A JSON value as YAML, ended by a newline.
pub fn to_string(value: &Json) -> String {
    Tree::from(value).to_string()
}

impl std::fmt::Display for Tree {
    /// A YAML document in block style.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        block(&mut text, self, 0);
        f.write_str(text.trim_start_matches([' ', '\n']))
    }
}

/// Writes what stands after `key:` or `-`, up to and with the line's end. A mapping's lines
/// begin at `indent`, and so do a list's, as PyYAML writes them.
fn block(out: &mut String, tree: &Tree, indent: usize) {
    match tree {
        Tree::Plain(text) => line(out, text),
        Tree::Str(text) => line(out, &string(text, indent)),
        Tree::Seq(items) if items.is_empty() => line(out, "[]"),
        Tree::Map(map) if map.is_empty() => line(out, "{}"),
        Tree::Seq(items) => {
            out.push('\n');
            for item in items {
                pad(out, indent);
                out.push('-');
                nested(out, item, indent + 2);
            }
        }
        Tree::Map(map) => {
            out.push('\n');
            for (key, value) in map {
                pad(out, indent);
                entry(out, key, value, indent);
            }
        }
    }
}

/// A list's item: its first line begins on the line of the `-`.
fn nested(out: &mut String, tree: &Tree, indent: usize) {
    let mut text = String::new();
    block(&mut text, tree, indent);
    match text.strip_prefix('\n') {
        Some(lines) => line_rest(out, lines.trim_start_matches(' ')),
        None => out.push_str(&text),
    }
}

fn line_rest(out: &mut String, lines: &str) {
    out.push(' ');
    out.push_str(lines);
}

fn entry(out: &mut String, key: &str, value: &Tree, indent: usize) {
    let key = single_line(key);
    if key.len() > MAX_SIMPLE_KEY {
        let _ = writeln!(out, "? {key}");
        pad(out, indent);
        out.push(':');
    } else {
        let _ = write!(out, "{key}:");
    }
    match value {
        // A list may stand at its key's own indent; a mapping must be deeper.
        Tree::Seq(_) => block(out, value, indent),
        _ => block(out, value, indent + 2),
    }
}

fn line(out: &mut String, text: &str) {
    out.push(' ');
    out.push_str(text);
    if !text.ends_with('\n') {
        out.push('\n');
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A text; several lines as a literal block where that changes nothing.
fn string(text: &str, indent: usize) -> String {
    match text.contains('\n') && is_blockable(text) {
        true => literal(text, indent.max(2)),
        false => single_line(text),
    }
}

/// A text on one line: plain, in single quotes, or escaped.
fn single_line(text: &str) -> String {
    if !text.chars().all(is_ordinary) {
        return escaped(text);
    }
    match is_plain(text) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

/// Whether a literal block keeps a text as it is, without trailing blanks that editors remove.
fn is_blockable(text: &str) -> bool {
    let first = text.trim_start_matches('\n');
    let blanks = text.split('\n').any(|line| line.ends_with([' ', '\t']));
    let sound = text.chars().all(|c| c == '\n' || is_ordinary(c));
    sound && !blanks && !first.is_empty() && !first.starts_with([' ', '\t'])
}

fn literal(text: &str, indent: usize) -> String {
    let body = text.trim_end_matches('\n');
    let chomp = match text.len() - body.len() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    };
    let mut out = String::from(chomp);
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            pad(&mut out, indent);
            out.push_str(line);
        }
    }
    out.push('\n');
    out
}

/// A character that may stand unescaped on one line for every reader.
fn is_ordinary(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

/// Whether a text without quotes is read back as that text. Stricter than it must be.
fn is_plain(text: &str) -> bool {
    let typed = matches!(scalar::plain(text), Ok(Value::Str(_))) && !is_typed_elsewhere(text);
    let start = text.starts_with(|c: char| c.is_alphanumeric() || "_./$(<=~^;+\\".contains(c));
    let marker = text.starts_with("...") || text.ends_with([' ', ':']);
    typed && start && !marker && !text.contains(": ") && !text.contains(" #")
}

/// Numbers of YAML 1.2 that are text in YAML 1.1, and the letters that some readers take for
/// booleans: quoted so that every reader agrees.
fn is_typed_elsewhere(text: &str) -> bool {
    let octal = text
        .strip_prefix("0o")
        .is_some_and(|digits| digits.parse::<u64>().is_ok());
    octal || matches!(text, "y" | "Y" | "n" | "N") || text.parse::<f64>().is_ok()
}

fn escaped(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_ordinary(c) => out.push(c),
            c => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}
