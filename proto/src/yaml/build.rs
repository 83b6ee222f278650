//! Builds the tree from parser events, within bounds: no file can cost more than these allow.

use std::collections::{HashMap, HashSet};

use super::{Entry, Node, Value};
use crate::diagnostic::{Diagnostic, Span};

/// Lists and mappings inside each other at most.
pub const YAML_DEPTH_MAX: usize = 64;
/// Values in a file at most, with what aliases repeat.
pub const YAML_NODES_MAX: usize = 50_000;
/// Bytes of text in a file's values at most, with what aliases repeat.
pub const YAML_TEXT_BYTES_MAX: usize = 4 << 20;

/// A tree under construction.
#[derive(Default)]
pub(super) struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    root: Option<Node>,
    nodes: usize,
    text_bytes: usize,
    /// What is wrong without ending the reading.
    pub(super) problems: Vec<Diagnostic>,
}

/// A finished node that aliases may repeat, with what a copy of it costs.
struct Anchored {
    node: Node,
    cost: Cost,
}

/// The size of a finished node.
#[derive(Clone, Copy, Default)]
struct Cost {
    nodes: usize,
    text_bytes: usize,
    height: usize,
}

/// A list or mapping whose end has not come yet.
struct Open {
    kind: Kind,
    span: Span,
    anchor: usize,
    cost: Cost,
}

enum Kind {
    Seq(Vec<Node>),
    Map { entries: Vec<Entry>, key: Key },
}

/// What a mapping awaits.
enum Key {
    Awaited,
    Got(Node),
    /// The key was refused: its value goes with it.
    Refused,
}

impl Builder {
    /// The tree, or nothing where the text holds no value.
    pub(super) fn finish(self) -> (Option<Node>, Vec<Diagnostic>) {
        (self.root, self.problems)
    }

    /// A list begins.
    pub(super) fn begin_seq(&mut self, span: Span, anchor: usize) -> Result<(), Box<Diagnostic>> {
        self.begin(Kind::Seq(Vec::new()), span, anchor)
    }

    /// A mapping begins.
    pub(super) fn begin_map(&mut self, span: Span, anchor: usize) -> Result<(), Box<Diagnostic>> {
        self.begin(
            Kind::Map {
                entries: Vec::new(),
                key: Key::Awaited,
            },
            span,
            anchor,
        )
    }

    fn begin(&mut self, kind: Kind, span: Span, anchor: usize) -> Result<(), Box<Diagnostic>> {
        self.check_depth(1, span)?;
        self.open.push(Open {
            kind,
            span,
            anchor,
            cost: Cost::default(),
        });
        Ok(())
    }

    /// The innermost list or mapping ends.
    pub(super) fn end(&mut self) -> Result<(), Box<Diagnostic>> {
        let Some(Open {
            kind,
            span,
            anchor,
            mut cost,
        }) = self.open.pop()
        else {
            return Ok(());
        };
        let value = match kind {
            Kind::Seq(items) => Value::Seq(items),
            Kind::Map { entries, .. } => Value::Map(self.merge(entries)),
        };
        cost.height += 1;
        self.add(
            Node {
                value,
                span,
                plain: false,
                raw: String::new(),
            },
            anchor,
            cost,
        )
    }

    /// A scalar.
    pub(super) fn scalar(&mut self, node: Node, anchor: usize) -> Result<(), Box<Diagnostic>> {
        let cost = Cost {
            text_bytes: node.text().len(),
            ..Cost::default()
        };
        self.add(node, anchor, cost)
    }

    /// A copy of an earlier node.
    pub(super) fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Box<Diagnostic>> {
        if self.open.iter().any(|open| open.anchor == anchor) {
            return Err(Box::new(Diagnostic::error(
                "recursive-alias",
                span,
                "this alias contains itself",
            )));
        }
        let Some(Anchored { node, cost }) = self.anchors.get(&anchor) else {
            return Err(Box::new(Diagnostic::error(
                "undefined-alias",
                span,
                "this alias is not defined",
            )));
        };
        let (node, cost) = (node.clone(), *cost);
        self.check_depth(cost.height, span)?;
        self.charge(cost, span)?;
        self.attach(node, cost);
        Ok(())
    }

