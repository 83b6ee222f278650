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
        cgroup_parent: Some("/sys/fs/cgroup/jobd".into()),
        open_files: Some(1024),
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
    assert_eq!(order.limit_ms, None, "the time limit is the command's");
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
