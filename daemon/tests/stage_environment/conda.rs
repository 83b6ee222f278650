//! Conda, and what holds for every backend: one build however many wait, and a build that was
//! killed. The tool is a script that plays micromamba: it keeps its arguments, holds where it is
//! told to, and makes a prefix.

use std::fs;

use serde_json::{Value, json};

use super::harness::{Place, wait_until};

const MICROMAMBA: &str = r#"#!/bin/bash
echo "$@" >> 'FOLDER/calls'
while [ $# -gt 0 ]; do
    case $1 in
    --prefix) prefix=$2 ;;
    --file) cat "$2" > 'FOLDER/file' ;;
    esac
    shift
done
mkdir -p "$prefix/bin"
echo 'echo tool of conda' > "$prefix/bin/tool"
while [ -e 'FOLDER/hold' ]; do sleep 0.01; done
if [ -e 'FOLDER/fail' ]; then
    echo 'error    libmamba Could not solve for environment specs' >&2
    echo '    The following package could not be installed' >&2
    exit 1
fi
"#;

fn place() -> Place {
    let place = Place::new(&[]);
    let folder = place.folder.to_str().unwrap().to_owned();
    place.script("micromamba", &MICROMAMBA.replace("FOLDER", &folder));
    place
}

fn wanted() -> Value {
    json!({"conda_file": {
        "name": "e", "channels": ["conda-forge"],
        "dependencies": ["python=3.10", "mkl", {"pip": ["six"]}],
    }})
}

fn calls(place: &Place) -> usize {
    place.read("calls").lines().count()
}

#[test]
fn the_whole_conda_file_goes_to_the_tool() {
    let place = place();
    place.write("more.txt", "six==1.16.0\n");
    place.write(
        "sub/conda.yml",
        "channels: [c]\ndependencies: [python=3.10, {pip: [-r ../more.txt]}]\nprefix: /x\n",
    );
    let ran = place.run(&json!({"conda_file": "sub/conda.yml"}));
    let report = ran.environment();
    assert_eq!(report.backend, "conda");
    let room = place.built().remove(0);
    let (prefix, file) = (room.join("prefix"), room.join("conda.yml"));
    let (prefix, file) = (prefix.display(), file.display());
    let expected = format!("create --yes --prefix {prefix} --file {file}\n");
    assert_eq!(place.read("calls"), expected);
    let file: Value = serde_json::from_str(&place.read("file")).unwrap();
    let dependencies = json!(["python=3.10", {"pip": ["six==1.16.0"]}]);
    assert_eq!(
        file,
        json!({"channels": ["c"], "dependencies": dependencies})
    );
    let script = "sh $(command -v tool || echo $CONDA_PREFIX/bin/tool)";
    assert_eq!(place.says(report, script), "tool of conda\n");
}

#[test]
fn the_other_tools_are_called_in_their_way() {
    let place = place();
    let script = fs::read_to_string(place.folder.join("bin/micromamba")).unwrap();
    fs::remove_file(place.folder.join("bin/micromamba")).unwrap();
    place.script("conda", &script);
    place.run(&wanted()).environment();
    let call = place.read("calls");
    assert!(call.starts_with("env create --prefix /"), "{call}");
}

#[test]
fn jobs_that_wait_for_the_same_environment_build_it_once() {
    let place = place();
    place.write("hold", "");
    let order = place.order(&wanted());
    let stages: Vec<_> = (0..5).map(|_| place.start(&order)).collect();
    let waiting = |log: String| log.contains("waiting for job a-job, which builds environment");
    wait_until("one to build and the others to wait", || {
        let count = stages.iter().filter(|stage| waiting(stage.log())).count();
        calls(&place) == 1 && count == 4
    });
    fs::remove_file(place.folder.join("hold")).unwrap();
    let reports: Vec<_> = stages
        .into_iter()
        .map(super::harness::Stage::wait)
        .collect();
    for ran in &reports {
        assert_eq!(ran.environment(), reports[0].environment());
    }
    assert_eq!(calls(&place), 1);
    assert_eq!(place.built().len(), 1);
}

#[test]
fn a_build_that_was_killed_is_begun_again() {
    let place = place();
    place.write("hold", "");
    let order = place.order(&wanted());
    let first = place.start(&order);
    wait_until("the build to begin", || calls(&place) == 1);
    let second = place.start(&order);
    wait_until("the other to wait", || {
        second.log().contains("waiting for job a-job, which")
    });
    let left = place.built().remove(0).join("left");
    fs::write(&left, "half").unwrap();
    first.kill();
    wait_until("the other to build", || calls(&place) == 2);
    assert!(!left.exists(), "what was left is removed first");
    second.kill();
    fs::remove_file(place.folder.join("hold")).unwrap();
    let ran = place.run_order(&order);
    assert_eq!(ran.environment().backend, "conda");
    assert_eq!(calls(&place), 3);
    place.run_order(&order).environment();
    assert_eq!(calls(&place), 3, "the complete one is not built again");
}

