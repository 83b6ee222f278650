//! Containers: by podman or another engine (`engines.rs`) with an image made here, and by programs
//! that only look like one.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};

use super::engine::Engine;
use super::harness::{Place, wait_until};
use super::podman::IMAGE;

/// A place whose stages have the engine and the image.
fn place() -> Option<(Place, Engine)> {
    let mut place = Place::new(&[]);
    let engine = Engine::of_this_run(&place.folder)?;
    place.env = engine.env.clone();
    for (program, name) in engine.programs() {
        place.link(&program, name);
    }
    Some((place, engine))
}

fn image(name: &str) -> Value {
    json!({ "image": name })
}

/// A folder to build an image from.
fn context(place: &Place, dockerfile: &str) -> Value {
    place.write("context/Dockerfile", dockerfile);
    json!({"build": {"path": "context"}})
}

#[test]
fn a_job_in_a_container_sees_its_folder_its_data_read_only_and_nothing_else() {
    let Some((place, engine)) = place() else {
        return;
    };
    let data = place.write("data/a.csv", "1,2\n").display().to_string();
    let hidden = place.write("hidden", "x").display().to_string();
    let mut order = place.order(&image(IMAGE));
    order["work"]["read_in_place"] = json!([data, "/nowhere/at/all"]);
    let ran = place.run_order(&order);
    let report = ran.environment();
    assert_eq!(report.backend, "container");
    assert!(
        ran.prepared().notes.is_empty(),
        "{:?}",
        ran.prepared().notes
    );
    let script = format!(
        "id -u; pwd; cat {data}; \
         (echo x >> {data}) 2>/dev/null || echo read-only; \
         [ -e {hidden} ] || echo hidden; \
         echo $SHOWN; echo out > made"
    );
    let output = place
        .command(report, &script)
        .env("SHOWN", "a b")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    let job = place.folder.join("job");
    let uid = nix::unistd::geteuid();
    let expected = format!("{uid}\n{}\n1,2\nread-only\nhidden\na b\n", job.display());
    assert_eq!(said, expected, "{error}");
    assert_eq!(place.read("job/made"), "out\n");
    assert_eq!(fs::read_to_string(data).unwrap(), "1,2\n");
    assert_eq!(engine.ask(&["ps", "--all", "--quiet"]), "");
}

#[test]
fn the_kill_reaches_what_runs_inside() {
    let Some((place, engine)) = place() else {
        return;
    };
    let ran = place.run(&image(IMAGE));
    let report = ran.environment();
    let script = "trap '' TERM; touch begun; while :; do sleep 1; done";
    let mut command = place.command(report, script);
    let mut running = command.stdout(Stdio::null()).spawn().unwrap();
    wait_until("the command to begin", || {
        !place.read("job/begun").is_empty() || place.folder.join("job/begun").exists()
    });
    assert_eq!(engine.ask(&["ps", "--quiet"]).lines().count(), 1);
    let kill = || place.kill(report).output().unwrap();
    assert!(kill().status.success());
    assert!(!running.wait().unwrap().success());
    assert_eq!(engine.ask(&["ps", "--all", "--quiet"]), "");
    // What is not there any more is no failure.
    drop(kill());
}

#[test]
fn an_image_is_built_from_its_folder_once_for_what_is_in_it() {
    let Some((place, _)) = place() else {
        return;
    };
    let wanted = context(&place, &format!("FROM {IMAGE}\nRUN echo one > /made\n"));
    let first = place.run(&wanted);
    assert_eq!(place.says(first.environment(), "cat /made"), "one\n");
    assert!(first.log.contains("RUN echo one"), "{}", first.log);
    let again = place.run(&wanted);
    assert_eq!(again.environment(), first.environment());
    assert!(!again.log.contains("RUN echo one"), "{}", again.log);
    let wanted = context(&place, &format!("FROM {IMAGE}\nRUN echo two > /made\n"));
    let other = place.run(&wanted);
    assert_ne!(other.environment().digest, first.environment().digest);
    assert_eq!(place.says(other.environment(), "cat /made"), "two\n");
}

