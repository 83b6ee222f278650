//! What jobctl prints: results in four formats, sheets and tables for people, findings about job
//! files with their source lines.

pub mod diagnostics;
mod emit;
mod form;
pub mod print;
pub mod provenance;
pub mod query;
pub mod sheet;
pub mod size;
pub mod table;
pub mod text;
mod tsv;

pub use emit::{Emit, OutputError, json};
pub use form::Format;
