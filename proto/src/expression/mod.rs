//! `${{…}}` and `$[[…]]` (azureml.md §2): parse once, render many.
//!
//! * `${{inputs.NAME}}`, with or without blanks inside: replaced by the value
//! * `$[[ --flag ${{inputs.NAME}} ]]`: disappears as a whole when the input has no value
//! * `{inputs.NAME}`, `{outputs.NAME}`, `{search_space.NAME}`: the deprecated spelling
//!
//! Whether a name exists is the resolver's knowledge, so it is not checked here.

mod parse;
mod template;
#[cfg(test)]
mod tests;

pub use parse::{FAULTS_MAX, Fault, Problem};
pub use template::{Context, Part, Reference, Template, Unresolved};
