//! Every real job and component is read, dumped, read again as the same, and loaded from the
//! dump by the real SDK, which must see in it what it sees in the original file.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jobd_tests::corpus::{
    self, Components, NO_JOBS, UNSEEN_BY_SDK, component_files, errors, files,
};
use jobd_tests::difference::{Difference, differences};
use jobd_tests::harness::Folder;
use jobd_tests::sdk;
use proto::job;
use serde_json::{Value, json};

/// A file that was read, with its dump.
struct Dumped {
    file: String,
    kind: &'static str,
    yaml: String,
    reloads_equal: bool,
}

/// How many files came how far.
#[derive(Default)]
struct Row {
    files: usize,
    read: usize,
    dumped: usize,
    equal: usize,
    accepted: usize,
    same: usize,
}

/// Reads and dumps a job; nothing where the file is none.
fn dump_job(corpus: &Path, file: &str, text: &[u8]) -> Option<Dumped> {
    let loader = Components::of(corpus, file);
    let mut reading = job::read_any(text, Some(file), Some(&loader));
    if loader.missing() {
        reading = job::read_any(text, Some(file), None);
    }
    let found = errors(&reading.diagnostics);
    if let Some((_, path)) = NO_JOBS.iter().find(|(name, _)| *name == file) {
        assert_eq!(found[0].path, *path, "{file}");
        return None;
    }
    assert!(found.is_empty(), "{file}: {found:#?}");
    let job = reading.job.unwrap();
    let json = serde_json::to_string(&job).unwrap();
    assert_eq!(
        serde_json::from_str::<job::Job>(&json).unwrap(),
        job,
        "{file}"
    );
    let yaml = job::dump_job(&job);
    let again = job::read_any(yaml.as_bytes(), None, None);
    Some(Dumped {
        file: file.to_owned(),
        kind: "job",
        reloads_equal: again.job == Some(job),
        yaml,
    })
}

fn dump_component(corpus: &Path, file: &str, text: &[u8]) -> Dumped {
    let loader = Components::of(corpus, file);
    let mut reading = job::read_component(text, Some(file), Some(&loader));
    if loader.missing() {
        reading = job::read_component(text, Some(file), None);
    }
    let found = errors(&reading.diagnostics);
    assert!(found.is_empty(), "{file}: {found:#?}");
    let component = reading.component.unwrap();
    let yaml = job::dump_component(&component);
    let again = job::read_component(yaml.as_bytes(), None, None);
    Dumped {
        file: file.to_owned(),
        kind: "component",
        reloads_equal: again.component == Some(component),
        yaml,
    }
}

/// Where a file's dump is written: beside the file, because its paths are relative to there.
fn beside(file: &Path) -> PathBuf {
    file.with_extension("dumped.yml")
}

