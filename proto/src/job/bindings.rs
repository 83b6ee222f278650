//! The bindings between the steps of a pipeline: each must lead somewhere, and none in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::field::Field;
use super::references::{finding, place, report_fault};
use super::{Fields, Input, Node, suggest};
use crate::diagnostic::{Severity, Span};
use crate::expression::{Context, Reference, Template};
use crate::yaml::Value;

/// What bindings may lead to.
struct Scope {
    inputs: BTreeSet<String>,
    outputs: BTreeSet<String>,
    /// Steps with their outputs, `None` where those are not known.
    steps: BTreeMap<String, Option<BTreeSet<String>>>,
}

/// Where a text stands: the step, and the step's key that it is under.
#[derive(Clone, Copy)]
struct At<'a> {
    step: &'a str,
    top: &'a str,
}

/// A step that waits for another, and where the file says so.
struct Edge {
    to: String,
    path: String,
    span: Span,
}

/// Keys whose expressions are the step's own and are checked with it.
const OWN: &[&str] = &["component", "command", "trial", "search_space"];

/// Checks every binding of the steps.
pub(super) fn check(
    pipeline: &Fields<'_>,
    steps: &[(String, Field<'_>)],
    nodes: &BTreeMap<String, Node>,
) {
    let keys = |key| pipeline.get(key).map(|map| map.keys()).unwrap_or_default();
    let outputs =
        |(key, field): &(String, Field<'_>)| (key.clone(), known_outputs(field, nodes.get(key)));
    let scope = Scope {
        inputs: keys("inputs"),
        outputs: keys("outputs"),
        steps: steps.iter().map(outputs).collect(),
    };
    let mut edges = BTreeMap::new();
    for (key, field) in steps {
        let mut found = Vec::new();
        for (name, value) in field
            .children()
            .iter()
            .filter(|(name, _)| !OWN.contains(&name.as_str()))
        {
            walk(
                value,
                At {
                    step: key,
                    top: name,
                },
                &scope,
                &mut found,
            );
        }
        edges.insert(key.clone(), found);
        if let Some(node) = nodes.get(key) {
            check_interface(field, node);
        }
    }
    check_circles(pipeline, &edges);
}

/// The outputs that a step has: those of its component, or its own where it has none.
fn known_outputs(field: &Field<'_>, node: Option<&Node>) -> Option<BTreeSet<String>> {
    if let Some(declaration) = node.and_then(Node::declaration) {
        return Some(declaration.outputs.keys().cloned().collect());
    }
    let elsewhere = ["component", "trial"]
        .iter()
        .any(|key| field.peek(key).is_some());
    let plain = node.is_some_and(|node| matches!(node, Node::Command(_)));
    (plain && !elsewhere).then(|| {
        field
            .peek("outputs")
            .map(|map| map.keys())
            .unwrap_or_default()
    })
}

/// Checks all texts below a field.
fn walk(field: &Field<'_>, at: At<'_>, scope: &Scope, edges: &mut Vec<Edge>) {
    match &field.node.value {
        Value::Map(_) => field
            .children()
            .iter()
            .for_each(|(_, child)| walk(child, at, scope, edges)),
        Value::Seq(_) => field
            .items()
            .iter()
            .flatten()
            .for_each(|item| walk(item, at, scope, edges)),
        Value::Str(text) if text.contains("${{") => check_text(field, text, at, scope, edges),
        _ => {}
    }
}

fn check_text(field: &Field<'_>, text: &str, at: At<'_>, scope: &Scope, edges: &mut Vec<Edge>) {
    let (template, faults) = Template::parse_past_faults(text);
    // An output's path was checked when it was read.
    let read = at.top == "outputs" && field.path.ends_with(".path");
    faults
        .iter()
        .filter(|_| !read)
        .for_each(|fault| report_fault(field, text, fault));
    for reference in template
        .references()
        .filter(|reference| !reference.deprecated)
        .take_while(|_| !field.findings.is_over())
    {
        let problem = check_reference(reference, at, scope);
        if let Some((message, help)) = problem {
            finding(
                field,
                text,
                reference,
                Severity::Error,
                "unknown-reference",
                message,
                help,
            );
        } else if is_new_edge(reference, edges) {
            let span = place(field, text, &reference.at);
            edges.push(Edge {
                to: reference.step.clone(),
                path: field.path.clone(),
                span,
            });
        }
    }
}

/// Whether a reference makes its step wait for another, the first time that it does.
fn is_new_edge(reference: &Reference, edges: &[Edge]) -> bool {
    let waits = matches!(
        reference.context,
        Context::StepOutputs | Context::StepInputs
    );
    waits && edges.iter().all(|edge| edge.to != reference.step)
}

/// What is wrong with a binding, and what to write instead.
fn check_reference(reference: &Reference, at: At<'_>, scope: &Scope) -> Option<(String, String)> {
    let unknown = |name: &str, known: &BTreeSet<String>| {
        let missing = !known.contains(name);
        missing.then(|| {
            (
                format!("`{reference}` is not defined"),
                suggest::defined(name, known),
            )
        })
    };
    let name = reference.name.as_str();
    match reference.context {
        Context::ParentInputs => unknown(name, &scope.inputs),
        Context::ParentOutputs if at.top != "outputs" => Some((
            format!("`{reference}` can be written, not read"),
            "read the output of a step: parent.jobs.STEP.outputs.NAME".into(),
        )),
        Context::ParentOutputs => unknown(name, &scope.outputs),
        Context::Step | Context::StepInputs | Context::StepOutputs => {
            match scope.steps.get(&reference.step) {
                None => unknown(&reference.step, &scope.steps.keys().cloned().collect()),
                // That a step waits for itself is said elsewhere.
                Some(Some(outputs))
                    if reference.context == Context::StepOutputs && reference.step != at.step =>
                {
                    unknown(name, outputs)
                }
                Some(_) => None,
            }
        }
        Context::Inputs | Context::Outputs
            if matches!(at.top, "inputs" | "outputs" | "compute") =>
        {
            let message = format!("`{reference}` means the step itself here");
            Some((
                message,
                format!("this has changed to ${{{{parent.{reference}}}}}"),
            ))
        }
        _ => None,
    }
}

/// Checks what a step gives its component against what that declares.
fn check_interface(field: &Field<'_>, node: &Node) {
    let Some(declared) = node.declaration() else {
        return;
    };
    let given = field
        .peek("inputs")
        .map(|map| map.children())
        .unwrap_or_default();
    let (step, searched) = match node {
        Node::Command(node) => (&node.step, None),
        Node::Sweep(node) => (&node.step, Some(&node.sweep.search_space)),
        Node::Pipeline(node) => (&node.step, None),
        Node::Other(_) => return,
    };
    let over = || field.findings.is_over();
    for (key, value) in given.iter().take_while(|_| !over()) {
        match (declared.inputs.get(key), step.inputs.get(key)) {
            (None, _) => unknown_port(
                value,
                key,
                "input",
                &declared.inputs.keys().cloned().collect(),
            ),
            (Some(input), Some(Input::Literal(literal)))
                if !literal.to_string().contains("${{") =>
            {
                input.check(value, literal)
            }
            _ => {}
        }
    }
    for (key, value) in field
        .peek("outputs")
        .map(|map| map.children())
        .unwrap_or_default()
    {
        if !declared.outputs.contains_key(&key) {
            unknown_port(
                &value,
                &key,
                "output",
                &declared.outputs.keys().cloned().collect(),
            );
        }
    }
    let names: BTreeSet<_> = given.iter().map(|(name, _)| name).collect();
    let is_given =
        |key: &String| names.contains(key) || searched.is_some_and(|space| space.contains_key(key));
    for (key, _) in declared
        .inputs
        .iter()
        .filter(|(key, input)| !input.may_be_absent() && !is_given(key))
    {
        let message = format!("the component needs the input `{key}`");
        field.report_at(
            field.key,
            Severity::Error,
            "missing-key",
            message,
            format!("add `inputs: {{{key}: …}}`"),
        );
    }
}

fn unknown_port(field: &Field<'_>, key: &str, word: &str, known: &BTreeSet<String>) {
    let message = format!("the component has no {word} `{key}`");
    field.report_at(
        field.key,
        Severity::Warning,
        "unknown-key",
        message,
        suggest::defined(key, known),
    );
}

/// Refuses steps that wait for each other, which Azure ML's client does not see (azureml.md §11).
fn check_circles(pipeline: &Fields<'_>, edges: &BTreeMap<String, Vec<Edge>>) {
    let mut waits = Waits {
        edges,
        done: Vec::new(),
        way: Vec::new(),
    };
    for step in edges.keys() {
        waits.follow(step, pipeline);
    }
}

/// A search in depth for ways that lead back to where they began.
struct Waits<'a> {
    edges: &'a BTreeMap<String, Vec<Edge>>,
    done: Vec<&'a str>,
    way: Vec<&'a str>,
}

impl<'a> Waits<'a> {
    /// Follows every way from a step. Steps are bounded ([`super::pipeline::STEPS_MAX`]), and
    /// so is the depth.
    fn follow(&mut self, step: &'a str, pipeline: &Fields<'_>) {
        if self.done.contains(&step) {
            return;
        }
        self.way.push(step);
        for edge in self.edges.get(step).into_iter().flatten() {
            match self.way.iter().position(|passed| *passed == edge.to) {
                Some(from) => {
                    let circle = [&self.way[from..], &[edge.to.as_str()]]
                        .concat()
                        .join(" → ");
                    let message = format!("steps wait for each other: {circle}");
                    pipeline.whole.findings.add(
                        Severity::Error,
                        "circle",
                        (&edge.path, edge.span),
                        message,
                        String::new(),
                    );
                }
                None => self.follow(&edge.to, pipeline),
            }
        }
        self.way.pop();
        self.done.push(step);
    }
}
