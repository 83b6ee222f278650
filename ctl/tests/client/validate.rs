//! `validate` of files of every type, and `--set`.

use proto::api::{Request, Submit};
use proto::diagnostic::{Diagnostic, Severity};

use crate::fake::{Fake, Folder};
use crate::run::finish;
use crate::sample::submitted;

const COMMAND: &str = "command: echo\nenvironment: azureml:x:1\n";
const COMPONENT: &str = "\
    $schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json\n\
    command: echo ${{inputs.x}}\nenvironment: azureml:x:1\ninputs:\n  x: {type: integer}\n";
const PIPELINE: &str = "\
    type: pipeline\njobs:\n  one:\n    component: ./parts/one.yml\n    inputs:\n      x: 1\n";
/// Rows of a terminal of 80 columns that a finding may take.
const ROWS_MAX: usize = 7;

fn json(home: &Folder, words: &[&str]) -> Vec<Diagnostic> {
    let words = [words, &["-o", "json"]].concat();
    serde_json::from_str(&finish(&home.0, &words).stdout).unwrap()
}

#[test]
fn a_pipeline_is_checked_with_the_components_that_it_names() {
    let home = Folder::new();
    std::fs::create_dir_all(home.0.join("flow/parts")).unwrap();
    home.file("flow/job.yml", PIPELINE);
    home.file("flow/parts/one.yml", COMPONENT);
    let run = finish(&home.0, &["validate", "flow/job.yml"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "flow/job.yml: valid\n")
    );
    assert_eq!(
        run.stderr.matches("cannot run them yet").count(),
        1,
        "{}",
        run.stderr
    );

    home.file("flow/parts/one.yml", COMPONENT.replace("integer", "intger"));
    let run = finish(&home.0, &["validate", "flow/job.yml"]);
    assert_eq!((run.code, run.stdout.as_str()), (125, ""));
    insta::assert_snapshot!(run.stderr);

    std::fs::remove_file(home.0.join("flow/parts/one.yml")).unwrap();
    let missing = json(&home, &["validate", "flow/job.yml"]);
    let missing: Vec<_> = missing
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .collect();
    assert_eq!((missing.len(), missing[0].code.as_str()), (1, "no-file"));
}

#[test]
fn a_component_that_is_no_regular_file_keeps_nobody_waiting() {
    let home = Folder::new();
    std::fs::create_dir(home.0.join("parts")).unwrap();
    let mode = nix::sys::stat::Mode::S_IRWXU;
    nix::unistd::mkfifo(&home.0.join("parts/one.yml"), mode).unwrap();
    home.file("job.yml", PIPELINE);
    let run = finish(&home.0, &["validate", "job.yml"]);
    assert_eq!(run.code, 125);
    assert!(
        run.stderr.contains("parts/one.yml: is not a regular file"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_component_is_checked_as_one() {
    let home = Folder::new();
    home.file("one.yml", COMPONENT);
    let run = finish(&home.0, &["validate", "one.yml"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "one.yml: valid component\n")
    );
    home.file("one.yml", COMPONENT.replace("inputs.x", "inputs.y"));
    let found = json(&home, &["validate", "one.yml"]);
    assert_eq!(
        (found[0].code.as_str(), found[0].span.line),
        ("unknown-reference", 2)
    );
}

#[test]
fn strict_refuses_what_has_a_note() {
    let home = Folder::new();
    home.file("job.yml", format!("compute: gpu\n{COMMAND}"));
    assert_eq!(finish(&home.0, &["validate", "job.yml"]).code, 0);
    let run = finish(&home.0, &["validate", "--strict", "job.yml"]);
    assert_eq!((run.code, run.stdout.as_str()), (125, ""));
    assert!(
        run.stderr.starts_with("job.yml:1:10: error: compute: "),
        "{}",
        run.stderr
    );
    let found = json(&home, &["validate", "--strict", "job.yml"]);
    assert!(
        found
            .iter()
            .all(|finding| finding.severity == Severity::Error)
    );
}

#[test]
fn a_program_gets_the_findings_of_all_files() {
    let home = Folder::new();
    home.file("a.yml", format!("{COMMAND}limts: {{}}\ntags: [a]\n"));
    home.file("b.yml", "command: echo\n");
    let found = json(&home, &["validate", "a.yml", "none.yml", "b.yml"]);
    let errors = found
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    let shown: Vec<_> = errors
        .map(|d| (d.file.as_deref().unwrap(), d.span.line, d.code.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("none.yml", 0, "unreadable"),
            ("a.yml", 3, "unknown-key"),
            ("a.yml", 4, "wrong-type"),
            ("b.yml", 1, "missing-key"),
        ]
    );
}

#[test]
fn what_is_set_is_checked_as_if_the_file_held_it() {
    let home = Folder::new();
    home.file("job.yml", COMMAND);
    let words = [
        "validate",
        "job.yml",
        "--set",
        "limits.timeout=60",
        "--set",
        "tags.a=b",
    ];
    assert_eq!(finish(&home.0, &words).code, 0);
    let mut shown = String::new();
    for set in [
        "limits.timeout=soon",
        "limts.timeout=1",
        "environment.image=i",
        "code=./none",
    ] {
        let found = json(&home, &["validate", "job.yml", "--set", set]);
        let errors = found.iter().filter(|d| d.severity == Severity::Error);
        errors.for_each(|error| shown += &format!("{error}\n"));
    }
    insta::assert_snapshot!(shown.replace(home.0.to_str().unwrap(), "HOME"));
}

#[test]
fn the_daemon_gets_what_is_set() {
    let fake = Fake::start(|_, peer| peer.reply(&submitted(&["a"])));
    fake.home.file("job.yml", COMMAND);
    finish(
        &fake.home.0,
        &["submit", "job.yml", "--set", "inputs.lr=0.5"],
    );
    finish(&fake.home.0, &["submit", "job.yml"]);
    let seen = fake.seen();
    let [
        Request::Submit(Submit { jobs: set }),
        Request::Submit(Submit { jobs: plain }),
    ] = &seen[..]
    else {
        panic!("{seen:?}");
    };
    let overrides = set[0].overrides.as_ref().unwrap();
    assert_eq!(
        (overrides[0].path.as_str(), overrides[0].value.as_str()),
        ("inputs.lr", "0.5")
    );
    assert_eq!(plain[0].overrides, None);
}

#[test]
fn no_finding_is_longer_than_a_few_lines() {
    let home = Folder::new();
    let long = "x".repeat(5000);
    home.file("unknown.yml", format!("{COMMAND}zzz: 1\n"));
    home.file("long.yml", format!("{COMMAND}{long}: {long}\n"));
    home.file("name.yml", format!("{COMMAND}name: '{long} {long}'\n"));
    home.file(
        "words.yml",
        format!("{COMMAND}distribution: {{type: {long}}}\n"),
    );
    home.file(
        "command.yml",
        format!("environment: azureml:e:1\ncommand: {long} ${{{{inputs.x}}}} {long}\n"),
    );
    for file in [
        "unknown.yml",
        "long.yml",
        "name.yml",
        "words.yml",
        "command.yml",
    ] {
        let count = json(&home, &["validate", file]).len();
        let run = finish(&home.0, &["validate", file]);
        let rows = run
            .stderr
            .lines()
            .map(|line| line.chars().count().div_ceil(80).max(1));
        let rows: usize = rows.sum();
        assert!(
            rows <= count * ROWS_MAX,
            "{file}: {rows} rows for {count}\n{}",
            run.stderr
        );
    }
}