/// A folder with jobs, components and the dumps of both.
fn lay_out(corpus: &Path, all: &[Dumped]) -> Folder {
    let folder = Folder::new();
    for tree in ["components", "examples"] {
        copy(&corpus.join(tree), folder.path());
    }
    for one in all {
        fs::write(beside(&folder.path().join(&one.file)), &one.yaml).unwrap();
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::write(to, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// The SDK's views of each file and of its dump, or its errors.
fn views(folder: &Path, all: &[Dumped]) -> Vec<(Value, Value)> {
    let files = all.iter().flat_map(|one| {
        let file = folder.join(&one.file);
        [
            json!({"file": file, "kind": one.kind}),
            json!({"file": beside(&file), "kind": one.kind}),
        ]
    });
    let answer = sdk::ask("load.py", folder, &files.collect());
    let answers = answer.as_array().unwrap();
    assert_eq!(answers.len(), 2 * all.len());
    answers
        .chunks(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect()
}

/// Two ways to say one thing.
fn means_the_same(found: &Difference) -> bool {
    let (path, original, dump) = (found.path.as_str(), &found.left, &found.right);
    // Whatever an editor makes of the schema's address, it says nothing about the job.
    if path.ends_with(".$schema") {
        return true;
    }
    let folder = json!({"type": "uri_folder"});
    let is_folder = |value: &Value| value.is_null() || *value == folder;
    // An output of a job about which nothing is said is a folder.
    if path == ".dict.outputs" {
        let all = dump.as_object().into_iter().flat_map(|map| map.values());
        return original.is_null() && all.clone().count() > 0 && all.clone().all(is_folder);
    }
    if path.starts_with(".dict.outputs.") && !path.ends_with(".type") {
        return is_folder(original) && is_folder(dump);
    }
    // The documentation knows `mount` as another word.
    if path.contains(".outputs.") && path.ends_with(".mode") {
        return original == "mount" && dump == "rw_mount";
    }
    // Bounds of distributions are numbers, whole or not.
    path.contains(".search_space.") && original.is_number() && original.as_f64() == dump.as_f64()
}

/// Why the SDK does not see in a dump what it sees in the original; nothing where it does.
fn objection(original: &Value, dump: &Value) -> Option<String> {
    if let Some(error) = original["error"].as_str() {
        return Some(format!("original: {error}"));
    }
    if let Some(error) = dump["error"].as_str() {
        return Some(format!("dump: {error}"));
    }
    let found = differences(&original["ok"], &dump["ok"]).into_iter();
    let found: Vec<_> = found
        .filter(|one| !means_the_same(one))
        .map(|one| one.to_string())
        .collect();
    (!found.is_empty()).then(|| format!("differs: {}", found.join("; ")))
}

fn print(table: &BTreeMap<&str, Row>) -> String {
    let mut lines = vec![
        "           files  read+valid  dumped  reloaded equal  accepted by SDK  same to SDK"
            .to_owned(),
    ];
    lines.extend(table.iter().map(|(kind, row)| {
        format!(
            "{kind:10} {:5} {:11} {:7} {:15} {:16} {:12}",
            row.files, row.read, row.dumped, row.equal, row.accepted, row.same
        )
    }));
    lines.join("\n")
}

#[test]
fn the_sdk_sees_in_our_dumps_what_it_sees_in_the_originals() {
    let Some(corpus) = corpus::root("real jobs") else {
        return;
    };
    let jobs = files(&corpus, "examples", &["command", "sweep", "pipeline"]);
    let components = component_files(&corpus);
    let mut table: BTreeMap<&str, Row> = BTreeMap::new();
    table.entry("job").or_default().files = jobs.len();
    table.entry("component").or_default().files = components.len();
    let mut all: Vec<_> = jobs
        .iter()
        .filter_map(|(file, text)| dump_job(&corpus, file, text))
        .collect();
    all.extend(
        components
            .iter()
            .map(|(file, text)| dump_component(&corpus, file, text)),
    );

    let folder = lay_out(&corpus, &all);
    let mut wrong = Vec::new();
    for (one, (original, dump)) in all.iter().zip(views(folder.path(), &all)) {
        let row = table.get_mut(one.kind).unwrap();
        row.read += 1;
        row.dumped += usize::from(!one.yaml.is_empty());
        row.equal += usize::from(one.reloads_equal);
        row.accepted += usize::from(dump.get("ok").is_some());
        let objection = objection(&original, &dump);
        row.same += usize::from(objection.is_none());
        if !one.reloads_equal {
            wrong.push(format!(
                "{} does not survive its dump:\n{}",
                one.file, one.yaml
            ));
        }
        let known = UNSEEN_BY_SDK.iter().find(|(file, ..)| *file == one.file);
        match (objection, known) {
            (None, None) => {}
            (Some(text), Some((_, part, why))) if text.contains(part) => {
                corpus::tell(&format!("{}: {why}", one.file))
            }
            (Some(text), _) => wrong.push(format!("{}: {text}", one.file)),
            (None, Some(_)) => wrong.push(format!("{} is no exception any more", one.file)),
        }
    }
    corpus::tell(&print(&table));
    let exceptions: std::collections::BTreeSet<_> =
        UNSEEN_BY_SDK.iter().map(|(file, ..)| *file).collect();
    for file in exceptions
        .iter()
        .filter(|file| all.iter().all(|one| one.file != **file))
    {
        wrong.push(format!("{file} is an exception but no file"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
