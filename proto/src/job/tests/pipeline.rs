//! The pipeline job: steps, components and their files, bindings, and its dump.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use crate::diagnostic::{Diagnostic, Severity};
use crate::job::component::{Component, ComponentRef};
use crate::job::{Environment, Job, Loader, Node, PipelineJob, Reading, dump_job, read, read_any};

/// Files by path.
struct Files(BTreeMap<&'static str, &'static str>);

impl Loader for Files {
    fn load(&self, path: &Path) -> Result<Vec<u8>, String> {
        let normal: std::path::PathBuf = path
            .components()
            .filter(|part| part.as_os_str() != ".")
            .collect();
        let found = self.0.get(normal.to_str().unwrap());
        found
            .map(|text| text.as_bytes().to_vec())
            .ok_or_else(|| "no such file".to_owned())
    }
}

fn reading(text: &str, files: &[(&'static str, &'static str)]) -> Reading {
    read_any(
        text.as_bytes(),
        Some("job.yml"),
        Some(&Files(files.iter().copied().collect())),
    )
}

fn accept(text: &str, files: &[(&'static str, &'static str)]) -> PipelineJob {
    match reading(text, files) {
        Reading {
            job: Some(Job::Pipeline(job)),
            ..
        } => *job,
        Reading { diagnostics, .. } => panic!("{text}: {diagnostics:#?}"),
    }
}

