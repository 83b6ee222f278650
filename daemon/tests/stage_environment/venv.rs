//! Virtual environments: by uv and by pip, with real packages.

use std::fmt::Write;
use std::fs;

use proto::stage::StageReport;
use serde_json::{Value, json};

use super::harness::Place;

/// What real training is: a CSV in, a score out.
const TRAIN: &str = r#"
import sys
import pandas
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

data = pandas.read_csv(sys.argv[1])
scores = cross_val_score(LogisticRegression(max_iter=1000), data[["x", "y"]], data["label"])
print("accuracy", round(scores.mean(), 2), "on", len(data))
"#;

/// Two clouds of points that a line divides.
fn points() -> String {
    let mut csv = "x,y,label\n".to_owned();
    for number in 0..200_i32 {
        let label = number % 2;
        let (x, y) = (number * 7 % 23, number * 11 % 19);
        writeln!(csv, "{},{},{label}", x + 40 * label, y + 40 * label).unwrap();
    }
    csv
}

fn packages(list: &Value) -> Value {
    json!({"image": "nowhere.invalid/image:1", "conda_file": {"dependencies": list}})
}

#[test]
fn a_curated_name_of_azure_trains_a_real_model() {
    let place = Place::new(&[]).with_python().with_uv();
    let data = place.write("points.csv", &points());
    let train = place.write("train.py", TRAIN);
    let reference = "azureml://registries/azureml/environments/sklearn-1.5/labels/latest";
    let ran = place.run(&json!(reference));
    let report = ran.environment();
    assert_eq!(
        (report.backend.as_str(), report.name.as_str()),
        ("venv", reference)
    );
    assert!(report.digest.as_ref().unwrap().starts_with("sha256:"));
    assert!(
        ran.prepared().notes.is_empty(),
        "{:?}",
        ran.prepared().notes
    );
    let script = format!("python {} {}", train.display(), data.display());
    assert_eq!(place.says(report, &script), "accuracy 1.0 on 200\n");
    assert_eq!(
        place.says(report, "echo $VIRTUAL_ENV/bin").trim(),
        report.path[0].to_str().unwrap()
    );
    assert!(
        place
            .says(report, "python -m pip --version")
            .starts_with("pip ")
    );
    // The same packages by the other name are the same environment.
    let again = place.run(&json!("azureml:AzureML-sklearn-1.5@latest"));
    assert_eq!(again.environment().digest, report.digest);
    assert!(again.log.contains("is built:"), "{}", again.log);
    assert_eq!(place.built().len(), 1);
}

#[test]
fn without_uv_python_and_pip_do() {
    let place = Place::new(&[]).with_python();
    place.write("more/requirements.txt", "# small\nsix == 1.16.0\n");
    place.write(
        "conda.yml",
        "dependencies: [pip, {pip: [-r more/requirements.txt]}]\n",
    );
    place.write("env.yml", "name: mine\nconda_file: conda.yml\n");
    let ran = place.run(&json!("file:env.yml"));
    let report = ran.environment();
    assert_eq!(report.backend, "venv");
    let version = "python -c 'import six; print(six.__version__)'";
    assert_eq!(place.says(report, version), "1.16.0\n");
    assert!(ran.log.contains("building environment"), "{}", ran.log);
    // An environment whose interpreter has gone is built again.
    let python = report.path[0].join("python");
    fs::remove_file(&python).unwrap();
    let again = place.run(&json!("file:env.yml"));
    assert_eq!(again.environment(), report);
    assert_eq!(place.says(report, version), "1.16.0\n");
}

#[test]
fn a_package_that_does_not_exist_fails_with_its_name_and_nothing_is_left() {
    let wanted = packages(&json!([{"pip": ["jobd-no-such-package==1.2.3"]}]));
    for place in [
        Place::new(&[]).with_python().with_uv(),
        Place::new(&[]).with_python(),
    ] {
        let ran = place.run(&wanted);
        let first = ran.reason().lines().next().unwrap();
        assert!(first.starts_with("install the packages: "), "{first}");
        assert!(first.contains("jobd-no-such-package"), "{first}");
        assert!(ran.reason().len() < 4_096, "{}", ran.reason().len());
        assert!(place.built().is_empty());
    }
}

