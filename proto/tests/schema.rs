//! The JSON Schema and the reader agree: on every key, on the words of every key that has some,
//! and on real and faulty files.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

#[path = "../../tests/src/corpus/place.rs"]
mod corpus;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jsonschema::Validator;
use proto::job::{Document, JobText, SchemaKind, schema};
use proto::yaml::{self, Node};
use serde_json::{Map, Value, json};

/// Where a definition of the schema applies: its name, a file, the way to the mapping.
const PLACES: &[(&str, &str, &str)] = &[
    ("commandJob", COMMAND, ""),
    ("sweepJob", SWEEP, ""),
    ("pipelineJob", PIPELINE, ""),
    ("commandComponent", COMPONENT, ""),
    ("pipelineComponent", PIPELINE_COMPONENT, ""),
    ("inlineEnvironment", COMMAND, "environment"),
    ("environmentBuild", BUILD, "environment.build"),
    ("resources", COMMAND, "resources"),
    ("limits", COMMAND, "limits"),
    ("queueSettings", COMMAND, "queue_settings"),
    ("processDistribution", COMMAND, "distribution"),
    ("tensorflowDistribution", BUILD, "distribution"),
    ("rayDistribution", SWEEP, "trial.distribution"),
    ("managedIdentity", COMMAND, "identity"),
    ("otherIdentity", BUILD, "identity"),
    ("plainService", COMMAND, "services.plain"),
    ("sshService", COMMAND, "services.ssh"),
    ("sshService", COMMAND, "services.untyped"),
    ("tensorBoardService", COMMAND, "services.board"),
    ("dataInput", COMMAND, "inputs.data"),
    ("valueInput", COMMAND, "inputs.value"),
    ("pipelineDataInput", PIPELINE, "inputs.data"),
    ("dataOutput", COMMAND, "outputs.out"),
    ("dataOutput", PIPELINE, "jobs.command.outputs.out"),
    ("componentInput", COMPONENT, "inputs.x"),
    ("componentOutput", COMPONENT, "outputs.out"),
    ("trial", SWEEP, "trial"),
    ("objective", SWEEP, "objective"),
    ("sweepLimits", SWEEP, "limits"),
    ("randomSampling", SWEEP, "sampling_algorithm"),
    ("plainSampling", GRID, "sampling_algorithm"),
    ("bandit", SWEEP, "early_termination"),
    ("medianStopping", GRID, "early_termination"),
    (
        "truncationSelection",
        PIPELINE,
        "jobs.sweep.early_termination",
    ),
    ("choice", SWEEP, "search_space.choice"),
    ("randint", SWEEP, "search_space.randint"),
    ("range", SWEEP, "search_space.uniform"),
    ("roundedRange", SWEEP, "search_space.quniform"),
    ("bell", SWEEP, "search_space.normal"),
    ("roundedBell", SWEEP, "search_space.qnormal"),
    ("settings", PIPELINE, "settings"),
    ("commandStep", PIPELINE, "jobs.command"),
    ("sweepStep", PIPELINE, "jobs.sweep"),
    ("pipelineStep", PIPELINE, "jobs.pipeline"),
];
/// The same for mappings whose `type` decides what they are.
const TYPED: &[(&str, &str, &str)] = &[
    ("distribution", COMMAND, "distribution"),
    ("identity", COMMAND, "identity"),
    ("service", COMMAND, "services.ssh"),
    ("sampling", SWEEP, "sampling_algorithm"),
    ("earlyTermination", SWEEP, "early_termination"),
    ("hyperparameter", SWEEP, "search_space.choice"),
    ("step", PIPELINE, "jobs.command"),
    ("job", COMMAND, ""),
];
/// Definitions without keys of their own.
const OTHERS: [&str; 5] = [
    "environment",
    "input",
    "pipelineInput",
    "output",
    "component",
];