    /// A finished node takes its place; an anchored one is kept for its aliases.
    fn add(&mut self, node: Node, anchor: usize, mut cost: Cost) -> Result<(), Box<Diagnostic>> {
        cost.nodes += 1;
        self.charge(
            Cost {
                nodes: 1,
                text_bytes: node.text().len(),
                height: 0,
            },
            node.span,
        )?;
        if anchor != 0 {
            self.charge(cost, node.span)?;
            self.anchors.insert(
                anchor,
                Anchored {
                    node: node.clone(),
                    cost,
                },
            );
        }
        self.attach(node, cost);
        Ok(())
    }

    fn attach(&mut self, node: Node, cost: Cost) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        open.cost.nodes += cost.nodes;
        open.cost.text_bytes += cost.text_bytes;
        open.cost.height = open.cost.height.max(cost.height);
        match &mut open.kind {
            Kind::Seq(items) => items.push(node),
            Kind::Map { entries, key } => match std::mem::replace(key, Key::Awaited) {
                Key::Got(key) => entries.push(Entry { key, value: node }),
                Key::Refused => {}
                Key::Awaited => *key = checked_key(node, &mut self.problems),
            },
        }
    }

    fn check_depth(&self, height: usize, span: Span) -> Result<(), Box<Diagnostic>> {
        if self.open.len() + height <= YAML_DEPTH_MAX {
            return Ok(());
        }
        Err(Box::new(too_deep(span)))
    }

    fn charge(&mut self, cost: Cost, span: Span) -> Result<(), Box<Diagnostic>> {
        self.nodes += cost.nodes;
        self.text_bytes += cost.text_bytes;
        if self.nodes <= YAML_NODES_MAX && self.text_bytes <= YAML_TEXT_BYTES_MAX {
            return Ok(());
        }
        let message = format!(
            "the file holds more than {YAML_NODES_MAX} values or {YAML_TEXT_BYTES_MAX} bytes of text when its aliases are expanded"
        );
        Err(Box::new(Diagnostic::error(
            "too-many-values",
            span,
            message,
        )))
    }

    /// Refuses keys that come twice and resolves `<<`: what it brings comes first and yields
    /// to the mapping's own keys; among several merged mappings the earlier wins.
    fn merge(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut own = Vec::with_capacity(entries.len());
        let mut seen = HashSet::new();
        let mut merged = Vec::new();
        for entry in entries {
            if !seen.insert(entry.key.text().to_owned()) {
                self.problems.push(duplicate(&entry.key));
            } else if is_merge(&entry.key) {
                merged = self.merged(entry.value);
            } else {
                own.push(entry);
            }
        }
        merged.retain(|entry: &Entry| seen.insert(entry.key.text().to_owned()));
        merged.append(&mut own);
        merged
    }

    /// The entries that the value of a `<<` brings, the winning ones first.
    fn merged(&mut self, value: Node) -> Vec<Entry> {
        let span = value.span;
        match value.value {
            Value::Map(entries) => return entries,
            Value::Seq(items) if items.iter().all(|item| matches!(item.value, Value::Map(_))) => {
                return items
                    .into_iter()
                    .flat_map(|item| self.merged(item))
                    .collect();
            }
            _ => {}
        }
        self.problems.push(
            Diagnostic::error(
                "merge-key",
                span,
                "`<<` takes a mapping or a list of mappings",
            )
            .with_help("put the key in quotes if it is meant as text"),
        );
        Vec::new()
    }
}

/// The refusal of what lies too deep.
pub(super) fn too_deep(span: Span) -> Diagnostic {
    let message = format!("lists and mappings are nested more than {YAML_DEPTH_MAX} deep");
    Diagnostic::error("too-deep", span, message)
}

fn duplicate(key: &Node) -> Diagnostic {
    let message = format!("the key {} stands twice in this mapping", key.text());
    Diagnostic::error("duplicate-key", key.span, message).with_help("keep one of the two")
}

fn is_merge(key: &Node) -> bool {
    key.plain && key.text() == "<<"
}

fn checked_key(node: Node, problems: &mut Vec<Diagnostic>) -> Key {
    if !matches!(node.value, Value::Seq(_) | Value::Map(_)) {
        return Key::Got(node);
    }
    let message = format!("{} cannot be a key", node.describe());
    problems.push(Diagnostic::error("unhashable-key", node.span, message));
    Key::Refused
}