#[test]
fn a_broken_dockerfile_fails_with_its_cause() {
    let Some((place, engine)) = place() else {
        return;
    };
    let file = place.folder.join("context/Dockerfile");
    let file = file.display();
    let (failed, unread) = match engine.name {
        "podman" => (
            "building at STEP \"RUN no-such-program\"",
            "no FROM statement found",
        ),
        _ => (
            "The command '/bin/sh -c no-such-program' returned a non-zero code: 127",
            "Error response from daemon: dockerfile parse error line 1: unknown instruction: FORM",
        ),
    };
    let dockerfile = format!("FROM {IMAGE}\nRUN no-such-program\n");
    let ran = place.run(&context(&place, &dockerfile));
    let begins = |cause: &str| format!("{} build {file}: {cause}", engine.name);
    assert!(
        ran.reason().starts_with(&begins(failed)),
        "{}",
        ran.reason()
    );
    assert!(
        ran.reason().contains("no-such-program: not found"),
        "{}",
        ran.reason()
    );
    assert_eq!(engine.ask(&["ps", "--all", "--quiet"]), "");
    let ran = place.run(&context(&place, "FORM x\n"));
    assert!(
        ran.reason().starts_with(&begins(unread)),
        "{}",
        ran.reason()
    );
    fs::remove_file(place.folder.join("context/Dockerfile")).unwrap();
    let ran = place.run(&json!({"build": {"path": "context"}}));
    assert_eq!(
        ran.reason(),
        format!("build the image: there is no file {file}")
    );
    assert!(
        place
            .built()
            .iter()
            .all(|room| room.join("complete").exists())
    );
}

