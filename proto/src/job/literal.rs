//! Literal values: typed by YAML 1.1, and put into commands as Python's `str()` writes them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The JSON key that marks an integer of any size; free mappings may not have it.
pub(super) const BIG: &str = "$big";

/// A value with the type that YAML 1.1 gave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Literal {
    /// Plain `true`, `yes`, `on`, …
    Bool(bool),
    /// An integer of ordinary size.
    Int(i64),
    /// A finite floating-point number.
    Float(f64),
    /// Text.
    Str(String),
    /// An integer of any size, in JSON `{"$big": "…"}`.
    Big {
        /// The decimal digits, with a sign where negative.
        #[serde(rename = "$big")]
        big: String,
    },
}

impl fmt::Display for Literal {
    /// The text that takes an expression's place: Python's `str(value)` (azureml.md §2).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Bool(true) => f.write_str("True"),
            Literal::Bool(false) => f.write_str("False"),
            Literal::Int(value) => value.fmt(f),
            Literal::Float(value) => f.write_str(&python_float(*value)),
            Literal::Str(text) | Literal::Big { big: text } => f.write_str(text),
        }
    }
}

/// Python writes an exponent when the decimal point would stand outside these many digits.
const PLAIN_EXPONENTS: std::ops::Range<i32> = -4..16;

/// A number as Python's `repr()` writes it: the shortest digits that read back as the number.
fn python_float(value: f64) -> String {
    if !value.is_finite() {
        let text = value.to_string();
        return text.to_lowercase();
    }
    let shortest = format!("{value:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if PLAIN_EXPONENTS.contains(&exponent) {
        // `Debug` keeps the point; this is the same shortest text without an exponent.
        let plain = format!("{value}");
        return if plain.contains('.') {
            plain
        } else {
            plain + ".0"
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_look_like_pythons() {
        let cases = [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-0.0, "-0.0"),
            (1e17, "1e+17"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (2.5, "2.5"),
            (-1e22, "-1e+22"),
            (0.1 + 0.2, "0.30000000000000004"),
        ];
        for (value, text) in cases {
            assert_eq!(Literal::Float(value).to_string(), text);
        }
    }

    #[test]
    fn literals_survive_json() {
        let all = [
            Literal::Bool(true),
            Literal::Int(1),
            Literal::Int(i64::MIN),
            Literal::Float(1.0),
            Literal::Float(-0.0),
            Literal::Float(0.1 + 0.2),
            Literal::Float(5e-324),
            Literal::Float(1e300),
            Literal::Str("1".into()),
            Literal::Str("true".into()),
            Literal::Big {
                big: "123456789012345678901".into(),
            },
        ];
        for literal in all {
            let json = serde_json::to_string(&literal).unwrap();
            let back: Literal = serde_json::from_str(&json).unwrap();
            assert_eq!(back, literal, "{json}");
            assert_eq!(back.to_string(), literal.to_string());
        }
    }
}
