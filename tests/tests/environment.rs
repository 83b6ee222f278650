//! Jobs in environments, through the real client, daemon, shim and stage.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use jobd_tests::harness::{DEADLINE, Folder, Home, JobFile, probe_command, quoted};
use serde_json::Value;

#[path = "../../daemon/tests/stage_environment/real_conda.rs"]
mod real_conda;
#[path = "../../daemon/tests/stage_environment/uv.rs"]
mod uv;

/// What real training is: a CSV in, a model and a score out.
const TRAIN: &str = r#"
import argparse, joblib, pandas
from pathlib import Path
from sklearn.tree import DecisionTreeClassifier
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--data")
parser.add_argument("--model")
args = parser.parse_args()
data = pandas.read_csv(args.data)
train, test = train_test_split(data, random_state=1)
model = DecisionTreeClassifier().fit(train[["x", "y"]], train["label"])
print("accuracy", model.score(test[["x", "y"]], test["label"]))
Path(args.model).mkdir(parents=True, exist_ok=True)
joblib.dump(model, Path(args.model) / "model.joblib")
"#;

/// Where the README's example has its data from.
const PUBLIC: &str = "https://azuremlexamples.blob.core.windows.net/datasets/";

/// The files of the README's example: each block begins with its name.
fn files_of_readme() -> Vec<(String, String)> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, section) = readme.split_once("## A model from data").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let blocks = section.split("```").skip(1).step_by(2);
    let files = blocks.filter_map(|block| {
        let (_, named) = block.split_once("\n# ")?;
        let (name, text) = named.split_once('\n')?;
        Some((
            name.to_owned(),
            text.replace("mcr.microsoft.com", "nowhere.invalid"),
        ))
    });
    files.collect()
}

/// Three kinds of flowers that differ in every measure.
fn flowers() -> String {
    let mut csv = "sepal_length,sepal_width,petal_length,petal_width,species\n".to_owned();
    for number in 0..150_i32 {
        let (kind, spread) = (number % 3, f64::from(number % 7) / 10.0);
        let species = ["setosa", "versicolor", "virginica"][usize::try_from(kind).unwrap()];
        let at = f64::from(3 * kind) + spread;
        writeln!(
            csv,
            "{at:.1},{:.1},{at:.1},{:.1},{species}",
            at + 1.0,
            at + 2.0
        )
        .unwrap();
    }
    csv
}

/// Two clouds of points that a line divides.
fn points() -> String {
    let mut csv = "x,y,label\n".to_owned();
    for number in 0..200_i32 {
        let label = number % 2;
        let (x, y) = (number * 7 % 23 + 40 * label, number * 11 % 19 + 40 * label);
        writeln!(csv, "{x},{y},{label}").unwrap();
    }
    csv
}

fn statuses(job: &Value) -> Vec<&str> {
    let history = job["history"].as_array().unwrap().iter();
    history.map(|one| one["status"].as_str().unwrap()).collect()
}

fn log(job: &Value, name: &str) -> String {
    let folder = PathBuf::from(job["job_path"].as_str().unwrap());
    fs::read_to_string(folder.join(name)).unwrap()
}

/// A home whose daemon finds uv before all else.
fn with_uv() -> Home {
    with_tool(uv::program())
}

/// A home whose daemon finds this program before all else.
fn with_tool(program: &Path) -> Home {
    let path = std::env::var_os("PATH").unwrap();
    let path = [program.parent().unwrap().to_owned()]
        .into_iter()
        .chain(std::env::split_paths(&path));
    let mut env = vec![("PATH".to_owned(), std::env::join_paths(path).unwrap())];
    // Where this machine's packages come from, and what it trusts.
    let passed = ["SSL_CERT_", "PIP_", "UV_"];
    let is_passed = |name: &str| passed.iter().any(|prefix| name.starts_with(prefix));
    let all = std::env::vars().filter(|(name, _)| is_passed(name));
    env.extend(all.map(|(name, value)| (name, value.into())));
    let mut home = Home::new();
    home.set_env(env);
    fs::write(home.path().join("jobd.yaml"), mirror(home.path())).unwrap();
    home.start(&[]);
    home
}

/// Public data lies in a folder here.
fn mirror(home: &Path) -> String {
    let folder = home.join("public");
    fs::create_dir(&folder).unwrap();
    format!("mirrors: {{'{PUBLIC}': {}}}\n", folder.display())
}

