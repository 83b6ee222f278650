//! The rules of the house that a machine can check: layout, sizes, directions, words.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a source file at most.
const FILE_LINES_MAX: usize = 500;
/// Names at the top of the repository.
const TOP: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "daemon",
    "ctl",
    "proto",
    "tests",
    "systemd",
    "README.md",
    "CHANGELOG.md",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// Every Rust file below a folder, with its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} holds no source");
    found.sort();
    found
}

fn all_sources() -> Vec<(String, String)> {
    ["proto", "daemon", "ctl", "tests"]
        .into_iter()
        .flat_map(sources)
        .collect()
}

fn is_test(name: &str) -> bool {
    name.starts_with("tests/")
        || name.contains("/tests/")
        || name.ends_with("/tests.rs")
        || name.ends_with("/simulation.rs")
        || name.contains("/simulation/")
}

/// The lines of a file before its unit tests.
fn product(text: &str) -> Vec<&str> {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .collect()
}

fn report(broken: Vec<String>) {
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn the_top_level_is_as_fixed() {
    let broken = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && !name.starts_with("LICENSE") && name != "target")
        .filter(|name| !TOP.contains(&name.as_str()))
        .collect();
    report(broken);
}

#[test]
fn files_stay_small() {
    let broken = all_sources()
        .into_iter()
        .filter_map(|(name, text)| {
            let lines = text.lines().count();
            (lines > FILE_LINES_MAX).then(|| format!("{name}: {lines} lines"))
        })
        .collect();
    report(broken);
}

#[test]
fn every_file_says_what_it_is_for() {
    let broken = all_sources()
        .into_iter()
        .filter(|(_, text)| {
            !text
                .trim_start_matches("#!")
                .trim_start()
                .starts_with("//!")
        })
        .map(|(name, _)| format!("{name}: no module documentation at its top"))
        .collect();
    report(broken);
}

#[test]
fn nothing_panics_outside_tests() {
    let words = [
        ".unwrap()",
        ".expect(",
        "todo!(",
        "unimplemented!(",
        "panic!(",
    ];
    let mut broken = Vec::new();
    for (name, text) in all_sources() {
        if is_test(&name) {
            continue;
        }
        for (number, line) in product(&text).into_iter().enumerate() {
            let code = line.trim_start();
            if !code.starts_with("//") && words.iter().any(|word| code.contains(word)) {
                broken.push(format!("{name}:{}: {}", number + 1, code));
            }
        }
    }
    report(broken);
}

#[test]
fn unsafe_stays_in_sys_and_the_shim() {
    let broken = all_sources()
        .into_iter()
        .filter(|(name, _)| {
            !is_test(name)
                && ![
                    "proto/sys/",
                    "ctl/src/sys/",
                    "daemon/src/sys/",
                    "daemon/src/shim/",
                ]
                .iter()
                .any(|room| name.starts_with(room))
        })
        .filter(|(_, text)| {
            product(text)
                .iter()
                .any(|line| !line.trim_start().starts_with("//") && line.contains("unsafe {"))
        })
        .map(|(name, _)| name)
        .collect();
    report(broken);
}

#[test]
fn nothing_is_switched_off_without_a_reason() {
    let mut broken = Vec::new();
    for (name, text) in all_sources() {
        if name.ends_with("tidy.rs") {
            continue;
        }
        if text.contains("#[allow(") || text.contains("#![allow(") || text.contains("#[ignore") {
            broken.push(name);
        }
    }
    report(broken);
}

/// What must not stand in the files below a folder: which room may use which.
const FORBIDDEN: [(&str, &str); 10] = [
    (
        "proto/src/",
        "std::fs tokio std::net std::env:: SystemTime::now Instant::now",
    ),
    (
        "daemon/src/core/",
        "tokio tracing std::fs std::thread std::net rusqlite SystemTime Instant::now crate::engine \
         crate::store crate::exec crate::ipc crate::spool crate::sys crate::app",
    ),
    (
        "daemon/src/engine/",
        "std::fs crate::ipc crate::spool crate::app crate::shim",
    ),
    (
        "daemon/src/store/",
        "crate::engine crate::exec crate::ipc crate::spool crate::app",
    ),
    (
        "daemon/src/exec/",
        "crate::ipc crate::spool crate::app crate::shim",
    ),
    (
        "daemon/src/shim/",
        "tokio rusqlite tracing yaml crate::core crate::engine crate::store crate::exec crate::ipc \
         crate::spool crate::app crate::layout crate::settings",
    ),
    (
        "daemon/src/spool/",
        "crate::ipc crate::exec crate::app crate::shim",
    ),
    (
        "daemon/src/ipc/",
        "crate::spool crate::exec crate::app crate::shim",
    ),
    // It looks and changes nothing.
    (
        "daemon/src/doctor/",
        "crate::engine tokio fs::write fs::create fs::remove fs::rename set_permissions OpenOptions \
         File::create state::make state::take Store::open",
    ),
    (
        "daemon/src/sys/",
        "crate::core crate::engine crate::store crate::exec crate::ipc crate::app",
    ),
];