const COMMAND: &str = "
type: command
command: echo
environment: {image: i}
resources: {instance_count: 1}
limits: {timeout: 60}
queue_settings: {priority: low}
distribution: {type: pytorch}
identity: {type: managed}
services: {plain: {type: vs_code}, ssh: {type: ssh}, board: {type: tensor_board}, untyped: {port: 1}}
inputs: {data: {type: mltable, path: ./x}, value: {value: 1}}
outputs: {out: {type: uri_file}}
";
const BUILD: &str = "
command: echo
environment: {build: {path: ./context}}
distribution: {type: tensorflow}
identity: {type: aml_token}
";
const SWEEP: &str = "
type: sweep
trial: {command: echo, environment: azureml:e:1, distribution: {type: ray}}
search_space:
  choice: {type: choice, values: [1, {x: 2, y: {type: uniform, min_value: 0, max_value: 1}}]}
  randint: {type: randint, upper: 3}
  uniform: {type: uniform, min_value: 0, max_value: 1}
  quniform: {type: quniform, min_value: 0, max_value: 1, q: 1}
  normal: {type: normal, mu: 0, sigma: 1}
  qnormal: {type: qnormal, mu: 0, sigma: 1, q: 1}
sampling_algorithm: {type: random}
objective: {goal: minimize, primary_metric: loss}
limits: {max_total_trials: 4}
early_termination: {type: bandit, slack_factor: 0.1}
";
const GRID: &str = "
type: sweep
trial: {command: echo, environment: azureml:e:1}
search_space: {choice: {type: choice, values: [1]}}
sampling_algorithm: {type: grid}
objective: {goal: minimize, primary_metric: loss}
limits: {max_total_trials: 4}
early_termination: {type: median_stopping}
";
const PIPELINE: &str = "
type: pipeline
inputs: {data: {type: mltable}}
settings: {force_rerun: true}
jobs:
  command: {command: echo, environment: azureml:e:1, outputs: {out: {type: uri_file}}}
  sweep:
    type: sweep
    trial: azureml:c:1
    search_space: {choice: {type: choice, values: [1]}}
    sampling_algorithm: grid
    objective: {goal: minimize, primary_metric: loss}
    limits: {max_total_trials: 4}
    early_termination: {type: truncation_selection, truncation_percentage: 10}
  pipeline: {type: pipeline, component: azureml:c:1}
";
const COMPONENT: &str = "
$schema: commandComponent.schema.json
type: command
version: 1
command: echo
environment: azureml:e:1
inputs: {x: {type: integer}}
outputs: {out: {type: uri_folder}}
";
const PIPELINE_COMPONENT: &str = "
$schema: pipelineComponent.schema.json
type: pipeline
version: 1
jobs: {a: {command: echo, environment: azureml:e:1}}
";

/// A tree as JSON, with the types of YAML 1.1.
fn json(node: &Node) -> Value {
    match &node.value {
        yaml::Value::Null => Value::Null,
        yaml::Value::Bool(value) => (*value).into(),
        yaml::Value::Int(value) => (*value).into(),
        yaml::Value::Float(value) => (*value).into(),
        yaml::Value::BigInt(digits) => digits.parse::<f64>().unwrap().into(),
        yaml::Value::Str(text) => text.clone().into(),
        // No type of JSON: what the reader refuses, a list is here.
        yaml::Value::Date(_) => json!([]),
        yaml::Value::Seq(items) => items.iter().map(json).collect(),
        yaml::Value::Map(entries) => {
            let pairs = entries
                .iter()
                .map(|e| (e.key.text().to_owned(), json(&e.value)));
            Value::Object(pairs.collect())
        }
    }
}

fn parsed(text: &str) -> Value {
    json(&yaml::parse(text.as_bytes()).unwrap())
}

fn at<'v>(document: &'v mut Value, way: &str) -> &'v mut Map<String, Value> {
    let keys = way.split('.').filter(|key| !key.is_empty());
    let found = keys.fold(document, |value, key| &mut value[key]);
    found.as_object_mut().unwrap()
}

/// The validator for a file, which is a component or a job.
fn validator(document: &Value) -> &'static Validator {
    static JOB: LazyLock<Validator> = LazyLock::new(|| compiled(SchemaKind::Job));
    static COMPONENT: LazyLock<Validator> = LazyLock::new(|| compiled(SchemaKind::Component));
    match document.get("version") {
        Some(_) => &COMPONENT,
        None => &JOB,
    }
}

fn compiled(kind: SchemaKind) -> Validator {
    jsonschema::validator_for(&schema(kind)).unwrap()
}

