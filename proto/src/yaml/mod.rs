//! YAML as Azure ML reads it: the types of YAML 1.1 (PyYAML's `safe_load`) with the place of
//! every value, within bounds that no file can exceed. The only folder that names a YAML library:
//! `granit-parser` reads, `serde_yaml` writes.
//!
//! * [`read`](read::read) and [`parse`]: bytes → [`Node`]
//! * [`to_string`]: a value → YAML that any YAML 1.1 or 1.2 reader reads back as the same value

mod build;
mod date;
mod node;
mod number;
mod read;
mod scalar;
mod source;
#[cfg(test)]
mod tests;
mod tree;
mod write;

pub use build::{MAX_DEPTH, MAX_NODES, MAX_TEXT_BYTES};
pub use node::{Entry, Node, Value};
pub use read::{MAX_PROBLEMS, parse, read};
pub use source::{MAX_BYTES, Source};
pub use tree::Tree;
pub use write::to_string;
