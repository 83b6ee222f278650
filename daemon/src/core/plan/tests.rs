//! Orders for steps, as the shim gets them.

use proto::job::{Job as Written, read};

use super::*;

fn definition(yaml: &str) -> Definition {
    let reading = read(yaml.as_bytes(), None);
    let Some(Written::Command(job)) = reading.job else {
        panic!("{:?}", reading.diagnostics)
    };
    Definition {
        job,
        base_path: "/home/me/project".into(),
        experiment_name: "project".into(),
        created_by: "me".into(),
        notes: Vec::new(),
        pinned: None,
    }
}

fn host() -> Host {
    Host {
        shell: "/bin/bash".into(),
        stage: "/opt/jobd-stage".into(),
        stage_env: vec![("AWS_REGION".into(), "r".into())],
        env: vec![
            ("PATH".into(), "/usr/bin".into()),
            ("HOME".into(), "/home/me".into()),
        ],
        grace_ms: 10_000,
        log_bytes_max: 1 << 20,
        boot_id: None,
        cgroup_parent: Some("/sys/fs/cgroup/jobd".into()),
        open_files: Some(1024),
        private_mounts: true,
    }
}

fn order(yaml: &str, kind: StepKind) -> Spec {
    let layout = Layout::new("/state".into());
    let step = StepRef { kind, attempt: 1 };
    spec("fine_job", step, &definition(yaml), None, &layout, &host()).unwrap()
}

const RICH: &str = "
command: python train.py --lr ${{inputs.lr}} --flag ${{ inputs.flag }} --data ${{inputs.data}} --table ${{inputs.table}} --far ${{inputs.far}} $[[--opt ${{inputs.lr}}]] --out ${{outputs.model}}
code: ./src
environment: azureml:env:1
environment_variables: {HOME: /elsewhere, N: 1, B: yes, E: null}
inputs:
  lr: 1.0e-3
  flag: yes
  data: {type: uri_folder, path: ./data}
  table: {type: uri_file, path: 'file:/abs/x.csv'}
  far: {type: uri_file, path: 'https://example.org/x.csv', mode: direct}
outputs:
  model:
limits: {timeout: 90}
";

#[test]
fn the_command_step_of_a_rich_job() {
    let order = order(RICH, StepKind::Command);
    insta::assert_snapshot!(serde_json::to_string_pretty(&order).unwrap());
}

#[test]
fn the_prepare_step_of_a_job_with_code() {
    let order = order(RICH, StepKind::Prepare);
    assert_eq!(order.argv, ["/opt/jobd-stage"]);
    assert!(order.stage && order.requires.len() == 1);
    let env = |name: &str| order.env.iter().any(|(known, _)| known == name);
    assert!(
        env("AWS_REGION") && env(COOKIE) && !env("N"),
        "{:?}",
        order.env
    );
    assert_eq!(
        order.limit_ms,
        Some(STAGE_SECS_MAX * 1000),
        "the job's limit is the command's"
    );
    assert_eq!(
        order.log.path,
        PathBuf::from("/state/jobs/fine_job/system_logs/prepare.log")
    );
}

#[test]
fn a_plain_job_has_one_step() {
    let plain = "command: echo hi\nenvironment: {image: x}\n";
    let order = order(plain, StepKind::Command);
    assert_eq!(order.argv, ["/bin/bash", "-c", "echo hi"]);
    assert!(order.requires.is_empty());
}

fn prepared_order(yaml: &str, report: serde_json::Value) -> Spec {
    let layout = Layout::new("/state".into());
    let (kind, attempt) = (StepKind::Command, 1);
    let step = StepRef { kind, attempt };
    let report = serde_json::from_value(report).unwrap();
    let definition = definition(yaml);
    spec("j", step, &definition, Some(&report), &layout, &host()).unwrap()
}

const STAGED: &str = "
command: train ${{inputs.data}} > ${{outputs.out}}
environment: azureml:env:1
environment_variables: {MINE: 1}
inputs: {data: {path: ./data, mode: ro_mount}}
outputs: {out: }
";

#[test]
fn a_command_is_put_behind_its_wrapper_which_hands_its_variables_on() {
    let order = prepared_order(
        STAGED,
        serde_json::json!({
            "inputs": {"data": {"text": "/in", "source": "/home/me/project/data",
                                "mount": {"source": "/a", "target": "/in"}}},
            "outputs": {"out": "/out"},
            "environment": {"name": "e", "backend": "container",
                            "wrapper": ["/usr/bin/podman", "run", "--name", "{container}", "{env}", "image"],
                            "kill": ["/usr/bin/podman", "rm", "{container}"],
                            "container": "jobd-j-123"},
        }),
    );
    let run = ["/usr/bin/podman", "run", "--name", "jobd-j-123-command.1"];
    assert_eq!(order.argv[..4], run);
    assert_eq!(
        order.kill,
        ["/usr/bin/podman", "rm", "jobd-j-123-command.1"]
    );
    let image = order.argv.iter().position(|word| word == "image").unwrap();
    let handed_on = &order.argv[4..image];
    let names: Vec<_> = handed_on.iter().skip(1).step_by(2).collect();
    assert!(handed_on.iter().step_by(2).all(|word| word == "--env"));
    for name in ["MINE", "AZURE_ML_INPUT_data", "AZUREML_RUN_ID"] {
        assert!(names.iter().any(|known| *known == name), "{names:?}");
    }
    // Those of the machine are not the container's.
    for name in ["PATH", "HOME", "PWD", "SHLVL"] {
        assert!(names.iter().all(|known| *known != name), "{names:?}");
    }
    assert_eq!(order.argv[image + 1..image + 3], ["/bin/sh", "-c"]);
    assert_eq!(order.argv.last().unwrap(), "train /in > /out");
    assert!(order.plain.is_empty());
    assert!(order.mounts.is_empty(), "the container mounts by itself");
}

#[test]
fn what_was_prepared_is_mounted_and_on_the_path() {
    let order = prepared_order(
        STAGED,
        serde_json::json!({
            "inputs": {"data": {"text": "/in", "source": "/home/me/project/data",
                                "mount": {"source": "/a", "target": "/in"}}},
            "environment": {"name": "e", "backend": "venv", "path": ["/env/bin"],
                            "variables": {"VIRTUAL_ENV": "/env", "MINE": "environment"}},
        }),
    );
    let value = |name: &str| {
        let mut found = order.env.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    };
    assert_eq!(value("PATH"), Some("/env/bin:/usr/bin"));
    assert_eq!(value("VIRTUAL_ENV"), Some("/env"));
    assert_eq!(value("MINE"), Some("1"), "the job's own wins");
    let mount = &order.mounts[0];
    assert_eq!(mount.name, "inputs.data");
    assert_eq!(mount.mount.target, PathBuf::from("/in"));
    assert!(order.requires.is_empty(), "the stage has looked for it");
}