#[test]
fn the_dependency_directions_hold() {
    let mut broken = Vec::new();
    for (name, text) in all_sources() {
        for (folder, words) in FORBIDDEN {
            if !name.starts_with(folder) || is_test(&name) {
                continue;
            }
            for line in product(&text) {
                let code = line.trim_start();
                let word = words
                    .split_whitespace()
                    .find(|word| !code.starts_with("//") && code.contains(word));
                broken.extend(word.map(|word| format!("{name}: {word} in {code}")));
            }
        }
    }
    report(broken);
}

/// One file (or its folder) knows the YAML libraries.
#[test]
fn only_the_yaml_room_names_a_yaml_library() {
    let broken = all_sources()
        .into_iter()
        .filter(|(name, _)| !name.starts_with("proto/src/yaml") && !is_test(name))
        .filter(|(_, text)| text.contains("serde_yaml::") || text.contains("granit_parser::"))
        .map(|(name, _)| name)
        .collect();
    report(broken);
}

#[test]
fn mod_files_hold_no_logic() {
    let broken = all_sources()
        .into_iter()
        .filter(|(name, _)| name.starts_with("daemon/src/") || name.starts_with("proto/src/"))
        .filter(|(name, _)| name.ends_with("/mod.rs") || name.ends_with("/lib.rs"))
        .flat_map(|(name, text)| {
            let functions = product(&text)
                .into_iter()
                .filter(|line| {
                    line.trim_start()
                        .trim_start_matches("pub ")
                        .starts_with("fn ")
                })
                .count();
            (functions > 2).then(|| format!("{name}: {functions} functions"))
        })
        .collect();
    report(broken);
}

#[test]
fn tests_do_not_sleep() {
    let broken = all_sources()
        .into_iter()
        .filter(|(name, _)| {
            is_test(name) && !name.contains("/probe/") && !name.ends_with("tidy.rs")
        })
        .filter(|(name, _)| !name.contains("harness") && !name.contains("/soak/"))
        .filter(|(_, text)| text.contains("thread::sleep"))
        .map(|(name, _)| format!("{name}: wait for a condition instead"))
        .collect();
    report(broken);
}

/// Every named bound stands in the README's table.
#[test]
fn the_readme_lists_every_limit() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut broken = Vec::new();
    for (name, text) in all_sources() {
        if is_test(&name) || name.starts_with("ctl/") {
            continue;
        }
        for line in product(&text) {
            let Some(rest) = line.trim_start().strip_prefix("pub const ") else {
                continue;
            };
            let constant = rest.split(':').next().unwrap_or_default();
            if constant.contains("MAX") && !readme.contains(constant) {
                broken.push(format!(
                    "{name}: {constant} is not in the README's table of limits"
                ));
            }
        }
    }
    report(broken);
}

/// Every test that the README's table of faults names is there: `FILE::NAME`, where FILE is a
/// file or folder of tests/tests, or a path from the root.
#[test]
fn every_test_of_the_table_of_faults_is_there() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, rest) = readme.split_once("\n## Faults\n").unwrap();
    let (table, _) = rest.split_once("\n## ").unwrap();
    let named = table.split('`').filter(|part| part.contains("::"));
    let all = all_sources();
    let mut broken = Vec::new();
    let mut count = 0;
    for one in named {
        let (place, name) = one.split_once("::").unwrap();
        let is_place = |file: &str| {
            file == place
                || file == format!("tests/tests/{place}")
                || file.starts_with(&format!("tests/tests/{place}/"))
        };
        let function = format!("fn {name}(");
        let mut files = all.iter().filter(|(file, _)| is_place(file));
        if !files.any(|(_, text)| text.contains(&function)) {
            broken.push(format!("README.md: {one} is not there"));
        }
        count += 1;
    }
    assert!(count > 50, "the table was not found: {count} tests");
    report(broken);
}

/// Each failpoint's label stands in the list and at one place of the source.
#[test]
fn every_failpoint_is_listed_and_placed_once() {
    let list = fs::read_to_string(root().join("daemon/src/sys/failpoint.rs")).unwrap();
    let listed: Vec<&str> = product(&list)
        .into_iter()
        .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","))
        .collect();
    assert!(listed.len() > 30, "the list is not read");
    let mut placed = Vec::new();
    for (_, text) in sources("daemon") {
        for call in ["failpoint::reach(\"", "failpoint::io(\""] {
            let ends = text.match_indices(call).map(|(at, call)| at + call.len());
            placed.extend(ends.map(|at| text[at..].split('"').next().unwrap().to_owned()));
        }
    }
    let mut broken: Vec<String> = Vec::new();
    for label in &listed {
        let count = placed.iter().filter(|placed| placed == label).count();
        if count != 1 {
            broken.push(format!("{label} stands at {count} places"));
        }
    }
    broken.extend(
        placed
            .iter()
            .filter(|placed| !listed.contains(&placed.as_str()))
            .map(|placed| format!("{placed} is not listed")),
    );
    report(broken);
}

/// `LICENSE` is there, and every package uses it.
#[test]
fn the_licence_is_named() {
    assert!(root().join("LICENSE").is_file());
    for package in ["proto", "daemon", "ctl", "tests"] {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("license.workspace = true"), "{package}");
    }
}
