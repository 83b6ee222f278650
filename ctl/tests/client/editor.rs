//! `init` and `schema`: files to begin with, and what editors read.

use crate::fake::Folder;
use crate::run::finish;

const TYPES: [&str; 3] = ["command", "sweep", "pipeline"];

#[test]
fn every_starter_file_is_valid() {
    let home = Folder::new();
    for kind in TYPES {
        let file = format!("{kind}.yml");
        let run = finish(&home.0, &["init", kind, &file]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        let run = finish(&home.0, &["validate", &file]);
        assert_eq!((run.code, run.stdout), (0, format!("{file}: valid\n")));
        // Notes say what this release cannot do; nothing in the file is a mistake.
        let found = finish(&home.0, &["validate", &file, "-o", "json"]).stdout;
        let found: Vec<proto::diagnostic::Diagnostic> = serde_json::from_str(&found).unwrap();
        let codes: Vec<_> = found.iter().map(|finding| finding.code.as_str()).collect();
        let expected = |code: &&&str| ["no-effect", "unsupported-type"].contains(*code);
        assert_eq!(
            codes.iter().filter(expected).count(),
            codes.len(),
            "{codes:?}"
        );
    }
}

#[test]
fn a_starter_file_replaces_nothing_without_force() {
    let home = Folder::new();
    home.file("job.yml", "mine\n");
    let run = finish(&home.0, &["init", "command", "job.yml"]);
    assert_eq!(run.code, 125);
    assert_eq!(run.stderr, "jobctl: job.yml exists; --force replaces it\n");
    assert_eq!(
        std::fs::read_to_string(home.0.join("job.yml")).unwrap(),
        "mine\n"
    );
    assert_eq!(
        finish(&home.0, &["init", "command", "job.yml", "--force"]).code,
        0
    );
    let written = std::fs::read_to_string(home.0.join("job.yml")).unwrap();
    for words in [&["init", "command"][..], &["init", "command", "-"]] {
        assert_eq!(finish(&home.0, words).stdout, written);
    }
}

#[test]
fn the_schema_is_printed_whole_or_of_one_type() {
    let home = Folder::new();
    let print = |words: &[&str]| -> serde_json::Value {
        let run = finish(&home.0, words);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        serde_json::from_str(&run.stdout).unwrap()
    };
    let whole = print(&["schema"]);
    assert_eq!(whole["$schema"], "http://json-schema.org/draft-07/schema#");
    assert!(whole["definitions"]["sweepJob"].is_object());
    for kind in TYPES.into_iter().chain(["component"]) {
        let one = print(&["schema", kind]);
        assert!(one["title"].as_str().unwrap().contains(kind));
    }
    let command = print(&["schema", "command"]);
    assert!(command["definitions"]["sweepJob"].is_null());
    let timeout = &command["definitions"]["limits"]["properties"]["timeout"];
    assert_eq!(timeout["minimum"], 1);
}