#[test]
fn another_python_will_do_with_a_note_or_fails_where_the_policy_is_strict() {
    let wanted = packages(&json!(["python=3.5"]));
    let place = Place::new(&[]).with_python();
    let ran = place.run(&wanted);
    assert_eq!(ran.environment().backend, "venv");
    let notes = &ran.prepared().notes;
    assert_eq!(notes.len(), 2, "{notes:?}");
    let image = "environment nowhere.invalid/image:1: no container (neither podman nor docker is \
                 on this machine): its conda file is used without the image";
    assert_eq!(notes[0], image);
    let python = "environment nowhere.invalid/image:1: Python 3.5 is not on this machine: 3.";
    assert!(notes[1].starts_with(python), "{}", notes[1]);
    assert!(notes[1].ends_with(" was taken"), "{}", notes[1]);
    assert!(
        ran.log.contains(image) && ran.log.contains(python),
        "{}",
        ran.log
    );

    let place = Place::new(&[]).with_python().strict();
    place.write(
        "registry/old.yml",
        "name: old\nconda_file: {dependencies: [python=3.5]}\n",
    );
    let ran = place.run(&json!("azureml:old:1"));
    let reason = "environment azureml:old:1: Python 3.5 is not on this machine: 3.";
    assert!(ran.reason().starts_with(reason), "{}", ran.reason());
    assert!(
        ran.reason()
            .ends_with("(the configuration has environment_policy: strict)")
    );
    let ran = place.run(&wanted);
    assert!(
        ran.reason().contains("neither podman nor docker"),
        "{}",
        ran.reason()
    );
}

#[test]
fn what_only_conda_has_is_left_out_with_a_note() {
    let place = Place::new(&[]).with_python();
    place.write(
        "registry/e.yml",
        "conda_file: {dependencies: [mkl=2021, cudatoolkit]}\n",
    );
    let ran = place.run(&json!("azureml:e"));
    let note = "environment azureml:e: only conda has mkl=2021, cudatoolkit: left out";
    assert_eq!(ran.note(), note);
}

#[test]
fn the_machine_itself_is_the_last_resort() {
    let place = Place::new(&[]).with_python();
    for (environment, why) in [
        (
            json!("file:image.yml"),
            "file:image.yml: no container (neither podman nor docker is on this machine)",
        ),
        (
            json!("azureml:e@prod"),
            "azureml:e@prod: environment e has no label prod, only 2",
        ),
    ] {
        place.write("registry/e.yml", "{version: 2, image: x}");
        place.write("image.yml", "image: nowhere.invalid/image:1");
        let ran = place.run(&environment);
        assert_eq!(ran.environment().backend, "host");
        assert!(ran.environment().wrapper.is_empty() && ran.environment().path.is_empty());
        let whole = "the machine's own programs and packages are used";
        assert_eq!(ran.note(), format!("environment {why}: {whole}"));
    }
    // That is told where the job is submitted.
    for environment in [json!("azureml:nothing-like-this:7"), json!({"image": "x"})] {
        let ran = place.run(&environment);
        assert_eq!(ran.prepared().environment, None);
        assert!(ran.prepared().notes.is_empty());
    }
    let strict = Place::new(&[]).strict();
    let ran = strict.run(&json!("azureml:nothing-like-this:7"));
    assert!(
        ran.reason().contains("is not in the registry"),
        "{}",
        ran.reason()
    );
}

#[test]
fn a_rerun_fails_where_its_environment_is_gone() {
    for policy in ["best_effort", "host"] {
        let mut place = Place::new(&[]).with_python();
        place.settings["environment_policy"] = policy.into();
        let mut order = place.order(&json!("azureml:gone:1"));
        order["work"]["environment_digest"] = "sha256:e".into();
        let reason = "azureml:gone:1 is host now, and was sha256:e in the job that is run again";
        assert_eq!(place.run_order(&order).reason(), reason);
    }
}

#[test]
fn bad_definitions_are_refused_with_their_place() {
    let place = Place::new(&[]).with_python();
    let at = |name: &str| place.folder.join(name).display().to_string();
    place.write("registry/bad.yml", "name: bad\nimage: i\nconda: x\n");
    place.write("list.yml", "- image\n");
    place.write("conda.yml", "dependencies: {pip: x}\n");
    for (environment, reason) in [
        (
            json!("azureml:bad:1"),
            format!("{}:3:1: error: unknown key `conda`", at("registry/bad.yml")),
        ),
        (
            json!("file:list.yml"),
            format!(
                "{}:1:1: error: expected a mapping, found a list",
                at("list.yml")
            ),
        ),
        (
            json!("file:none.yml"),
            format!("read {}: No such file", at("none.yml")),
        ),
        (
            json!({"image": "i", "conda_file": "conda.yml"}),
            format!(
                "{}: dependencies: expected a list of packages",
                at("conda.yml")
            ),
        ),
        (
            json!({"image": "i", "conda_file": "none.yml"}),
            format!("read {}: No such file", at("none.yml")),
        ),
        (
            json!({"image": "i", "conda_file": {"dependencies": [{"pip": ["-r none.txt"]}]}}),
            format!("read {}: No such file", at("none.txt")),
        ),
    ] {
        let ran = place.run(&environment);
        assert!(ran.reason().starts_with(&reason), "{}", ran.reason());
        assert!(matches!(ran.report, Some(StageReport::Failed(_))));
    }
}

#[test]
fn without_any_python_there_is_no_virtual_environment() {
    let place = Place::new(&[]);
    place.write("registry/e.yml", "conda_file: {dependencies: [numpy]}\n");
    let ran = place.run(&json!("azureml:e"));
    let reason = "make a virtual environment: no Python with the module venv is on PATH";
    assert_eq!(ran.reason(), reason);
}
