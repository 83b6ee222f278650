//! YAML as Azure ML reads it: the types of YAML 1.1 (PyYAML's `safe_load`) with the place of
//! every value, within bounds that no file can exceed. The only folder that names a YAML library:
//! `granit-parser` reads, `serde_yaml` writes.
//!
//! * [`read`](read::read) and [`parse`]: bytes → [`Node`]
//! * [`Node::set`]: a value by its path into a tree
//! * [`to_string`]: a value → YAML that any YAML 1.1 or 1.2 reader reads back as the same value

mod build;
mod date;
mod node;
mod number;
mod read;
mod scalar;
mod set;
mod source;
#[cfg(test)]
mod tests;
mod tree;
mod write;

pub use build::{YAML_DEPTH_MAX, YAML_NODES_MAX, YAML_TEXT_BYTES_MAX};
pub use node::{Entry, Node, Value};
pub use read::{PROBLEMS_MAX, parse, read};
pub use set::SetError;
pub use source::{Source, YAML_BYTES_MAX};
pub use tree::Tree;
pub use write::to_string;
