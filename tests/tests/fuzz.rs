//! The reader and the expression parser against texts made by chance from a few seeds, for
//! `JOBD_FUZZ_SECS` seconds: a minute in CI, else five seconds. `JOBD_FUZZ_SEED` repeats a run.
//! What goes wrong is written to a file, whose path is printed.
//!
//! Whatever the text: no panic, an answer soon, places inside the text; and what is accepted
//! survives its dump.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use jobd_tests::mutate::{Chance, mutate};
use proto::diagnostic::{Diagnostic, Severity};
use proto::expression::{Part, Reference, Template};
use proto::job;

/// Time that one text of some kilobytes may take without optimization on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);
/// Texts that are kept because they led somewhere new.
const KEPT_MAX: usize = 2_000;

const WORDS: &[&str] = &[
    "type",
    "command",
    "sweep",
    "pipeline",
    "component",
    "inputs",
    "outputs",
    "jobs",
    "trial",
    "environment",
    "environment_variables",
    "code",
    "compute",
    "resources",
    "limits",
    "timeout",
    "distribution",
    "services",
    "identity",
    "queue_settings",
    "tags",
    "properties",
    "name",
    "path",
    "mode",
    "value",
    "default",
    "optional",
    "search_space",
    "sampling_algorithm",
    "early_termination",
    "objective",
    "image",
    "build",
    "conda_file",
    "parameters",
    "uri_file",
    "mltable",
    "choice",
    "values",
    "uniform",
    "min_value",
    "null",
    "~",
    "true",
    "yes",
    "0",
    "-1",
    "1.5",
    "1e3",
    "0x10",
    "017",
    "12:30:45",
    "1_000",
    ".inf",
    ".nan",
    "2024-01-02",
    "1e400",
    "99999999999999999999",
    "azureml:",
    "azureml:a:1",
    "azureml://a",
    "file:",
    "./x",
    "https://x",
    "''",
    "\"\"",
    "\"\\x41\\u00e9\"",
    ": ",
    "- ",
    "? ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "\n",
    "\n  ",
    "\n    ",
    "\t",
    "\r\n",
    "#",
    " #",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!!int ",
    "!x ",
    "|\n",
    ">-\n",
    "|2+\n",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "\u{feff}",
    "\u{1f600}",
    "\u{2028}",
    "\u{85}",
    "\0",
    "'",
    "\"",
    "\\",
    "@",
    "`",
    "=",
    "${{inputs.a}}",
    "${{outputs.o}}",
    "${{ inputs.a }}",
    "$[[--x ${{inputs.a}}]]",
    "{inputs.a}",
    "${{",
    "}}",
    "$[[",
    "]]",
    "${{search_space.a}}",
    "${{parent.inputs.x}}",
    "${{parent.jobs.a.outputs.o}}",
    "${{name}}",
    "inputs.",
    "parent.",
    "jobs.",
    ".",
    "a",
    "$",
];

fn seconds() -> u64 {
    let given = std::env::var("JOBD_FUZZ_SECS").ok();
    let usual = if std::env::var_os("CI").is_some() {
        60
    } else {
        5
    };
    given.map_or(usual, |text| text.parse().unwrap())
}

fn seed() -> u64 {
    let now = || {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap().as_secs()
    };
    let given = std::env::var("JOBD_FUZZ_SEED").ok();
    given.map_or_else(now, |text| text.parse().unwrap())
}

