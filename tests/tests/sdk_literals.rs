//! The table of literals, made anew by the SDK that is installed: what it sends for a value in
//! YAML is the text that stands in our command.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use jobd_tests::harness::Folder;
use jobd_tests::sdk;
use proto::job::{self, Input, Job};

/// The values of the recorded table.
fn recorded() -> Vec<&'static str> {
    include_str!("../../proto/src/job/testdata/sdk.txt")
        .lines()
        .filter_map(|line| line.strip_prefix("literal "))
        .map(|line| line.rsplit_once(" => ").unwrap().0)
        .collect()
}

/// More of them: every type of YAML 1.1, at its edges.
const MORE: &[&str] = &[
    "+1",
    "-1",
    "+0",
    "-0",
    "0b101",
    "0x_ff",
    "-0x10",
    "0777",
    "08",
    "1__0",
    "_1",
    "1_",
    "1.",
    ".5",
    "-.5",
    "+.5",
    "1.5e-7",
    "1.5e+7",
    "1.5E+7",
    "1e+3",
    "1E5",
    "0.0000001",
    "123456789.123456789",
    "1.0e+300",
    "5.0e-324",
    "1.7976931348623157e+308",
    "0.30000000000000004",
    "1e16",
    "10000000000000000.0",
    "9999999999999998.0",
    "0.0001",
    "0.00001",
    "-100000000000000000000",
    "9223372036854775807",
    "9223372036854775808",
    "190:20:30",
    "190:20:30.15",
    "-1:30",
    "1:60",
    "0:0",
    "y",
    "n",
    "Y",
    "N",
    "no",
    "NO",
    "No",
    "Off",
    "OFF",
    "TRUE",
    "True",
    "tRUE",
    "Yes",
    "null",
    "Null",
    "NULL",
    "nULL",
    "'null'",
    "'~'",
    ".nan",
    ".NaN",
    "-.inf",
    "+.INF",
    ".iNF",
    "=",
    "<<",
    "'a''b'",
    "\"\\u00e9\\n\"",
    "é",
    "a b",
    "a: b",
    "[1]",
    "{a: 1}",
    "{}",
    "2001-12-14t21:59:43.10-05:00",
    "2001-1-1",
    "2001-01-1",
    "20010101",
    "0o8",
    "0b2",
    "1_000.5",
    "!!str 1",
    "!!int \"7\"",
    "!!float 1",
    "!!bool \"yes\"",
    "!!binary aGk=",
    "{value: '5'}",
    "{value: null}",
    "&a 5",
    "'  '",
    "\"\\t\"",
    "@",
    "-",
    "1,000",
    "1e400",
    "1.0e+400",
];

/// Where we differ on purpose.
const OURS: &[(&str, &str)] = &[
    ("<<", "text; the SDK fails while it reads the file"),
    (
        "!!binary aGk=",
        "bytes are no text; the SDK sends what it takes for their text",
    ),
];

#[test]
fn the_sdk_sends_the_text_that_we_put_into_the_command() {
    let values: Vec<_> = recorded().into_iter().chain(MORE.iter().copied()).collect();
    assert!(values.len() > 33);
    let folder = Folder::new();
    let answer = sdk::ask("literals.py", folder.path(), &values.clone().into());
    let mut wrong = Vec::new();
    for (value, theirs) in values.iter().zip(answer.as_array().unwrap()) {
        let ours = text(value);
        let known = OURS.iter().any(|(known, _)| known == value);
        let is_same = ours.as_ref().ok().map(String::as_str) == theirs["ok"].as_str();
        if is_same == known {
            let theirs: String = theirs.to_string().chars().take(200).collect();
            wrong.push(format!("{value}: ours {ours:?}, theirs {theirs}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Our text of a value, or why there is none.
fn text(value: &str) -> Result<String, String> {
    let yaml = format!("command: echo\nenvironment: azureml:e:1\ninputs:\n  x: {value}\n  y: 2\n");
    let reading = job::read(yaml.as_bytes(), None);
    match reading.job {
        Some(Job::Command(job)) => match &job.inputs["x"] {
            Input::Literal(literal) => Ok(literal.to_string()),
            Input::Data(data) => Err(format!("{data:?}")),
        },
        _ => Err(reading
            .diagnostics
            .iter()
            .map(ToString::to_string)
            .collect()),
    }
}