/// The codes of the reader's findings at a path.
fn codes(document: &Value, path: &str) -> Vec<String> {
    let text = document.to_string();
    let (_, found) = JobText::new(text.as_bytes(), None).read_document();
    let here = found.into_iter().filter(|finding| finding.path == path);
    here.map(|finding| finding.code).collect()
}

fn path(way: &str, key: &str) -> String {
    format!("{way}.{key}").trim_start_matches('.').to_owned()
}

#[test]
fn every_file_of_this_test_is_read_and_fits_the_schema() {
    for text in [
        COMMAND,
        BUILD,
        SWEEP,
        GRID,
        PIPELINE,
        COMPONENT,
        PIPELINE_COMPONENT,
    ] {
        let (document, found) = JobText::new(text.as_bytes(), None).read_document();
        assert!(document.is_some(), "{text}{found:#?}");
        let value = parsed(text);
        let is_component = matches!(document, Some(Document::Component(_)));
        assert_eq!(is_component, value.get("version").is_some());
        let error = validator(&value)
            .validate(&value)
            .err()
            .map(|error| error.to_string());
        assert_eq!(error, None, "{text}");
    }
}

#[test]
fn the_reader_and_the_schema_know_the_same_keys() {
    let whole = schema(SchemaKind::Job);
    let definitions = whole["definitions"].as_object().unwrap();
    let known = |name: &str| -> BTreeSet<String> {
        let keys = definitions[name]["properties"].as_object().unwrap();
        keys.keys().cloned().collect()
    };
    let all: BTreeSet<String> = PLACES.iter().flat_map(|(name, ..)| known(name)).collect();
    assert!(all.len() > 100);
    for (name, text, way) in PLACES {
        let (known, closed) = (
            known(name),
            definitions[*name]["additionalProperties"] == false,
        );
        let document = parsed(text);
        let validator = validator(&document);
        for key in all.iter().chain([&"no_such_key".to_owned()]) {
            if key == "value" && name.ends_with("ataInput") {
                // It makes another kind of input of it.
                continue;
            }
            let mut document = document.clone();
            at(&mut document, way).entry(key).or_insert(Value::Null);
            let refused = codes(&document, &path(way, key)).contains(&"unknown-key".into());
            assert_eq!(refused, !known.contains(key), "{name} at {way}: {key}");
            if refused {
                let fits = validator.is_valid(&document);
                assert_eq!(fits, !closed, "{name} at {way}: {key}");
            }
        }
    }
}

#[test]
fn no_definition_and_no_hover_text_is_forgotten() {
    let whole = schema(SchemaKind::Job);
    let tested: BTreeSet<_> = PLACES
        .iter()
        .chain(TYPED)
        .map(|(name, ..)| *name)
        .chain(OTHERS)
        .collect();
    let definitions = whole["definitions"].as_object().unwrap();
    assert_eq!(
        definitions
            .keys()
            .map(String::as_str)
            .collect::<BTreeSet<_>>(),
        tested
    );
    for (name, definition) in definitions {
        for (key, schema) in definition["properties"].as_object().into_iter().flatten() {
            assert!(schema["description"].is_string(), "{name}.{key}");
        }
    }
}

