//! The type of a scalar: from its looks (PyYAML's implicit resolvers) or from its tag.

use super::{Value, date, number};

/// A type, or why a text cannot have it.
pub(super) type Typed = Result<Value, &'static str>;

/// The value of a plain scalar. The order is that of PyYAML's resolvers.
pub(super) fn plain(text: &str) -> Typed {
    if let Some(value) = boolean(text) {
        return Ok(Value::Bool(value));
    }
    if is_null(text) {
        return Ok(Value::Null);
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    if !numeric {
        return match text {
            "=" | "<<" => Err("this has a special meaning in YAML 1.1 and no value"),
            _ => Ok(Value::Str(text.into())),
        };
    }
    if let Some(number) = number::float(text).or_else(|| number::int(text)) {
        return number;
    }
    match date::is_date(text) {
        true => Ok(Value::Date(text.into())),
        false => Ok(Value::Str(text.into())),
    }
}

/// The value of a scalar with a tag of the core schema.
pub(super) fn tagged(suffix: &str, text: &str) -> Typed {
    match suffix {
        "str" => Ok(Value::Str(text.into())),
        "null" => Ok(Value::Null),
        "bool" => boolean(text)
            .map(Value::Bool)
            .ok_or("this is not a boolean"),
        "int" => number::int(text).unwrap_or(Err("this is not an integer")),
        "float" => number::any_float(text)
            .or_else(|| number::int(text).map(widen))
            .unwrap_or(Err("this is not a number")),
        _ => Err("this tag does not belong on a scalar"),
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn widen(number: Typed) -> Typed {
    match number? {
        // Only integers beyond 2^53 lose digits, as in Python.
        #[expect(
            clippy::cast_precision_loss,
            reason = "what float() of an integer means"
        )]
        Value::Int(value) => Ok(Value::Float(value as f64)),
        other => Ok(other),
    }
}
