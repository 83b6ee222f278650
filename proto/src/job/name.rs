//! The names in a job file and what they may be made of.

use super::field::Field;
use crate::diagnostic::Severity;
use crate::yaml::Value;

/// Characters of a job's name at most: it becomes a folder's name.
pub const JOB_NAME_CHARS_MAX: usize = 255;
/// Characters of an input's or output's name at most: with a prefix it becomes a file's name.
pub const INPUT_NAME_CHARS_MAX: usize = 200;

/// Whether a text may name a job: `^[A-Za-z0-9][A-Za-z0-9_-]{0,254}$`.
pub fn is_job_name(text: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    text.len() <= JOB_NAME_CHARS_MAX
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(rest)
}

/// Whether a text may name an input or output of a job: `^[a-zA-Z_][a-zA-Z0-9_]*$`.
pub fn is_input_name(text: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= INPUT_NAME_CHARS_MAX
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(rest)
}

/// Whether a text may be the name or the version of an asset: it becomes a folder's name.
pub fn is_asset_name(text: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.len() <= JOB_NAME_CHARS_MAX
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(rest)
}

/// Reads the name of a job.
pub(super) fn job(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    if is_job_name(&text) {
        return Some(text);
    }
    let help = "letters, digits, _ and -, the first a letter or digit, at most 255; leave the key out for a generated name";
    field.error("bad-name", format!("`{text}` cannot be a job's name"), help);
    None
}

/// Reads the name of an experiment. Azure's service has a rule that its client does not
/// check, so a name outside it is accepted with a warning.
pub(super) fn experiment(field: &Field<'_>) -> Option<String> {
    let text = field.filled_text()?;
    if !is_job_name(&text) {
        let message = "Azure ML takes only letters, digits, _ and - in an experiment's name";
        field.report(Severity::Warning, "bad-name", message, "");
    }
    Some(text)
}

/// Whose inputs and outputs are read: a pipeline's may have dotted names, and its inputs may lack
/// a path, which is then given where the pipeline is submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A command or sweep job.
    Job,
    /// A pipeline or one of its steps.
    Pipeline,
}

impl Owner {
    /// Checks the name of an input or output, and reports one that cannot be.
    pub(super) fn names(self, field: &Field<'_>, key: &str) -> bool {
        match self {
            Owner::Job => input(field, key),
            Owner::Pipeline => pipeline_input(field, key),
        }
    }
}

/// Checks the name of an input or output of a pipeline, which may be a path of names.
pub(super) fn pipeline_input(field: &Field<'_>, key: &str) -> bool {
    key.split('.').all(|part| input(field, part))
}

/// Checks the name of a step: `^[a-z_][a-z0-9_]*$`.
pub(super) fn step(field: &Field<'_>, key: &str) -> bool {
    let sound = is_input_name(key) && !key.contains(|c: char| c.is_ascii_uppercase());
    if !sound {
        let help = "lower-case letters, digits and _, the first not a digit";
        field.report_at(
            field.key,
            Severity::Error,
            "bad-name",
            format!("`{key}` cannot be the name of a step"),
            help,
        );
    }
    sound
}

/// Checks the name of an input or output.
pub(super) fn input(field: &Field<'_>, key: &str) -> bool {
    let sound = is_input_name(key);
    if !sound {
        let message = format!("`{key}` cannot be the name of an input, output or hyperparameter");
        let help = "letters, digits and _, the first not a digit";
        field.report_at(field.key, Severity::Error, "bad-name", message, help);
    }
    sound
}

/// Reads an asset's name or version.
pub(super) fn asset(field: &Field<'_>) -> Option<String> {
    let text = match &field.node.value {
        Value::Int(version) => version.to_string(),
        _ => field.text()?,
    };
    if is_asset_name(&text) {
        return Some(text);
    }
    let help = "letters, digits, _, - and ., the first a letter or digit";
    field.error(
        "bad-name",
        format!("`{text}` cannot name an asset or its version"),
        help,
    );
    None
}

/// Checks the name of an environment variable.
pub(super) fn variable(field: &Field<'_>, key: &str) -> bool {
    let sound = !key.is_empty() && !key.contains(['=', '\0']);
    if !sound {
        let message = format!("`{key}` cannot name an environment variable");
        field.report_at(
            field.key,
            Severity::Error,
            "bad-name",
            message,
            "a name is not empty and has no `=`",
        );
    }
    sound
}
