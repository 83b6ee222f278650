//! Putting a text into a tree that was read, by the path of its keys.

use super::{Entry, Node, Value};
use crate::diagnostic::Span;

/// Why a value cannot be put where a path leads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// A text stands on the way: a reference to something that is defined elsewhere.
    #[error("`{key}` is {found}, so nothing can be set below it")]
    Text {
        /// The path to the text.
        key: String,
        /// The text in words.
        found: String,
    },
    /// A list or another value that has no keys stands on the way.
    #[error("`{key}` is {found}, which has no keys")]
    NoKeys {
        /// The path to the value; empty for the whole tree.
        key: String,
        /// The value in words.
        found: String,
    },
}

impl Node {
    /// Puts a text at the end of a path of keys, in the place of what is there. Mappings that
    /// are missing on the way are made, also where there is a null. What is made has no place:
    /// the line of its span is 0.
    ///
    /// # Errors
    /// [`SetError`]; the tree is as before, except that mappings may have been made on the way.
    pub fn set(&mut self, path: &[&str], value: &str) -> Result<(), SetError> {
        let mut node = self;
        for (depth, key) in path.iter().enumerate() {
            node = node.step_into(key, || path[..depth].join("."))?;
        }
        *node = made(Value::Str(value.into()));
        Ok(())
    }

    /// The value of a key, made where it is missing; `path` is the way to this node.
    fn step_into(
        &mut self,
        key: &str,
        path: impl FnOnce() -> String,
    ) -> Result<&mut Node, SetError> {
        if self.value == Value::Null {
            self.value = Value::Map(Vec::new());
        }
        let found = self.describe();
        match &mut self.value {
            Value::Map(entries) => Ok(entry(entries, key)),
            Value::Str(_) => Err(SetError::Text { key: path(), found }),
            _ => Err(SetError::NoKeys { key: path(), found }),
        }
    }
}

fn entry<'e>(entries: &'e mut Vec<Entry>, key: &str) -> &'e mut Node {
    let at = entries.iter().position(|entry| entry.key.text() == key);
    let at = at.unwrap_or_else(|| {
        entries.push(Entry {
            key: made(Value::Str(key.into())),
            value: made(Value::Null),
        });
        entries.len() - 1
    });
    &mut entries[at].value
}

/// A value that stands nowhere in a text.
fn made(value: Value) -> Node {
    Node {
        value,
        span: Span::default(),
        plain: false,
        raw: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn a_path_leads_through_mappings_and_makes_those_that_are_missing() {
        let mut tree = parse(b"a: {b: 1}\nnone:\n").unwrap();
        tree.set(&["a", "b"], "2").unwrap();
        tree.set(&["a", "c", "d"], "x").unwrap();
        tree.set(&["none", "e"], "").unwrap();
        let text = |path: &[&str]| {
            let node = path.iter().try_fold(&tree, |node, key| node.get(key));
            node.and_then(|node| node.as_str()).map(str::to_owned)
        };
        assert_eq!(text(&["a", "b"]).as_deref(), Some("2"));
        assert_eq!(text(&["a", "c", "d"]).as_deref(), Some("x"));
        assert_eq!(text(&["none", "e"]).as_deref(), Some(""));
    }

    #[test]
    fn what_has_no_keys_stands_in_the_way() {
        let mut tree = parse(b"a: text\nb: [1]\nc: 7\n").unwrap();
        let mut error = |path: &[&str]| tree.set(path, "v").unwrap_err().to_string();
        assert_eq!(
            error(&["a", "x"]),
            "`a` is the text \"text\", so nothing can be set below it"
        );
        assert_eq!(error(&["b", "0"]), "`b` is a list, which has no keys");
        assert_eq!(
            error(&["c", "x", "y"]),
            "`c` is the number 7, which has no keys"
        );
    }
}
