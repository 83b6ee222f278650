//! A job that is an instance of a component: what the component declares and what the job gives
//! become the inputs and outputs of one job.

use std::collections::BTreeMap;

use super::component_input::{ComponentInput, ComponentOutput};
use super::field::Field;
use super::input::DATA_TYPES;
use super::{Fields, Input, Literal, Output, suggest};

/// Gives each declared input its value: the job's, else the default. The SDK's dump writes
/// booleans as integers; the declaration tells them apart.
pub(super) fn settle_inputs(
    fields: &Fields<'_>,
    declared: &BTreeMap<String, ComponentInput>,
    inputs: &mut BTreeMap<String, Input>,
) {
    let given = fields.get("inputs");
    let names = given.as_ref().map(Field::keys).unwrap_or_default();
    for (name, input) in declared {
        match (inputs.get_mut(name), &input.default) {
            (Some(Input::Literal(value)), _) => restore(value, &input.kind),
            (Some(Input::Data(data)), _) => data.mode = data.mode.take().or(input.mode.clone()),
            (None, Some(default)) => {
                let mut value = default.clone();
                restore(&mut value, &input.kind);
                inputs.insert(name.clone(), Input::Literal(value));
            }
            // One that is there with an error has been reported.
            (None, None) if input.optional == Some(true) || names.contains(name) => {}
            (None, None) => fields.whole.error(
                "missing-key",
                format!("the input `{name}`, which the component declares, has no value"),
                format!("add `{name}:` under `inputs`"),
            ),
        }
    }
    let known = declared.keys().cloned().collect();
    let undeclared = given.iter().flat_map(Field::children);
    for (name, value) in undeclared
        .filter(|(name, _)| !declared.contains_key(name))
        .take_while(|_| !fields.whole.findings.is_over())
    {
        let message = format!("the component has no input `{name}`");
        let help = suggest::defined(&name, &known);
        value.error("unknown-reference", message, help);
    }
}

/// A boolean that became a number or a text on its way through a dump.
fn restore(value: &mut Literal, kind: &str) {
    if kind != "boolean" {
        return;
    }
    match value {
        Literal::Int(number @ (0 | 1)) => *value = Literal::Bool(*number == 1),
        Literal::Str(text) if text.eq_ignore_ascii_case("true") => *value = Literal::Bool(true),
        Literal::Str(text) if text.eq_ignore_ascii_case("false") => *value = Literal::Bool(false),
        _ => {}
    }
}

/// Every declared output is one of the job, whether the job says more about it or not.
pub(super) fn settle_outputs(
    component: &Field<'_>,
    declared: &BTreeMap<String, ComponentOutput>,
    outputs: &mut BTreeMap<String, Output>,
) {
    for (name, output) in declared {
        if !DATA_TYPES.contains(&output.kind.as_str()) {
            let message = format!("`{}` is not a type of a job's output", output.kind);
            let field = component.peek("outputs").and_then(|map| map.peek(name));
            field.as_ref().unwrap_or(component).error(
                "unknown-value",
                message,
                suggest::help(&output.kind, DATA_TYPES),
            );
        }
        outputs.entry(name.clone()).or_insert_with(|| Output {
            kind: output.kind.clone(),
            mode: output.mode.clone(),
            ..Output::default()
        });
    }
}

/// Whether every declared output is data: a job has no other outputs.
pub(super) fn are_data(outputs: &BTreeMap<String, ComponentOutput>) -> bool {
    outputs
        .values()
        .all(|output| DATA_TYPES.contains(&output.kind.as_str()))
}
