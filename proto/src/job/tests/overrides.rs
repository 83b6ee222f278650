//! Values that are set from outside, and files that hold a component.

use super::super::{Document, Input, Job, JobText, Literal, Override};
use crate::diagnostic::Diagnostic;

const FILE: &str = "command: echo ${{inputs.lr}}\nenvironment: azureml:e:1\n\
    inputs:\n  lr: 0.1\n  data: azureml:d:1\nresources: {locations: [a]}\n";

fn read(sets: &[&str]) -> (Option<Document>, Vec<Diagnostic>) {
    let overrides: Vec<Override> = sets.iter().map(|set| set.parse().unwrap()).collect();
    let text = JobText {
        overrides: &overrides,
        ..JobText::new(FILE.as_bytes(), Some("job.yml"))
    };
    text.read_document()
}

fn errors(sets: &[&str]) -> Vec<String> {
    let (document, found) = read(sets);
    assert!(document.is_none());
    let errors = found
        .iter()
        .filter(|d| d.severity == crate::diagnostic::Severity::Error);
    errors.map(ToString::to_string).collect()
}

#[test]
fn values_are_text_and_are_put_where_the_path_leads() {
    let sets = ["limits.timeout=60", "inputs.lr=0.5", "name=a", "tags.k=v=w"];
    let (Some(Document::Job(Job::Command(job))), _) = read(&sets) else {
        panic!("{:#?}", read(&sets));
    };
    assert_eq!(job.limits.unwrap().timeout, Some(60));
    assert_eq!(job.inputs["lr"], Input::Literal(Literal::Str("0.5".into())));
    assert_eq!(job.name.as_deref(), Some("a"));
    assert_eq!(job.tags["k"].as_deref(), Some("v=w"));
}

#[test]
fn a_finding_says_what_it_comes_from() {
    insta::assert_snapshot!(
        [
            errors(&["limts.timeout=60"]),
            errors(&["limits.timeout=soon"]),
            errors(&["limits.timeout.hours=1"]),
            errors(&["command=echo ${{inputs.x}}"]),
            errors(&["inputs.data.mode=download"]),
            errors(&["resources.locations.0=b"]),
            errors(&["type=pipelin"]),
            errors(&["compute="]),
        ]
        .concat()
        .join("\n")
    );
}

#[test]
fn the_type_can_be_switched() {
    let missing = errors(&["type=pipeline"]);
    let jobs = missing.iter().any(|error| {
        error.ends_with("required (write a step: `jobs: {hello: {command: …, environment: …}}`)")
    });
    assert!(jobs, "{missing:#?}");
}

#[test]
fn overrides_are_bounded() {
    let deep = format!("{}a=1", "a.".repeat(100_000));
    assert!(errors(&[&deep])[0].contains("more than 64 keys deep"));
    assert!(errors(&["name=a"; 101])[0].contains("more than 100 values are set"));
}

#[test]
fn a_component_is_told_from_a_job() {
    let body = "command: echo\nenvironment: azureml:e:1\n";
    let job = "$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json\n";
    let component =
        "$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json\n";
    for (lines, is_component) in [
        ("", false),
        (job, false),
        (component, true),
        ("version: 1\n", true),
        ("is_deterministic: false\n", true),
        // A wrong $schema does not make a job a component.
        (&format!("{component}compute: local\n"), false),
    ] {
        let text = format!("{lines}{body}");
        let (document, found) = JobText::new(text.as_bytes(), None).read_document();
        let document = document.unwrap_or_else(|| panic!("{text}{found:#?}"));
        assert_eq!(
            matches!(document, Document::Component(_)),
            is_component,
            "{text}"
        );
    }
}
