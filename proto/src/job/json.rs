//! Free values of a job file as JSON, for the places where Azure ML takes anything.

use serde_json::{Map, Number, Value as Json};

use super::field::Field;
use super::literal::BIG;
use crate::yaml::Value;

/// A mapping with free keys and values; keys that are not text become text.
pub(super) fn map(field: &Field<'_>) -> Option<Map<String, Json>> {
    match value(field)? {
        Json::Object(map) => Some(map),
        _ => {
            field.error(
                "wrong-type",
                format!("expected a mapping, found {}", field.node.describe()),
                "",
            );
            None
        }
    }
}

/// Any value; dates become text, and numbers that JSON has no room for are refused.
pub(super) fn value(field: &Field<'_>) -> Option<Json> {
    match &field.node.value {
        Value::Null => Some(Json::Null),
        Value::Bool(value) => Some((*value).into()),
        Value::Int(value) => Some((*value).into()),
        Value::Str(text) | Value::Date(text) => Some(text.clone().into()),
        Value::Seq(_) => field.items()?.iter().map(value).collect(),
        Value::Map(_) => {
            let children = field.children().into_iter();
            if let Some(child) = field.peek(BIG) {
                child.error("reserved-key", format!("the key `{BIG}` is reserved"), "");
            }
            let pairs: Option<_> = children
                .map(|(key, child)| Some((key, value(&child)?)))
                .collect();
            pairs.map(Json::Object)
        }
        Value::BigInt(digits) => number(field, digits.parse::<u64>().ok().map(Number::from)),
        Value::Float(value) => number(field, Number::from_f64(*value)),
    }
}

fn number(field: &Field<'_>, number: Option<Number>) -> Option<Json> {
    if number.is_none() {
        let help = format!("put it in quotes: \"{}\"", field.node.raw);
        field.error("out-of-range", "this number cannot be kept", help);
    }
    number.map(Json::Number)
}