#[test]
fn a_conda_file_is_added_to_the_image() {
    let Some((place, _)) = place() else {
        return;
    };
    let conda = json!({"dependencies": ["python=3.10"]});
    let without = place.run(&json!({"image": IMAGE, "conda_file": conda}));
    assert!(
        without.reason().contains("conda: not found"),
        "{}",
        without.reason()
    );
    place.write(
        "context/conda",
        "#!/bin/sh\nmkdir -p $4/bin\ncat $6 > $4/bin/file\n",
    );
    let dockerfile =
        format!("FROM {IMAGE}\nCOPY conda /bin/conda\nRUN sh -c 'cat /bin/conda > /bin/c; : '\n");
    let mut wanted = context(&place, &dockerfile);
    fs::set_permissions(
        place.folder.join("context/conda"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    wanted["conda_file"] = conda;
    let ran = place.run(&wanted);
    let script = "echo $PATH; cat $CONDA_PREFIX/bin/file";
    let said = place.says(ran.environment(), script);
    assert!(
        said.starts_with("/azureml-environment/prefix/bin:/"),
        "{said}"
    );
    assert!(said.contains("python=3.10"), "{said}");
}

#[test]
fn resources_of_the_job_go_to_the_container() {
    let Some((place, _)) = place() else {
        return;
    };
    let mut order = place.order(&image(IMAGE));
    order["work"]["resources"] =
        json!({"shm_size": "16m", "docker_args": "--env 'FROM_ARGS=a b' --hostname here"});
    let ran = place.run_order(&order);
    let said = place.says(ran.environment(), "echo $FROM_ARGS; cat /proc/mounts");
    assert!(said.starts_with("a b\n"), "{said}");
    let shm = said
        .lines()
        .find(|line| line.contains(" /dev/shm "))
        .unwrap();
    assert!(shm.contains("size=16384k"), "{shm}");
    order["work"]["resources"]["docker_args"] = "--env 'open".into();
    let ran = place.run_order(&order);
    assert_eq!(
        ran.reason(),
        "read resources.docker_args: a quote is not closed"
    );
}

#[test]
fn an_image_that_cannot_be_had_leaves_the_machine_or_fails() {
    let Some((mut place, engine)) = place() else {
        return;
    };
    let name = "localhost/jobd-nothing:1";
    let ran = place.run(&image(name));
    assert_eq!(ran.environment().backend, "host");
    let note = format!(
        "environment {name}: no container ({} pull {name}: ",
        engine.name
    );
    assert!(ran.note().starts_with(&note), "{}", ran.note());
    place = place.strict();
    let ran = place.run(&image(name));
    assert!(ran.reason().starts_with(&note), "{}", ran.reason());
}

#[test]
fn a_runtime_that_does_not_work_is_none() {
    let place = Place::new(&[]);
    place.script(
        "podman",
        "#!/bin/sh\necho 'Error: no room in here' >&2\nexit 125\n",
    );
    let ran = place.run(&image("x"));
    assert_eq!(ran.environment().backend, "host");
    assert!(
        ran.note().contains("(podman info: no room in here)"),
        "{}",
        ran.note()
    );
    // One that can do everything but run.
    let script = "#!/bin/sh\n[ \"$1\" != run ] || { echo 'Error: crun: no' >&2; exit 126; }\n";
    place.script("podman", script);
    let ran = place.run(&image("x"));
    assert_eq!(ran.environment().backend, "host");
    assert!(
        ran.note().contains("(run x with podman: crun: no)"),
        "{}",
        ran.note()
    );
    let strict = place.strict();
    let ran = strict.run(&image("x"));
    assert!(
        ran.reason().contains("(run x with podman: crun: no)"),
        "{}",
        ran.reason()
    );
}

#[test]
fn an_image_is_what_is_in_it_and_not_its_name() {
    let Some((place, engine)) = place() else {
        return;
    };
    let before = place.run(&image(IMAGE)).environment().clone();
    assert_eq!(place.run(&image(IMAGE)).environment(), &before);
    let changed = place.write("changed/Dockerfile", &format!("FROM {IMAGE}\nENV X=y\n"));
    let folder = changed.parent().unwrap().to_str().unwrap();
    let build = ["build", "--network", "host", "--tag", IMAGE, folder];
    drop(engine.ask(&build));
    // What was prepared before runs what it was prepared with.
    assert_eq!(place.says(&before, "echo $X"), "\n");
    let mut again = place.order(&image(IMAGE));
    let after = place.run_order(&again).environment().clone();
    assert_eq!(place.says(&after, "echo $X"), "y\n");
    assert_ne!(after.digest, before.digest);
    again["work"]["environment_digest"] = before.digest.unwrap().into();
    let reason = place.run_order(&again);
    assert!(reason.reason().contains("in the job that is run again"));
}

#[test]
fn docker_is_asked_where_there_is_no_podman() {
    let place = Place::new(&[]);
    let script = "#!/bin/sh\necho \"$@\" >> 'FOLDER/calls'\n";
    place.script(
        "docker",
        &script.replace("FOLDER", place.folder.to_str().unwrap()),
    );
    let ran = place.run(&image("x"));
    let report = ran.environment();
    assert_eq!(report.backend, "container");
    let docker = place.folder.join("bin/docker").display().to_string();
    assert_eq!(report.kill[report.kill.len() - 4], docker);
    assert_eq!(report.kill[report.kill.len() - 3..][..2], ["rm", "--force"]);
    let name = report.container.as_ref().unwrap();
    assert!(name.starts_with("jobd-ajob-"), "{name}");
    // It is the step's, whose number the stage does not know.
    let word = report.kill.last().unwrap();
    assert_eq!(word, "{container}");
    assert!(report.wrapper.contains(word) && !report.wrapper.contains(&"--replace".to_owned()));
    assert_eq!(report.wrapper.last().unwrap(), "x");
    let calls = place.read("calls");
    let calls: Vec<&str> = calls
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(calls, ["info", "image", "image", "run"]);
}