/// The words that a key's schema lists.
fn listed(schema: &Value) -> Vec<String> {
    let words = schema
        .get("enum")
        .or_else(|| schema.pointer("/anyOf/0/enum"));
    let words = words.and_then(Value::as_array).into_iter().flatten();
    words
        .map(|word| word.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_word_of_the_schema_is_read_and_every_other_is_refused() {
    let whole = schema(SchemaKind::Job);
    let mut tried = 0;
    for (name, text, way) in PLACES.iter().chain(TYPED) {
        let properties = whole["definitions"][*name]["properties"]
            .as_object()
            .unwrap();
        for (key, words) in properties.iter().map(|(key, schema)| (key, listed(schema))) {
            let mut document = parsed(text);
            let validator = validator(&document);
            let mut try_word = |word: &str| {
                at(&mut document, way).insert(key.clone(), word.into());
                let found = codes(&document, &path(way, key));
                let refused = ["unknown-value", "unknown-type"]
                    .iter()
                    .any(|code| found.contains(&(*code).to_owned()));
                (refused, validator.is_valid(&document))
            };
            for word in &words {
                assert!(!try_word(word).0, "{name}.{key}: {word}");
                tried += 1;
            }
            // A component of another type is kept as it is.
            let any_other = name.ends_with("Component");
            if !words.is_empty() && !any_other {
                assert_eq!(try_word("no_such_word"), (true, false), "{name}.{key}");
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn words_count_in_any_case_where_the_reader_takes_them_so() {
    let mut document = parsed(COMMAND);
    at(&mut document, "distribution").insert("type".into(), "PyTorch".into());
    at(&mut document, "identity").insert("type".into(), "ManagedIdentity".into());
    at(&mut document, "queue_settings").insert("priority".into(), "HIGH".into());
    let validator = validator(&document);
    assert!(validator.is_valid(&document));
    at(&mut document, "").insert("type".into(), "Command".into());
    assert!(!validator.is_valid(&document));
}

/// Real files that do not fit the schema, and why.
const UNFIT: &[(&str, &str)] = &[
    (
        "cli/jobs/nebulaml/cifar10_deepspeed/job.yml",
        "the environment is a hint to fill it in",
    ),
    (
        "cli/responsible-ai/cli-responsibleaidashboard-programmer-regression/train_programmers.yml",
        "a component's inputs in a job",
    ),
];

#[test]
fn every_real_job_fits_the_schema() {
    let Some(corpus) = corpus::root("real jobs and the schema") else {
        return;
    };
    let validator = compiled(SchemaKind::Job);
    let mut broken = Vec::new();
    for (file, text) in corpus::files(&corpus, "examples", &["command", "sweep", "pipeline"]) {
        let value = json(&yaml::parse(&text).unwrap());
        let error = validator.validate(&value).err();
        if error.is_some() != UNFIT.iter().any(|(name, _)| *name == file) {
            broken.push(format!("{file}: {error:?}"));
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// Every file below a folder.
fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => below(&path, found),
            false => found.push(path),
        }
    }
}

#[test]
fn every_real_component_fits_the_schema() {
    let Some(corpus) = corpus::root("real components and the schema") else {
        return;
    };
    let validator = compiled(SchemaKind::Component);
    let mut paths = Vec::new();
    below(&corpus.join("components"), &mut paths);
    let mut fitting = 0;
    for path in paths {
        let text = std::fs::read(&path).unwrap();
        // Without a loader: what the file names is looked at as a file of its own.
        let (Some(Document::Component(_)), _) = JobText::new(&text, None).read_document() else {
            continue;
        };
        let value = json(&yaml::parse(&text).unwrap());
        let error = validator.validate(&value).err();
        assert!(error.is_none(), "{}: {error:?}", path.display());
        fitting += 1;
    }
    assert!(fitting > 50, "{fitting}");
}

/// Faulty files that fit the schema, and why: no schema sees any of that.
const TOLERATED: &[(&str, &str)] = &[
    ("019", "a name that is not defined"),
    ("021", "the inside of a command"),
    ("023", "a name that is not defined"),
    ("207", "two numbers compared"),
    ("209", "a pairing of two keys"),
    ("213", "a name that is not defined"),
    ("303", "a name that is not defined"),
    ("305", "a name that is not defined"),
    ("307", "a circle"),
    ("311", "a name that is not defined"),
    ("317", "the inside of a binding"),
];

#[test]
fn every_faulty_job_is_refused_by_the_schema_too() {
    let Some(corpus) = corpus::root("faulty jobs and the schema") else {
        return;
    };
    let validator = compiled(SchemaKind::Job);
    let mut broken = Vec::new();
    for (file, text) in corpus::files(
        &corpus,
        "invalid",
        &["command", "bytes/command", "sweep", "pipeline"],
    ) {
        // What is no YAML never reaches a schema.
        let Ok(root) = yaml::parse(&text) else {
            continue;
        };
        let is_read = JobText::new(&text, None).read_any().job.is_some();
        let fits = validator.is_valid(&json(&root));
        let tolerated = TOLERATED.iter().any(|(number, _)| *number == &file[..3]);
        if fits != (is_read || tolerated) {
            broken.push(format!("{file}: read {is_read}, fits {fits}"));
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}
