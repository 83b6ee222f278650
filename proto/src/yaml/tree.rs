//! A value to write.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;

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

    /// Every scalar, keys too, in the order in which they are written.
    pub(super) fn scalars<'a>(&'a self, out: &mut Vec<Scalar<'a>>) {
        match self {
            Tree::Plain(text) => out.push(Scalar::Plain(text)),
            Tree::Str(text) => out.push(Scalar::Str(text)),
            Tree::Seq(items) => items.iter().for_each(|item| item.scalars(out)),
            Tree::Map(map) => {
                for (key, value) in map {
                    out.push(Scalar::Str(key));
                    value.scalars(out);
                }
            }
        }
    }
}

/// A scalar to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar<'a> {
    /// To stand as it is.
    Plain(&'a str),
    /// To be read back as this text.
    Str(&'a str),
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Plain(text) | Tree::Str(text) => serializer.serialize_str(text),
            Tree::Seq(items) => serializer.collect_seq(items),
            Tree::Map(map) => {
                let mut entries = serializer.serialize_map(Some(map.len()))?;
                for (key, value) in map {
                    entries.serialize_entry(key, value)?;
                }
                entries.end()
            }
        }
    }
}
