//! Line by line against what the SDK made of the same YAML.

use serde_json::Value as Json;

use super::{accept, reading};
use crate::job::{Input, Job};

/// The lines of the SDK's answers: the question and the answer, `None` where it refused.
fn answers() -> impl Iterator<Item = (&'static str, Option<Json>)> {
    let lines = include_str!("../testdata/sdk.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let (question, answer) = line.rsplit_once(" => ").unwrap();
        (
            question,
            (answer != "ERR").then(|| serde_json::from_str(answer).unwrap()),
        )
    })
}

#[test]
fn literals_become_the_text_that_the_sdk_sends() {
    let mut checked = 0;
    for (question, answer) in answers() {
        let Some(value) = question.strip_prefix("literal ") else {
            continue;
        };
        let text = format!("inputs: {{x: {value}}}\n");
        // Flow style would read a comma or brace; none of the values has one outside quotes.
        let reading = reading(&text);
        let ours = reading.job.as_ref().map(|job| {
            let Job::Command(job) = job else {
                panic!("{value} made another job")
            };
            match &job.inputs["x"] {
                Input::Literal(literal) => literal.to_string(),
                Input::Data(data) => panic!("{value} was read as {data:?}"),
            }
        });
        let theirs =
            answer.map(|answer| answer["inputs"]["x"]["value"].as_str().unwrap().to_owned());
        assert_eq!(ours, theirs, "{value}: {:#?}", reading.diagnostics);
        checked += 1;
    }
    assert_eq!(checked, 33);
}

/// What the SDK accepts and jobd refuses on purpose.
const STRICTER: &[&str] = &[
    "limits: {timeout: 0}",
    "limits: {timeout: -5}",
    "services: {s: {type: telnet}}",
    // Undefined names, which the SDK does not see for the blanks or the braces around them.
    "command [--a ${{inputs.zz}}]",
    "command {outputs.o} {search_space.q}",
];

#[test]
fn what_the_sdk_accepts_and_refuses_is_accepted_and_refused() {
    let mut checked = 0;
    for (question, answer) in answers().filter(|(question, _)| !question.starts_with("literal ")) {
        let text = match question.split_once(' ') {
            Some(("command", command)) => format!("command: \"echo {command}\"\ninputs: {{x: 1}}"),
            Some(("path", rest)) => {
                let (path, kind) = rest.rsplit_once(" (").unwrap();
                format!(
                    "inputs: {{d: {{type: {}, path: '{path}'}}}}",
                    kind.trim_end_matches(')')
                )
            }
            _ => question.to_owned(),
        };
        let reading = reading(&text);
        let expected = answer.is_some() && !STRICTER.contains(&question);
        assert_eq!(
            reading.job.is_some(),
            expected,
            "{question}: {:#?}",
            reading.diagnostics
        );
        checked += 1;
    }
    assert!(checked > 60, "{checked}");
}

#[test]
fn values_are_read_as_the_sdk_reads_them() {
    let json = |lines: &str| serde_json::to_value(accept(lines)).unwrap();
    assert_eq!(json("limits: {timeout: \"120\"}")["limits"]["timeout"], 120);
    assert_eq!(json("limits: {timeout: 1.5}")["limits"]["timeout"], 1);
    assert_eq!(
        json("resources: {instance_count: 2.7}")["resources"]["instance_count"],
        2
    );
    assert_eq!(
        json("distribution: {type: PyTorch, process_count_per_instance: \"2\"}")["distribution"],
        serde_json::json!({"type": "pytorch", "process_count_per_instance": 2})
    );
    assert_eq!(
        json("identity: {type: AMLToken}")["identity"],
        serde_json::json!({"type": "aml_token"})
    );
    assert_eq!(
        json("identity: {type: managed, client_id: abc}")["identity"],
        serde_json::json!({"type": "managed_identity", "client_id": "abc"})
    );
    assert_eq!(
        json("queue_settings: {job_tier: Spot, priority: HIGH}")["queue_settings"],
        serde_json::json!({"job_tier": "spot", "priority": "high"})
    );
    assert_eq!(
        json("services: {v: {type: VS_Code}}")["services"]["v"],
        serde_json::json!({"type": "vs_code"})
    );
    assert_eq!(
        json("environment_variables: {A: 1, B: true, C: 1.5, D: x, E: null}")["environment_variables"],
        serde_json::json!({"A": 1, "B": true, "C": 1.5, "D": "x", "E": null})
    );
    assert_eq!(
        json("outputs: {o: null, r: {mode: mount}, q: {name: n, version: 3}}")["outputs"],
        serde_json::json!({
        "o": {"type": "uri_folder"}, "r": {"type": "uri_folder", "mode": "rw_mount"},
        "q": {"type": "uri_folder", "name": "n", "version": "3"}})
    );
}
