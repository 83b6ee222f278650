//! The numbers of YAML 1.1 as PyYAML reads them: `017`, `0x10`, `0b1`, `1_000`, `12:30:45`, `1.0e+3`.
//!
//! `None` means that a text does not look like such a number.

use super::Value;

/// Decimal digits of an integer at most; Python's own bound for reading one.
const MAX_DIGITS: usize = 4300;

/// What a number that looks right but has no value is refused with.
pub(super) type Number = Result<Value, &'static str>;

/// An integer.
pub(super) fn int(text: &str) -> Option<Number> {
    let (sign, body) = split_sign(text);
    let all = |digits: &str, of: &str| {
        !digits.is_empty()
            && digits
                .chars()
                .all(|c| c == '_' || of.contains(c.to_ascii_lowercase()))
    };
    if let Some(bits) = body.strip_prefix("0b").filter(|bits| all(bits, "01")) {
        return Some(based(sign, bits, 2));
    }
    if let Some(hex) = body
        .strip_prefix("0x")
        .filter(|hex| all(hex, "0123456789abcdef"))
    {
        return Some(based(sign, hex, 16));
    }
    if let Some(octal) = body.strip_prefix('0') {
        return (octal.is_empty() || all(octal, "01234567")).then(|| based(sign, body, 8));
    }
    if all(body, "0123456789") && !body.starts_with('_') {
        return Some(decimal(sign, body));
    }
    let parts = sexagesimal(body)?;
    parts
        .1
        .starts_with(|c| c != '0' && c != '_')
        .then(|| minutes(sign, &parts))
}

/// A number with a point.
pub(super) fn float(text: &str) -> Option<Number> {
    let (sign, body) = split_sign(text);
    let value = match body {
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" if sign.is_empty() => f64::NAN,
        _ => finite(body, sign.is_empty())?,
    };
    Some(Ok(Value::Float(if sign == "-" { -value } else { value })))
}

/// What Python's `float()` makes of a text, for the tag `!!float`.
pub(super) fn any_float(text: &str) -> Option<Number> {
    float(text).or_else(|| {
        let plain = text.replace('_', "");
        let numeric = plain.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        let value = plain.parse::<f64>().ok().filter(|_| numeric)?;
        Some(Ok(Value::Float(value)))
    })
}

fn split_sign(text: &str) -> (&str, &str) {
    text.split_at(usize::from(text.starts_with(['+', '-'])))
}

/// `1.5`, `.5` (only `unsigned`), `1.5e+3`, `1:30.5`.
fn finite(body: &str, unsigned: bool) -> Option<f64> {
    if let Some((hours, seconds)) = body.rsplit_once(':') {
        let (whole, fraction) = seconds.split_once('.')?;
        let parts = sexagesimal(&body[..hours.len() + 1 + whole.len()])?;
        let numbers = fraction.chars().all(|c| c.is_ascii_digit() || c == '_');
        return numbers.then(|| sexagesimal_float(&parts, fraction));
    }
    let (mantissa, exponent) = body
        .find(['e', 'E'])
        .map_or((body, ""), |at| body.split_at(at));
    let (whole, fraction) = mantissa.split_once('.')?;
    let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit() || c == '_');
    let leading = if whole.is_empty() { fraction } else { whole };
    let starts =
        leading.starts_with(|c: char| c.is_ascii_digit()) && (unsigned || !whole.is_empty());
    let sound = starts && digits(whole) && digits(fraction) && is_exponent(exponent);
    sound.then(|| body.replace('_', "").parse().ok()).flatten()
}

/// Nothing, or `e+5`: PyYAML wants the sign.
fn is_exponent(text: &str) -> bool {
    let Some(digits) = text.get(1..) else {
        return true;
    };
    let digits = digits.strip_prefix(['+', '-']).unwrap_or("");
    !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit())
}

/// The parts of `12:30:45` after the first, and the first.
fn sexagesimal(text: &str) -> Option<(Vec<u32>, &str)> {
    let (first, rest) = text.split_once(':')?;
    let starts = first.starts_with(|c: char| c.is_ascii_digit());
    let sound = starts && first.chars().all(|c| c.is_ascii_digit() || c == '_');
    let part = |part: &str| match part.as_bytes() {
        [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9'] => part.parse().ok(),
        _ => None,
    };
    sound
        .then(|| Some((rest.split(':').map(part).collect::<Option<_>>()?, first)))
        .flatten()
}

fn minutes(sign: &str, (parts, first): &(Vec<u32>, &str)) -> Number {
    let sixty = |total: i128, part: &u32| total.checked_mul(60)?.checked_add(i128::from(*part));
    let first = first.replace('_', "").parse().ok();
    let total = first.and_then(|first: i128| parts.iter().try_fold(first, sixty));
    total
        .map(|total| whole(sign, total))
        .ok_or("the number is too large")
}

fn sexagesimal_float((parts, first): &(Vec<u32>, &str), fraction: &str) -> f64 {
    let number = |text: &str| text.replace('_', "").parse::<f64>().unwrap_or_default();
    let whole = parts
        .iter()
        .fold(number(first), |total, part| total * 60.0 + f64::from(*part));
    whole + number(&format!("0.{fraction}0"))
}

fn based(sign: &str, digits: &str, radix: u32) -> Number {
    let digits = digits.replace('_', "");
    if digits.is_empty() {
        return Err("the number has no digits");
    }
    let value = i128::from_str_radix(&digits, radix);
    value
        .map(|value| whole(sign, value))
        .map_err(|_| "the number is too large")
}

fn decimal(sign: &str, digits: &str) -> Number {
    let digits = digits.replace('_', "");
    if digits.len() > MAX_DIGITS {
        return Err("the number is too large");
    }
    match digits.parse::<i128>() {
        Ok(value) => Ok(whole(sign, value)),
        Err(_) if sign == "-" => Ok(Value::BigInt(format!("-{digits}"))),
        Err(_) => Ok(Value::BigInt(digits)),
    }
}

fn whole(sign: &str, value: i128) -> Value {
    let value = if sign == "-" { -value } else { value };
    i64::try_from(value).map_or_else(|_| Value::BigInt(value.to_string()), Value::Int)
}
