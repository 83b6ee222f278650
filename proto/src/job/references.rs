//! The references of commands and paths: each must refer to something that exists.

use super::field::Field;
use super::{Fields, suggest};
use crate::diagnostic::{Severity, Span};
use crate::expression::{Context, Fault, Reference, Template};

/// The names that a command may refer to.
pub(super) struct Names {
    /// The inputs.
    pub(super) inputs: Vec<String>,
    /// The outputs.
    pub(super) outputs: Vec<String>,
    /// The hyperparameters, in a sweep.
    pub(super) search_space: Option<Vec<String>>,
}

impl Names {
    /// The names that a mapping with `inputs` and `outputs` defines. They come from the file,
    /// so that an input with an error does not make its references errors too.
    pub(super) fn of(fields: &Fields<'_>) -> Names {
        let keys = |key| fields.get(key).map(|map| map.keys()).unwrap_or_default();
        Names {
            inputs: keys("inputs"),
            outputs: keys("outputs"),
            search_space: None,
        }
    }
}

/// Checks every reference of a command.
pub(super) fn check_command(field: &Field<'_>, text: &str, names: &Names) {
    let (template, faults) = Template::parse_past_faults(text);
    faults
        .iter()
        .for_each(|fault| report_fault(field, text, fault));
    let optional: Vec<_> = template.optional().collect();
    for reference in template.references() {
        if reference.deprecated {
            let message = format!("single braces are deprecated: `{{{reference}}}`");
            finding(
                field,
                text,
                reference,
                Severity::Warning,
                "deprecated",
                message,
                format!("write ${{{{{reference}}}}}"),
            );
        }
        check_reference(field, text, reference, names, optional.contains(&reference));
    }
}

fn check_reference(
    field: &Field<'_>,
    text: &str,
    reference: &Reference,
    names: &Names,
    optional: bool,
) {
    let known = match reference.context {
        Context::Inputs => &names.inputs,
        Context::Outputs => &names.outputs,
        Context::SearchSpace => match &names.search_space {
            Some(known) => known,
            None => return outside_sweep(field, text, reference),
        },
        _ => {
            let help = "a command knows inputs.NAME and outputs.NAME".to_owned();
            let message = format!("`{reference}` means nothing in a command");
            return finding(
                field,
                text,
                reference,
                Severity::Error,
                "unknown-reference",
                message,
                help,
            );
        }
    };
    if known.contains(&reference.name) {
        return;
    }
    let severity = if optional {
        Severity::Warning
    } else {
        Severity::Error
    };
    let message = match optional {
        true => format!("`{reference}` is not defined, so this part always disappears"),
        false => format!("`{reference}` is not defined"),
    };
    let help = match (
        known.is_empty(),
        suggest::closest(&reference.name, known.iter().map(String::as_str)),
    ) {
        (true, _) => "nothing of this kind is defined in the job".to_owned(),
        (false, Some(name)) => format!("did you mean `{name}`?"),
        (false, None) => format!("defined: {}", known.join(", ")),
    };
    finding(
        field,
        text,
        reference,
        severity,
        "unknown-reference",
        message,
        help,
    );
}

/// `search_space` in a plain command: in deprecated braces it may be any text, so it stays.
fn outside_sweep(field: &Field<'_>, text: &str, reference: &Reference) {
    let (severity, message) = match reference.deprecated {
        true => (
            Severity::Warning,
            format!("`{reference}` is defined only in a sweep, so this stays as it is"),
        ),
        false => (
            Severity::Error,
            format!("`{reference}` is defined only in the trial of a sweep"),
        ),
    };
    finding(
        field,
        text,
        reference,
        severity,
        "unknown-reference",
        message,
        "use inputs.NAME".into(),
    );
}

/// Reads the path of an output, whose references the service resolves.
pub(super) fn check_output_path(field: &Field<'_>, of_step: bool) -> Option<String> {
    let text = field.filled_text()?;
    let (template, faults) = Template::parse_past_faults(&text);
    faults
        .iter()
        .for_each(|fault| report_fault(field, &text, fault));
    let allowed = |context| match context {
        Context::DefaultDatastore | Context::JobName | Context::OutputName => true,
        // Whether it exists is checked with the pipeline's other bindings.
        Context::ParentOutputs => of_step,
        _ => false,
    };
    for reference in template
        .references()
        .filter(|r| !allowed(r.context) && !r.deprecated)
    {
        let message = format!("`{reference}` means nothing in an output's path");
        let help = "a path knows default_datastore, name and output_name".to_owned();
        finding(
            field,
            &text,
            reference,
            Severity::Error,
            "unknown-reference",
            message,
            help,
        );
    }
    Some(text)
}

/// Reports a fault of an expression at its own place.
pub(super) fn report_fault(field: &Field<'_>, text: &str, fault: &Fault) {
    let span = place(field, text, &fault.at);
    field.report_at(
        span,
        Severity::Error,
        "bad-expression",
        fault.problem.to_string(),
        fault.problem.help(),
    );
}

/// Reports something about a reference at its own place.
pub(super) fn finding(
    field: &Field<'_>,
    text: &str,
    reference: &Reference,
    severity: Severity,
    code: &str,
    message: String,
    help: String,
) {
    field.report_at(
        place(field, text, &reference.at),
        severity,
        code,
        message,
        help,
    );
}

/// Where a piece of a scalar's text stands in the file. Quotes, folding and block indent move
/// text but keep what has no blanks, so the nth occurrence in the text is the nth in the file.
pub(super) fn place(field: &Field<'_>, text: &str, at: &std::ops::Range<usize>) -> Span {
    let whole = field.span();
    let source = field.findings.source;
    let (Some(piece), Some(raw)) = (text.get(at.clone()), source.slice(whole)) else {
        return whole;
    };
    let nth = text
        .match_indices(piece)
        .take_while(|(found, _)| *found < at.start)
        .count();
    match raw.match_indices(piece).nth(nth) {
        Some((offset, _)) => source.within(whole, offset, piece.len()),
        None => whole,
    }
}
