//! Jobs built in Python with the real SDK and dumped by it: read here as what they were in
//! Python, run here, and dumped here as the SDK dumps them, without its faults.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jobd_tests::difference::{Difference, differences};
use jobd_tests::harness::{Folder, Home};
use jobd_tests::sdk;
use proto::job::{self, Job};
use serde_json::{Map, Value, json};

/// A folder in which Python has built and dumped its jobs, and what it thinks of each.
fn built() -> (Folder, Map<String, Value>) {
    let folder = Folder::new();
    for name in ["src", "ctx", "data"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("src/hello.sh"), "echo \"$@\"\n").unwrap();
    fs::write(folder.path().join("f.txt"), "from f\n").unwrap();
    let answer = sdk::ask("build.py", folder.path(), &json!(null));
    let jobs = answer.as_object().unwrap().clone();
    assert!(jobs.len() >= 18, "{}", jobs.len());
    (folder, jobs)
}

fn read(file: &Path) -> Job {
    let text = fs::read(file).unwrap();
    let reading = job::read(&text, file.to_str());
    let text = String::from_utf8_lossy(&text);
    reading
        .job
        .unwrap_or_else(|| panic!("{text}\n{:#?}", reading.diagnostics))
}

/// What a dump has lost for good: the job, where, and why.
const LOST: &[(&str, &str, &str)] = &[
    (
        "rich",
        ".properties.inputs.flag.value",
        "the SDK's dump of the class writes true as 1, and nothing in the file says that it was a boolean",
    ),
    (
        "run_builder",
        ".properties.experimentName",
        "the SDK's dump of a node leaves it out",
    ),
    (
        "run_loaded_as_job",
        ".properties.inputs.flag.value",
        "as above",
    ),
];

/// What is the same although its text is not.
fn is_same(folder: &Path, found: &Difference) -> bool {
    // References with and without their prefix.
    if found.path.ends_with(".environmentId") || found.path.ends_with(".uri") {
        let bare = |value: &Value| {
            value
                .as_str()
                .map(|text| text.trim_start_matches("azureml:").to_owned())
        };
        return bare(&found.left) == bare(&found.right);
    }
    // Set by the service; the SDK drops them when it reads a file.
    if found.path.starts_with(".properties.services.Studio.")
        || found.path.starts_with(".properties.services.Tracking.")
    {
        return found.right.is_null();
    }
    // The dump has the absolute path of the code.
    if found.path == ".properties.codeId" {
        let text = |value: &Value| value.as_str().map(|text| folder.join(text));
        let (left, right) = (text(&found.left), text(&found.right));
        return left.and_then(|path| path.canonicalize().ok())
            == right.and_then(|path| path.canonicalize().ok());
    }
    false
}

#[test]
fn what_the_sdk_dumps_is_read_as_what_it_was_in_python() {
    let (folder, jobs) = built();
    let mut files = Vec::new();
    for name in jobs.keys() {
        let job = read(&folder.path().join(format!("{name}.yml")));
        let ours = folder.path().join(format!("{name}.ours.yml"));
        fs::write(&ours, job::dump_job(&job)).unwrap();
        files.push(json!({"file": ours, "kind": "job"}));
    }
    let views = sdk::ask("load.py", folder.path(), &files.into());
    let mut wrong = Vec::new();
    let mut lost = Vec::new();
    for ((name, python), view) in jobs.iter().zip(views.as_array().unwrap()) {
        let Some(view) = view.get("ok") else {
            wrong.push(format!("{name}: {}", view["error"]));
            continue;
        };
        for found in differences(python, &view["rest"]) {
            let known = LOST
                .iter()
                .find(|(job, path, _)| job == name && found.path == *path);
            match known {
                Some(known) => lost.push(known),
                None if is_same(folder.path(), &found) => {}
                None => wrong.push(format!("{name}: {found}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(lost.len(), LOST.len(), "lost is only {lost:?}");
}

#[test]
fn dumps_of_the_sdk_run_and_print_what_they_should() {
    let (folder, jobs) = built();
    let prints: BTreeMap<&str, &str> = [
        ("run_flat", "0.1 3 a  b\nfrom f\none 2\n"),
        ("run_builder", "True 0.1 --n 3\nfrom f\none 2\n"),
        ("run_small_builder", "small\n"),
        ("run_loaded", "True --y 3\nfrom f\n"),
        // The boolean is lost: see LOST.
        ("run_loaded_as_job", "1 --y 3\nfrom f\n"),
    ]
    .into();
    let runnable: Vec<_> = jobs
        .keys()
        .filter(|name| name.starts_with("run_"))
        .collect();
    assert_eq!(runnable.len(), prints.len());
    let home = Home::running(&[]);
    for name in runnable {
        let file = folder.path().join(format!("{name}.yml"));
        let ran = home.run(&["run", file.to_str().unwrap()]).ok();
        assert_eq!(ran.stdout, prints[name.as_str()], "{name}: {}", ran.stderr);
        assert_eq!(home.show("@last")["status"], "Completed", "{name}");
    }
}

/// A file with a job as a person writes it, and where our dump of it is not the SDK's dump of
/// the same job in Python.
type Case = (&'static str, &'static [&'static str]);

/// The absolute path of the code: ours stays as written, so that the dump can move with it.
const CODE: &str = ".code";
/// Nothing but the SDK reads the name and hash that it gives to an environment without one.
const ANONYMOUS: &[&str] = &[
    ".environment.name",
    ".environment.tags",
    ".environment.version",
];

const CASES: &[Case] = &[
    // The fault of the path.
    ("seed", &[CODE, ".inputs.input1.path"]),
    ("minimal", &[]),
    (
        "rich",
        // The faults of the path and of the boolean.
        &[CODE, ".inputs.data.path", ".inputs.f.path", ".inputs.flag"],
    ),
    ("dist_mpi", &[]),
    ("dist_tf", &[]),
    ("dist_tf_default", &[]),
    ("dist_ray", &[]),
    ("ident_managed", &[]),
    ("ident_aml", &[]),
    ("ident_user", &[]),
    // As for the code.
    ("env_build", &[".environment.build.path"]),
    ("env_registry", &[]),
    // The fault of the list that became a text; and an empty mapping that says nothing.
    (
        "docker_args",
        &[".resources.docker_args", ".resources.properties"],
    ),
];

#[test]
fn our_dumps_are_the_sdks_without_its_faults() {
    let (folder, _) = built();
    for (name, expected) in CASES {
        let case = format!("{}/sdk/cases/{name}.yml", env!("CARGO_MANIFEST_DIR"));
        let ours = tree(&job::dump_job(&read(Path::new(&case))));
        let theirs = tree(&fs::read_to_string(folder.path().join(format!("{name}.yml"))).unwrap());
        let found = differences(&ours, &theirs);
        let paths: Vec<_> = found
            .iter()
            .map(|one| one.path.as_str())
            .filter(|path| !ANONYMOUS.contains(path))
            .collect();
        assert_eq!(&paths, expected, "{name}: {found:#?}");
    }
}

fn tree(yaml: &str) -> Value {
    serde_yaml::from_str(yaml).unwrap()
}
