//! The JSON Schema of job files (draft 7, which the YAML language server reads), for completion
//! and hover in editors. Keys and words come from the readers' own lists, so what is refused here
//! is refused there; a test drives the readers with every key of the schema.
//!
//! * `build` – the parts that schemas are made of
//! * `task`, `data`, `sweep`, `pipeline` – the definitions, as the language's concepts lie
//! * `document` – the schema of a whole file

mod build;
mod data;
mod document;
mod keys;
mod pipeline;
mod sweep;
mod task;

pub use document::{SchemaKind, schema};