#[test]
fn a_training_job_for_the_cloud_runs_as_it_stands() {
    let home = with_uv();
    let at = home.path();
    fs::create_dir(at.join("src")).unwrap();
    fs::write(at.join("src/train.py"), TRAIN).unwrap();
    fs::write(at.join("points.csv"), points()).unwrap();
    let job = "$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json\n\
        name: train\n\
        code: src\n\
        command: python train.py --data ${{inputs.points}} --model ${{outputs.model}}\n\
        inputs: {points: {type: uri_file, path: points.csv}}\n\
        outputs: {model: {type: uri_folder}}\n\
        environment: azureml://registries/azureml/environments/sklearn-1.5/labels/latest\n\
        compute: azureml:cpu-cluster\n";
    drop(home.submit(&JobFile::of(job)));
    let ended = home.wait_long("train");
    assert_eq!(
        ended["status"],
        "Completed",
        "{ended}\n{}",
        log(&ended, "system_logs/prepare.log")
    );
    assert!(statuses(&ended).contains(&"Preparing"), "{ended}");
    assert_eq!(log(&ended, "user_logs/std_log.txt"), "accuracy 1.0\n");
    assert!(log(&ended, "system_logs/prepare.log").contains("scikit-learn"));
    let uri = ended["outputs"]["model"]["uri"].as_str().unwrap();
    assert!(
        PathBuf::from(uri.strip_prefix("file://").unwrap())
            .join("model.joblib")
            .is_file()
    );
    assert!(
        ended.to_string().contains("\"backend\":\"venv\""),
        "{ended}"
    );
}

#[test]
fn the_example_of_the_readme_trains_a_model_and_uses_it() {
    let home = with_uv();
    let at = home.path();
    fs::create_dir(at.join("src")).unwrap();
    let files = files_of_readme();
    assert_eq!(files.len(), 5);
    for (name, text) in files {
        fs::write(at.join(name), text).unwrap();
    }
    fs::write(at.join("public/iris.csv"), flowers()).unwrap();
    let run = |file: &str| {
        home.jobctl(&["run", file])
            .folder(at)
            .spawn()
            .wait_within(10 * DEADLINE)
            .ok()
    };
    assert!(run("train.yml").stdout.contains("trained on 150 rows"));
    let assets = home.run(&["data", "list", "-o", "json"]).ok().json();
    assert_eq!(assets[0]["name"], "iris", "{assets}");
    assert!(run("score.yml").stdout.contains("accuracy 1.0"));
    let shown = home.run(&["show", "@last", "-o", "json"]).ok().json();
    let inputs = &shown["provenance"]["prepared"]["inputs"];
    assert_eq!(inputs["model"]["version"], "1", "{shown}");
    drop(
        home.jobctl(&["rerun", "@last", "--stream"])
            .spawn()
            .wait_within(10 * DEADLINE)
            .ok()
            .says(&[]),
    );
}

#[test]
fn a_package_that_does_not_exist_fails_its_job_and_no_other() {
    let home = with_uv();
    let job = "name: NAME\ncommand: python -c 'print(1)'\n\
        environment: {image: nowhere.invalid/x, conda_file: {dependencies: [PACKAGES]}}\n";
    let job = |name: &str, packages: &str| {
        JobFile::of(&job.replace("NAME", name).replace("PACKAGES", packages))
    };
    drop(home.submit(&job("bad", "{pip: [jobd-no-such-package]}")));
    drop(home.submit(&job("good", "pip")));
    let bad = home.wait_long("bad");
    assert_eq!(bad["status"], "Failed");
    assert!(!statuses(&bad).contains(&"Running"), "{bad}");
    let error = bad["error"].to_string();
    assert!(error.contains("jobd-no-such-package"), "{error}");
    let good = home.wait_long("good");
    assert_eq!(good["status"], "Completed", "{good}");
    assert!(good["notes"].to_string().contains("no container"), "{good}");
}

/// Plays a tool that makes environments of conda.
const MICROMAMBA: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in --prefix) prefix=$2 ;; esac
    shift
done
mkdir -p "$prefix/bin"
printf '#!/bin/sh\necho tool\n' > "$prefix/bin/tool"
chmod +x "$prefix/bin/tool"
"#;