#[test]
fn a_build_that_failed_works_once_the_cause_is_gone() {
    let place = place();
    place.write("fail", "");
    let ran = place.run(&wanted());
    let reason = "make the environment with micromamba: error    libmamba Could not solve for \
                  environment specs\n";
    assert!(ran.reason().starts_with(reason), "{}", ran.reason());
    assert!(
        ran.reason()
            .ends_with("The following package could not be installed")
    );
    assert!(ran.log.contains("Could not solve"), "{}", ran.log);
    fs::remove_file(place.folder.join("fail")).unwrap();
    assert_eq!(place.run(&wanted()).environment().backend, "conda");
}

#[test]
fn what_pip_takes_from_this_machine_counts_with_its_content() {
    let place = place();
    place.write("limits.txt", "six==1.15.0\n");
    place.write("mine/setup.py", "one");
    place.write(
        "conda.yml",
        "dependencies: [python=3.10, {pip: [six, -c limits.txt, ./mine]}]\n",
    );
    let wanted = json!({"conda_file": "conda.yml"});
    place.run(&wanted).environment();
    place.run(&wanted).environment();
    assert_eq!(calls(&place), 1, "nothing has changed");
    place.write("limits.txt", "six==1.16.0\n");
    place.run(&wanted).environment();
    assert_eq!(calls(&place), 2, "other limits are another environment");
    place.write("mine/setup.py", "two");
    place.run(&wanted).environment();
    assert_eq!(calls(&place), 3, "and so is another package");
}

/// The order of a job that has an environment of its own; `at` and `others` tell who else there is.
fn order(place: &Place, job: &str, at: u64, others: &[&str]) -> Value {
    let environment = json!({"conda_file": {"dependencies": [job]}});
    let mut order = place.order(&environment);
    order["job"] = job.into();
    order["others"] = json!({"at_ms": at, "jobs": others});
    order
}

#[test]
fn what_no_job_uses_is_given_up_where_all_is_too_much() {
    let mut place = place();
    let room = |ran: &super::harness::Ran| {
        let prefix = &ran.environment().variables["CONDA_PREFIX"];
        std::path::Path::new(prefix).parent().unwrap().to_owned()
    };
    let first = room(&place.run_order(&order(&place, "first", 10, &["first"])));
    let second = room(&place.run_order(&order(&place, "second", 20, &["first", "second"])));
    let left = first.with_file_name("sha256-left");
    fs::create_dir(&left).unwrap();
    let ran = place.run_order(&order(&place, "first", 30, &["first", "second"]));
    assert_eq!(room(&ran), first);
    assert!(!left.exists(), "what a killed builder left is none");
    assert!(first.exists() && second.exists(), "there is room");

    place.settings["environments_bytes_max"] = 1.into();
    let third = order(&place, "third", 40, &["first", "second", "third"]);
    let third = room(&place.run_order(&third));
    assert!(first.exists() && second.exists(), "all are in use");
    // Of a moment at which the third had not begun: it is not taken for one that has ended.
    place
        .run_order(&order(&place, "late", 35, &["first", "late"]))
        .environment();
    assert!(first.exists() && third.exists());
    assert!(!second.exists(), "its job has ended");
    let mut nobody_knows = order(&place, "unknown", 0, &[]);
    nobody_knows["others"] = Value::Null;
    place.run_order(&nobody_knows).environment();
    assert!(first.exists() && third.exists());
    let last = room(&place.run_order(&order(&place, "last", u64::MAX, &["last"])));
    assert_eq!(place.built(), [last]);
    assert_eq!(
        place.left_beside_environments(),
        2,
        "its lock and its users"
    );
}

#[test]
fn a_build_that_fails_makes_room_for_the_next_try_all_the_same() {
    let mut place = place();
    place
        .run_order(&order(&place, "first", 10, &["first"]))
        .environment();
    place.settings["environments_bytes_max"] = 1.into();
    place.write("fail", "");
    let failing = order(&place, "second", 20, &["second"]);
    assert!(place.run_order(&failing).reason().contains("micromamba"));
    assert_eq!(place.built().len(), 0);
}

#[test]
fn the_longest_unused_is_given_up_first() {
    let mut place = place();
    let build = |place: &Place, job: &str, at: u64| {
        place
            .run_order(&order(place, job, at, &[job]))
            .environment()
            .digest
            .clone()
            .unwrap()
    };
    let first = build(&place, "first", 10);
    let second = build(&place, "second", 20);
    assert_eq!(build(&place, "first", 30), first);
    let bytes: u64 = fs::read_to_string(place.built()[0].join("complete"))
        .unwrap()
        .parse()
        .unwrap();
    assert!(bytes > 0);
    place.settings["environments_bytes_max"] = (2 * bytes + bytes / 2).into();
    let third = build(&place, "third", 40);
    let mut built: Vec<String> = place
        .built()
        .iter()
        .map(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .replace('-', ":")
        })
        .collect();
    built.sort();
    let mut expected = [first, third];
    expected.sort();
    assert_eq!(built, expected, "and not {second}");
}
