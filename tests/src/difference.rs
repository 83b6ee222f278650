//! Where two trees of plain data differ.

use std::collections::BTreeSet;

use serde_json::Value;

/// A place where two trees differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The keys that lead there, each after a point.
    pub path: String,
    /// What is there in the one; null where nothing is.
    pub left: Value,
    /// What is there in the other.
    pub right: Value,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} / {}", self.path, self.left, self.right)
    }
}

/// Every difference; mappings are gone into, all else is the same or not.
#[must_use]
pub fn differences(left: &Value, right: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    collect("", left, right, &mut found);
    found
}

fn collect(path: &str, left: &Value, right: &Value, found: &mut Vec<Difference>) {
    let (Value::Object(left_map), Value::Object(right_map)) = (left, right) else {
        if left != right {
            found.push(Difference {
                path: path.to_owned(),
                left: left.clone(),
                right: right.clone(),
            });
        }
        return;
    };
    let keys: BTreeSet<_> = left_map.keys().chain(right_map.keys()).collect();
    for key in keys {
        let left = left_map.get(key).unwrap_or(&Value::Null);
        let right = right_map.get(key).unwrap_or(&Value::Null);
        collect(&format!("{path}.{key}"), left, right, found);
    }
}