/// The job files that are shipped with the tests.
fn seeds() -> Vec<Vec<u8>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<PathBuf> = ["fuzz/seeds", "sdk/cases", "jobs"]
        .iter()
        .flat_map(|folder| fs::read_dir(tests.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yml"))
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Tries texts until the time is over; `check` gives what tells one kind of text from another.
fn fuzz(what: &str, share: u32, seeds: Vec<Vec<u8>>, check: fn(&[u8]) -> String) {
    let (seconds, seed) = (seconds(), seed());
    let end = Instant::now() + Duration::from_secs(seconds) * share / 4;
    let mut chance = Chance::new(seed);
    let mut known = HashSet::new();
    let mut kept = seeds.clone();
    let mut tried = 0_u64;
    while Instant::now() < end || tried < u64::try_from(seeds.len()).unwrap() {
        let text = match seeds.get(usize::try_from(tried).unwrap()) {
            Some(seed) => seed.clone(),
            None => mutate_one(&mut chance, &kept, &seeds),
        };
        tried += 1;
        let kind = try_one(what, seed, &text, check);
        if known.insert(kind) && kept.len() < KEPT_MAX {
            kept.push(text);
        }
    }
    println!(
        "{what}: {tried} texts of {} kinds, JOBD_FUZZ_SEED={seed}",
        known.len()
    );
}

fn mutate_one(chance: &mut Chance, kept: &[Vec<u8>], seeds: &[Vec<u8>]) -> Vec<u8> {
    let text = chance.choose(kept);
    mutate(chance, text, seeds, WORDS)
}

fn try_one(what: &str, seed: u64, text: &[u8], check: fn(&[u8]) -> String) -> String {
    let began = Instant::now();
    let checked = catch_unwind(AssertUnwindSafe(|| check(text)));
    let took = began.elapsed();
    let fault = match &checked {
        Ok(_) if took > PATIENCE => format!("took {took:?}"),
        Ok(kind) => return kind.clone(),
        Err(_) => "failed as said above".to_owned(),
    };
    let file = std::env::temp_dir().join(format!("jobd-fuzz-{what}-{seed}"));
    fs::write(&file, text).unwrap();
    panic!("{} {fault}; JOBD_FUZZ_SEED={seed}", file.display());
}

/// The codes of findings, which tell one kind of file from another, and a check of their places.
fn judge(text: &[u8], found: &[Diagnostic]) -> String {
    let lines = 1 + text
        .iter()
        .filter(|byte| matches!(byte, b'\n' | b'\r'))
        .count();
    let mut codes = String::new();
    for one in found {
        let line = one.span.line;
        // U+0085, U+2028 and U+2029 may count as ends of lines as well.
        assert!(line <= lines + text.len(), "{one}");
        assert!(
            one.severity != Severity::Error || line > 0,
            "no place: {one}"
        );
        let shown = one.to_string();
        assert!(
            shown.len() < 4096,
            "{} bytes are said: {shown}",
            shown.len()
        );
        if !codes.contains(&one.code) {
            codes += &one.code;
            codes.push(' ');
        }
    }
    codes
}

fn read(text: &[u8]) -> String {
    let reading = job::read_any(text, Some("f.yml"), None);
    let mut kind = judge(text, &reading.diagnostics);
    let errors = |found: &[Diagnostic]| found.iter().any(|d| d.severity == Severity::Error);
    assert_eq!(reading.job.is_none(), errors(&reading.diagnostics));
    if let Some(read) = reading.job {
        let json = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<job::Job>(&json).unwrap(), read);
        let dumped = job::dump_job(&read);
        let again = job::read_any(dumped.as_bytes(), None, None);
        assert_eq!(again.job, Some(read), "{dumped}\n{:#?}", again.diagnostics);
        kind += "job";
    }
    let runnable = job::read(text, Some("f.yml"));
    kind += &judge(text, &runnable.diagnostics);
    let reading = job::read_component(text, Some("f.yml"), None);
    kind += &judge(text, &reading.diagnostics);
    if let Some(read) = reading.component {
        let dumped = job::dump_component(&read);
        let again = job::read_component(dumped.as_bytes(), None, None);
        assert_eq!(
            again.component,
            Some(read),
            "{dumped}\n{:#?}",
            again.diagnostics
        );
        kind += "component";
    }
    kind
}

#[test]
fn the_reader_survives_any_file() {
    for seed in seeds() {
        let reading = job::read_any(&seed, None, None);
        assert!(
            reading.job.is_some(),
            "a seed is no job: {:#?}",
            reading.diagnostics
        );
    }
    fuzz("reader", 3, seeds(), read);
}

/// What a template keeps of its text, with every reference as it stood there.
fn written(text: &str, parts: &[Part], out: &mut String) {
    for part in parts {
        match part {
            Part::Text(piece) => out.push_str(piece),
            Part::Reference(Reference { at, .. }) => out.push_str(&text[at.clone()]),
            Part::Optional(inside) => {
                out.push_str("$[[");
                written(text, inside, out);
                out.push_str("]]");
            }
        }
    }
}

fn parse(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (template, faults) = Template::parse_past_faults(&text);
    assert_eq!(Template::parse(&text).is_ok(), faults.is_empty());
    let mut kind = String::new();
    for fault in &faults {
        assert!(text.get(fault.at.clone()).is_some(), "{fault:?}");
        kind += &format!("{:?}", std::mem::discriminant(&fault.problem));
    }
    for reference in template.references() {
        assert!(text.get(reference.at.clone()).is_some(), "{reference:?}");
        kind += &format!("{:?}", reference.context);
    }
    if faults.is_empty() {
        let mut again = String::new();
        written(&text, template.parts(), &mut again);
        assert_eq!(again, text);
    }
    let rendered = template.render(|reference| Some(format!("<{reference}>")));
    assert!(rendered.is_ok() || !faults.is_empty());
    kind.truncate(200);
    kind
}

#[test]
fn the_expression_parser_survives_any_text() {
    let seeds = [
        "${{inputs.a}} $[[--x ${{inputs.b}}]] {outputs.c}",
        "${{parent.jobs.s.outputs.o}} ${{ name }}",
    ];
    let seeds = seeds.iter().map(|text| text.as_bytes().to_vec()).collect();
    fuzz("expressions", 1, seeds, parse);
}