fn show(found: &[Diagnostic], severity: Severity) -> String {
    let found = found.iter().filter(|d| d.severity == severity);
    found
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

fn errors(text: &str, files: &[(&'static str, &'static str)]) -> String {
    let reading = reading(text, files);
    assert!(reading.job.is_none());
    show(&reading.diagnostics, Severity::Error)
}

/// Errors first, then warnings.
fn errors_and_warnings(text: &str, files: &[(&'static str, &'static str)]) -> String {
    let warnings = show(&reading(text, files).diagnostics, Severity::Warning);
    format!("{}\n{warnings}", errors(text, files))
}

const TRAIN: &str = "
name: train
version: 1.0
type: command
inputs:
  data: {type: uri_folder}
  rate: {type: number, default: 1e-3, min: 0, max: 1}
  kind: {type: string, enum: [a, b], optional: true}
  rounds: {type: integer}
outputs:
  model: {type: mlflow_model}
code: ./src
command: train ${{inputs.data}} ${{inputs.rate}} $[[--kind ${{inputs.kind}}]] ${{inputs.rounds}} ${{outputs.model}}
environment: {image: i, conda_file: conda.yml}
additional_includes: [../lib]
";

#[test]
fn a_component_of_a_file_is_held_with_its_paths_seen_from_the_job() {
    let job = accept(
        "
type: pipeline
inputs: {raw: {path: ./raw}}
outputs: {final:}
jobs:
  one:
    component: parts/train.yml
    inputs: {data: '${{parent.inputs.raw}}', rounds: 3}
    outputs: {model: '${{parent.outputs.final}}'}
  two:
    type: pipeline
    component: file:parts/inner.yml
    inputs: {model: '${{parent.jobs.one.outputs.model}}'}
",
        &[
            ("parts/train.yml", TRAIN),
            (
                "parts/inner.yml",
                "type: pipeline\ninputs: {model: {type: mlflow_model}}\njobs:\n  a: {component: deep/a.yml, inputs: {m: '${{parent.inputs.model}}'}}\n",
            ),
            (
                "parts/deep/a.yml",
                "inputs: {m: {type: mlflow_model}}\ncode: .\ncommand: cat ${{inputs.m}}\nenvironment: file:../env.yml\n",
            ),
        ],
    );
    let Node::Command(one) = &job.jobs["one"] else {
        panic!()
    };
    let Some(ComponentRef::Inline(component)) = &one.component else {
        panic!()
    };
    let Component::Command(command) = component.as_ref() else {
        panic!()
    };
    assert_eq!(command.task.code.as_deref(), Some("parts/./src"));
    assert_eq!(command.additional_includes, ["parts/../lib"]);
    assert_eq!(command.declaration.version.as_deref(), Some("1.0"));
    let Environment::Inline(environment) = &command.task.environment else {
        panic!()
    };
    assert_eq!(environment["conda_file"], "parts/conda.yml");
    let text = dump_job(&Job::Pipeline(Box::new(job.clone())));
    assert!(
        text.contains("environment: file:parts/deep/../env.yml"),
        "{text}"
    );
    assert_eq!(accept(&text, &[]), job);
}

#[test]
fn without_a_loader_references_stay_as_they_are() {
    let reading = read_any(b"type: pipeline\njobs:\n  a: {component: ./a.yml, inputs: {x: 1}}\n  b: {component: 'azureml:b:1', inputs: {y: '${{parent.jobs.a.outputs.any}}'}}\n", None, None);
    let Some(Job::Pipeline(job)) = reading.job else {
        panic!("{:#?}", reading.diagnostics)
    };
    let Node::Command(a) = &job.jobs["a"] else {
        panic!()
    };
    assert_eq!(a.component, Some(ComponentRef::Reference("./a.yml".into())));
}

#[test]
fn bindings_lead_somewhere_and_not_in_a_circle() {
    insta::assert_snapshot!(errors("
type: pipeline
inputs: {raw: {path: ./raw}}
outputs: {final: {}}
jobs:
  one:
    command: echo ${{inputs.x}} ${{inputs.typo}}
    environment: azureml:e:1
    inputs: {x: '${{parent.jobs.three.outputs.o}}', raw: '${{parent.inputs.rwa}}'}
    outputs: {o: '${{parent.outputs.finl}}'}
  two:
    command: echo
    environment: azureml:e:1
    inputs: {a: '${{parent.jobs.one.outputs.oo}}', b: '${{jobs.one.outputs.o}}', c: '${{inputs.raw}}', d: '${{parent.outputs.final}}', e: {path: '${{parent.jobs.on.outputs.o}}'}}
    outputs: {o: {path: '${{parent.outputs.nope}}'}}
  three:
    command: echo
    environment: azureml:e:1
    inputs: {a: '${{parent.jobs.two.outputs.o}}', b: '${{parent.jobs.one.outputs.o}}'}
    outputs: {o:}
  two_b:
    command: echo
    environment: azureml:e:1
    inputs: {a: '${{parent.jobs.two_b.outputs.o}}'}
  Bad:
    component: azureml:x
    command: echo
  other:
    type: automl
    training_data: ${{parent.jobs.nowhere.outputs.o}}
", &[]));
}

#[test]
fn a_step_gives_its_component_what_it_declares() {
    insta::assert_snapshot!(errors_and_warnings(
        "
type: pipeline
jobs:
  a:
    component: train.yml
    inputs: {dta: {path: ./d}, rate: 2, kind: c, rounds: many}
    outputs: {modell:}
  b: {component: absent.yml}
  c: {component: loop.yml}
  d: {component: broken.yml}
",
        &[
            ("train.yml", TRAIN),
            (
                "loop.yml",
                "type: pipeline\njobs: {a: {component: loop.yml}}"
            ),
            (
                "broken.yml",
                "command: echo ${{inputs.x}}\nenvironment: azureml:e:1\ninputs: {y: {type: strng}}\n"
            )
        ]
    ));
}

#[test]
fn a_sweep_step_and_unknown_keys() {
    let text = "
type: pipeline
settings: {default_datestore: azureml:x, force_rerun: true}
jobs:
  a:
    type: sweep
    trial: train.yml
    inputs: {data: {path: ./d}}
    search_space: {rounds: {type: randint, upper: 5}}
    sampling_algorithm: random
    objective: {goal: maximize, primary_metric: acc}
    limits: {max_total_trials: 3}
    commnt: x
  b:
    type: do_while
    body: ${{parent.jobs.a}}
    limits: {max_iteration_count: 3}
";
    let reading = reading(text, &[("train.yml", TRAIN)]);
    assert_eq!(
        show(&reading.diagnostics, Severity::Warning),
        "job.yml:3:12: warning: settings.default_datestore: unknown setting `default_datestore`: it has no effect (did you mean `default_datastore`?)\n\
         job.yml:13:5: warning: jobs.a.commnt: unknown key `commnt`: it is ignored (did you mean `comment`?)"
    );
    let job = reading.job.unwrap();
    assert_eq!(
        read_any(dump_job(&job).as_bytes(), None, None).job,
        Some(job)
    );
}

#[test]
fn jobd_reads_and_refuses_what_it_cannot_run() {
    let reading = read(b"type: pipeline\njobs: {a: {command: echo, environment: azureml:e:1, inputs: {x: '${{parent.inputs.x}}'}}}\n", Some("job.yml"));
    assert!(reading.job.is_none());
    insta::assert_snapshot!(show(&reading.diagnostics, Severity::Error));
}

#[test]
fn wide_nesting_of_files_is_bounded() {
    let twice = "type: pipeline\njobs: {a: {component: b/x.yml}, c: {component: b/x.yml}}\n";
    struct Same(&'static str);
    impl Loader for Same {
        fn load(&self, _: &Path) -> Result<Vec<u8>, String> {
            Ok(self.0.as_bytes().to_vec())
        }
    }
    let reading = read_any(twice.as_bytes(), None, Some(&Same(twice)));
    assert!(reading.job.is_none());
    assert!(reading.diagnostics.len() <= crate::job::FINDINGS_MAX);
    assert!(
        reading
            .diagnostics
            .iter()
            .any(|d| d.code == "no-file" && d.message.contains("8 deep")),
        "{:#?}",
        reading.diagnostics[0]
    );
}

proptest! {
    #[test]
    fn chains_of_steps_are_read_back_and_no_order_makes_a_circle(edges in proptest::collection::vec((0usize..12, 0usize..12), 0..30)) {
        let mut text = String::from("type: pipeline\njobs:\n");
        for step in 0..12 {
            text += &format!("  s{step}:\n    command: echo\n    environment: azureml:e:1\n    outputs: {{o: }}\n    inputs:\n      none: x\n");
            let inputs: std::collections::BTreeSet<_> = edges.iter().filter(|(from, to)| *from == step && to < from).map(|(_, to)| to).collect();
            for to in inputs {
                text += &format!("      i{to}: ${{{{parent.jobs.s{to}.outputs.o}}}}\n");
            }
        }
        let reading = read_any(text.as_bytes(), None, None);
        prop_assert!(reading.job.is_some(), "{text}\n{:#?}", reading.diagnostics);
        let job = reading.job.unwrap();
        prop_assert_eq!(read_any(dump_job(&job).as_bytes(), None, None).job, Some(job));
    }
}