#[test]
fn an_environment_stays_as_long_as_its_job_runs_however_little_is_allowed() {
    let programs = Folder::new();
    let tool = programs.path().join("micromamba");
    fs::write(&tool, MICROMAMBA).unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["sh", "mkdir", "chmod", "env"] {
        symlink(format!("/bin/{name}"), programs.path().join(name)).unwrap();
    }
    let mut home = Home::new();
    home.set_env(vec![("PATH".into(), programs.path().into())]);
    fs::write(
        home.path().join("jobd.yaml"),
        "environments_bytes_max: 1\nslots: 2\n",
    )
    .unwrap();
    home.start(&[]);
    let gate = home.path().join("gate");
    let hold = probe_command(&["hold", gate.to_str().unwrap()]).replace("exec ", "");
    let run = |name: &str, command: &str| {
        let job = format!(
            "name: {name}\ncommand: {}\n\
             environment: {{image: x, conda_file: {{dependencies: [{name}]}}}}\n",
            quoted(command)
        );
        drop(home.submit(&JobFile::of(&job)));
    };
    let built = || {
        let entries = fs::read_dir(home.path().join("state/cache/environments")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.is_dir() && path.extension().is_none())
            .count()
    };
    run("long", &format!("{hold}; tool"));
    home.wait_for_status("long", "Running");
    for name in ["one", "two", "three"] {
        run(name, "tool");
        assert_eq!(home.wait(name)["status"], "Completed");
    }
    assert_eq!(built(), 2, "that of the job that runs, and the last one");
    fs::write(&gate, "").unwrap();
    let long = home.wait("long");
    assert_eq!(long["status"], "Completed", "{long}");
    run("last", "tool");
    assert_eq!(home.wait("last")["status"], "Completed");
    assert_eq!(built(), 1);
}

#[test]
fn a_job_runs_in_an_environment_that_conda_makes() {
    let Some(program) = real_conda::program() else {
        return;
    };
    let home = with_tool(&program);
    let channel = real_conda::channel(home.path());
    let conda = format!("channels: [{channel}, nodefaults]\ndependencies: [PACKAGE]\nname: ours\n");
    let job = |name: &str, package: &str| {
        let file = home.path().join(format!("{name}.conda.yml"));
        fs::write(&file, conda.replace("PACKAGE", package)).unwrap();
        let file = file.display();
        JobFile::of(&format!(
            "name: {name}\ncommand: teller > ${{{{outputs.o}}}}/told && teller\noutputs: {{o: {{}}}}\n\
             environment: {{image: nowhere.invalid/x, conda_file: {file}}}\n"
        ))
    };
    drop(home.submit(&job("told", "teller")));
    drop(home.submit(&job("untold", "teller=9")));
    let told = home.wait_long("told");
    let said = log(&told, "user_logs/std_log.txt");
    assert_eq!(told["status"], "Completed", "{said}\n{told}");
    assert_eq!(said, "a tale of conda\n");
    let untold = home.wait_long("untold");
    assert_eq!(untold["status"], "Failed");
    let error = untold["error"].to_string();
    assert!(error.contains("teller 9*"), "{error}");
}

#[test]
fn a_rerun_takes_no_other_environment_than_the_first_run_had() {
    let home = with_uv();
    let file = home.path().join("env.yml");
    let define = |packages: &str| {
        let text =
            format!("image: nowhere.invalid/x\nconda_file: {{dependencies: [{packages}]}}\n");
        fs::write(&file, text).unwrap();
    };
    let rerun = || {
        let name = home.run(&["rerun", "first"]).ok().stdout;
        home.wait_long(name.trim())
    };
    define("python");
    let job = "name: first\ncommand: echo $VIRTUAL_ENV\nenvironment: file:env.yml\n";
    drop(home.submit(&JobFile::of(job)));
    let first = home.wait_long("first");
    assert_eq!(first["status"], "Completed", "{first}");
    let digest = |job: &Value| job["provenance"]["prepared"]["environment"]["digest"].clone();
    let was = digest(&first);

    define("python, {pip: [pip]}");
    let other = rerun();
    assert_eq!(other["status"], "Failed", "{other}");
    assert!(!statuses(&other).contains(&"Running"), "{other}");
    let error = other["error"].to_string();
    let told = format!(
        "and was {} in the job that is run again",
        was.as_str().unwrap()
    );
    for part in ["environment: file:env.yml is sha256:", &told] {
        assert!(error.contains(part), "{error}");
    }

    define("python");
    let same = rerun();
    assert_eq!(same["status"], "Completed", "{same}");
    assert_eq!(digest(&same), was);
    let said = |job: &Value| log(job, "user_logs/std_log.txt");
    assert_eq!(said(&same), said(&first));
}
