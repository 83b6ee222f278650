//! Tab-separated values as `az` prints them, for scripts: no header, one line an object.
//!
//! As in `az`: a list in a cell is its length, an object in a cell is empty. Unlike in `az`,
//! null is empty and not `None`, and a line break in a cell of several is escaped.

use std::collections::BTreeSet;

use serde_json::Value;

use super::query::Selection;
use super::text;

/// The lines of a result.
pub fn render(selection: &Selection) -> String {
    let rows = match &selection.value {
        Value::Array(rows) => rows.as_slice(),
        Value::Null => &[],
        single => std::slice::from_ref(single),
    };
    let found = match &selection.columns {
        None if rows.iter().all(Value::is_object) => Some(keys(rows)),
        _ => None,
    };
    let columns = selection.columns.as_ref().or(found.as_ref());
    rows.iter()
        .map(|row| line(row, columns.map(Vec::as_slice)) + "\n")
        .collect()
}

/// Every key that some row has: a column is the same in all of them.
fn keys(rows: &[Value]) -> Vec<String> {
    let objects = rows.iter().filter_map(Value::as_object);
    let all: BTreeSet<&String> = objects.flat_map(|object| object.keys()).collect();
    all.into_iter().cloned().collect()
}

fn line(row: &Value, columns: Option<&[String]>) -> String {
    let cells: Vec<String> = match (row, columns) {
        (Value::Object(object), Some(columns)) => columns
            .iter()
            .map(|key| cell(object.get(key).unwrap_or(&Value::Null)))
            .collect(),
        (Value::Object(object), None) => object.values().map(cell).collect(),
        (Value::Array(values), _) => values.iter().map(cell).collect(),
        // Alone in its line, a text is printed as it is.
        (Value::String(text), _) => return text.clone(),
        (scalar, _) => return cell(scalar),
    };
    cells.join("\t")
}

/// A value in its cell.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null | Value::Object(_) => String::new(),
        Value::String(text) => text::in_line(text).into_owned(),
        Value::Array(values) => values.len().to_string(),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rendered(value: Value) -> String {
        let columns = None;
        render(&Selection { value, columns })
    }

    #[test]
    fn a_scalar_is_printed_bare() {
        assert_eq!(rendered(json!("Running")), "Running\n");
        assert_eq!(rendered(json!("two\nlines")), "two\nlines\n");
        assert_eq!(rendered(json!(3)), "3\n");
        assert_eq!(rendered(json!(true)), "true\n");
        assert_eq!(rendered(Value::Null), "");
    }

    #[test]
    fn rows_are_lines() {
        assert_eq!(rendered(json!(["a", "b"])), "a\nb\n");
        assert_eq!(rendered(json!([["a", 1], ["b", null]])), "a\t1\nb\t\n");
        assert_eq!(
            rendered(json!([{"b": "x\ty", "a": [1, 2], "c": {"d": 1}}])),
            "2\tx\\ty\t\n"
        );
        let rows = json!([{"a": 1, "c": 3}, {"b": 2, "c": 4}]);
        assert_eq!(rendered(rows), "1\t\t3\n\t2\t4\n");
        assert_eq!(rendered(json!([])), "");
    }

    #[test]
    fn the_query_orders_the_columns() {
        let selection = Selection {
            value: json!([{"a": 1, "b": 2}]),
            columns: Some(vec!["b".into(), "a".into()]),
        };
        assert_eq!(render(&selection), "2\t1\n");
    }
}
