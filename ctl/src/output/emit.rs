//! One result in the form that the user asks for.

use std::io;

use serde::Serialize;
use serde_json::Value;

use super::query::{self, Selection};
use super::table::Table;
use super::{Format, print, tsv};
use crate::args::OutputArgs;

/// Why a result could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The query does not fit the result.
    #[error("--query: {0}")]
    Query(String),
    /// The result has no form in the format.
    #[error("cannot write the result as {format}: {reason}")]
    Format {
        format: &'static str,
        reason: String,
    },
    /// Standard output is closed, or its disk is full.
    #[error("cannot write to standard output: {0}")]
    Stdout(io::Error),
}

impl OutputError {
    /// Whether the reader of our output has left.
    pub fn is_closed(&self) -> bool {
        matches!(self, OutputError::Stdout(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Printing with the options of the command line.
pub trait Emit {
    /// Whether the user wants the form for people.
    fn is_for_people(&self) -> bool;

    /// Prints `result`; `people` makes the form for people at the given width.
    ///
    /// # Errors
    /// Why it cannot be printed.
    fn emit<T: Serialize>(
        &self,
        result: &T,
        people: impl FnOnce(Option<usize>) -> String,
    ) -> Result<(), OutputError>;
}

impl Emit for OutputArgs {
    fn is_for_people(&self) -> bool {
        self.query.is_none() && matches!(self.output, None | Some(Format::Table))
    }

    fn emit<T: Serialize>(
        &self,
        result: &T,
        people: impl FnOnce(Option<usize>) -> String,
    ) -> Result<(), OutputError> {
        let width = print::width();
        if self.is_for_people() {
            return print::stdout(&people(width));
        }
        let value = serde_json::to_value(result).map_err(|error| failed("JSON", error))?;
        let selection = match &self.query {
            Some(text) => query::run(text, &value).map_err(OutputError::Query)?,
            None => Selection {
                value,
                columns: None,
            },
        };
        let format = self.output.unwrap_or(Format::Json);
        print::stdout(&render(format, &selection, width)?)
    }
}

fn render(
    format: Format,
    selection: &Selection,
    width: Option<usize>,
) -> Result<String, OutputError> {
    match format {
        Format::Table => Ok(Table::of(selection).render(width)),
        Format::Json => json(&selection.value),
        Format::Yaml => Ok(proto::yaml::to_string(&selection.value)),
        Format::Tsv => Ok(tsv::render(selection)),
        Format::None => Ok(String::new()),
    }
}

/// Indented JSON with its keys sorted, as `az` prints it.
pub fn json(value: &Value) -> Result<String, OutputError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| failed("JSON", error))?;
    Ok(text + "\n")
}

fn failed(format: &'static str, reason: impl ToString) -> OutputError {
    OutputError::Format {
        format,
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_format() {
        let selection = query::run(
            "[].{Status:status,Name:name}",
            &json!([
                {"name": "calm_river", "status": "Completed"},
                {"name": "yes", "status": "Failed"},
            ]),
        )
        .unwrap();
        let mut shown = String::new();
        for format in [
            Format::Table,
            Format::Json,
            Format::Yaml,
            Format::Tsv,
            Format::None,
        ] {
            let text = render(format, &selection, None).unwrap();
            shown.push_str(&format!("--- {format:?}\n{text}"));
        }
        insta::assert_snapshot!(shown);
    }
}
