//! The form in which the SDK dumps `command(…)`: its job lies under `component`.

use super::super::resources::DockerArgs;
use super::super::{Input, Job, Literal, dump, read};
use crate::diagnostic::Severity;

const NESTED: &str = r#"
component:
  command: echo ${{inputs.flag}} ${{inputs.lr}} $[[--n ${{inputs.n}}]] > ${{outputs.o}}/x
  code: /abs/src
  description: text
  environment: {image: inner, name: CliV2AnonymousEnvironment, version: 1a}
  inputs:
    flag: {type: boolean, default: 'False'}
    kept: {type: boolean, default: 'True'}
    lr: {type: number, default: '0.1'}
    n: {type: integer, optional: true}
    d: {type: uri_file}
  is_deterministic: true
  name: azureml_anonymous
  outputs: {o: {type: uri_folder}, p: {type: uri_file, mode: upload}}
  resources: {docker_args: "['--ipc=host', \"it's\"]"}
  tags: {a: '1'}
  type: command
  version: '1'
compute: azureml:cpu
environment: {image: outer, name: CliV2AnonymousEnvironment, version: 1a}
inputs: {flag: 1, lr: 0.1, d: {type: uri_file, path: 'azureml:./f.txt'}}
limits: {timeout: 5}
outputs: {p: {type: uri_file, name: m}}
type: command
"#;

fn accept(text: &str) -> super::CommandJob {
    let reading = read(text.as_bytes(), None);
    match reading.job {
        Some(Job::Command(job)) => job,
        _ => panic!("{:#?}", reading.diagnostics),
    }
}

fn first_error(text: &str) -> String {
    let reading = read(text.as_bytes(), None);
    assert_eq!(reading.job, None);
    let mut found = reading.diagnostics.iter();
    let error = found.find(|d| d.severity == Severity::Error);
    error.unwrap().to_string()
}

#[test]
fn what_the_job_says_and_what_its_component_says_become_one_job() {
    let job = accept(NESTED);
    assert_eq!(job.name, None);
    assert_eq!(job.description.as_deref(), Some("text"));
    assert_eq!(job.tags["a"].as_deref(), Some("1"));
    assert_eq!(job.code.as_deref(), Some("/abs/src"));
    assert_eq!(job.environment.summary(), "outer");
    assert_eq!(job.compute.as_deref(), Some("azureml:cpu"));
    assert_eq!(job.limits.as_ref().unwrap().timeout, Some(5));
    assert_eq!(job.outputs["o"].kind, "uri_folder");
    assert_eq!(job.outputs["p"].name.as_deref(), Some("m"));
    let args = job.resources.as_ref().unwrap().docker_args.as_ref();
    let list = vec!["--ipc=host".to_owned(), "it's".to_owned()];
    assert_eq!(args, Some(&DockerArgs::List(list)));
    let again = accept(&dump(&job));
    assert_eq!(again, job);
}

#[test]
fn booleans_that_a_dump_made_numbers_or_texts_are_booleans_again() {
    let job = accept(NESTED);
    let literal = |value| Some(Input::Literal(value));
    assert_eq!(
        job.inputs.get("flag").cloned(),
        literal(Literal::Bool(true))
    );
    assert_eq!(
        job.inputs.get("kept").cloned(),
        literal(Literal::Bool(true))
    );
    assert_eq!(job.inputs.get("lr").cloned(), literal(Literal::Float(0.1)));
    assert_eq!(job.inputs.get("n"), None);
}

#[test]
fn faults_of_this_form_are_found() {
    let without = NESTED.replace(
        "flag: 1, lr: 0.1, d: {type: uri_file, path: 'azureml:./f.txt'}",
        "",
    );
    assert!(
        first_error(&without).contains("`d`"),
        "{}",
        first_error(&without)
    );
    let other = NESTED.replace("flag: 1,", "flog: 1,");
    assert!(
        first_error(&other).contains("`flog`"),
        "{}",
        first_error(&other)
    );
    let both = NESTED.replace("limits:", "command: x\nlimits:");
    assert!(
        first_error(&both).contains("component"),
        "{}",
        first_error(&both)
    );
    let kind = NESTED.replace("  type: command\n  v", "  type: pipeline\n  v");
    assert!(
        first_error(&kind).contains("`pipeline`"),
        "{}",
        first_error(&kind)
    );
    let undefined = NESTED.replace("${{inputs.lr}}", "${{inputs.lx}}");
    assert!(
        first_error(&undefined).contains("inputs.lx"),
        "{}",
        first_error(&undefined)
    );
}
