//! What is reported, where, and how it reads.

use super::{accept, file, found, read};
use crate::diagnostic::Severity::{Error, Note, Warning};

/// All errors of a text as they print, one a line.
fn errors(lines: &str) -> String {
    found(lines, Error).join("\n")
}

#[test]
fn all_errors_of_a_file_come_at_once_in_its_order() {
    insta::assert_snapshot!(errors(
        r"
name: ../x
comand: x
type: command
inputs:
  lr: {type: number, default: 0.1}
  data: {path: ./d, mode: readonly}
  1x: 1
  when: 2024-01-02
outputs:
  o: {mode: ro_mount}
  p: {version: 3}
limits: {timeout: 0}
resources: {shm_size: lots, instance_count: two, instnce_type: x}
tags: {country: no}
environment_variables: {A=B: 1, C: {d: 1}}
queue_settings: {priority: urgent}
services: {s: {type: telnet}, t: {type: ssh, log_dir: x}}
distribution: {type: pytorch, worker_count: 2}
identity: {type: manged}
timeout: 5
"
    ));
}

#[test]
fn references_are_checked_where_they_stand() {
    insta::assert_snapshot!(errors(
        r"
inputs: {learning_rate: 0.1}
command: |
  echo ${{inputs.learning_rate}}
  python train.py \
    --lr ${{ inputs.learning_rat }} --out ${{outputs.o}}

  echo ${{secrets.x}} ${{search_space.lr}} ${{inputs.learning_rate
"
    ));
    insta::assert_snapshot!(errors(
        r"
command: >-
  python a.py
  ${{inputs.x}} é ${{inputs.x}}
"
    ));
}

#[test]
fn yaml_faults_and_field_faults_come_together() {
    let found = errors("limits: {timeout: -1}\ntags: {a: b, a: c}\n");
    assert!(
        found.contains("job.yml:1:19: error: limits.timeout:")
            && found.contains("job.yml:2:14: error: "),
        "{found}"
    );
}

#[test]
fn what_has_no_effect_is_noted_once_each() {
    insta::assert_snapshot!(
        found(
            r"
environment: {image: docker.io/python}
compute: azureml:cpu-cluster
distribution: {type: mpi}
identity: {type: user_identity}
services: {s: {type: ssh}}
resources: {instance_type: x, docker_args: --rm, locations: [here], max_instance_count: 2}
inputs: {d: {path: ./d, datastore: ds}}
outputs: {o: {mode: upload}, p: {mode: rw_mount}}
",
            Note
        )
        .join("\n")
    );
    assert_eq!(found("compute: local", Note), [""; 0]);
}

#[test]
fn deprecated_and_doubtful_things_are_warned_of() {
    insta::assert_snapshot!(
        found(
            r#"
experiment_name: a/b
inputs: {x: 1}
command: echo {inputs.x} {search_space.ss} $[[--a ${{inputs.zz}}]]
limits: {timeout: 1.5}
services: {s: {port: 22}}
environment: {image: a, name: b}
"#,
            Warning
        )
        .join("\n")
    );
}

#[test]
fn types_of_jobs_are_told_apart() {
    assert_eq!(
        errors("type: Command"),
        "job.yml:1:7: error: type: `Command` is not a type of job (did you mean `command`?)"
    );
    assert!(errors("type: spark").contains("jobd cannot run jobs of type `spark` yet"));
    assert!(errors("type: 5").contains("expected text, found the number 5"));
}

#[test]
fn environments_of_every_form() {
    for good in [
        "azureml:n:1",
        "azureml:n@latest",
        "azureml:n",
        "azureml://registries/r/environments/n/versions/1",
        "azureml:/subscriptions/s/x",
        "file:../e.yml",
        "{image: a}",
        "{image: a, conda_file: ./c.yml}",
        "{image: a, conda_file: {dependencies: [python=3.1, {pip: [a]}]}}",
        "{build: {path: ./c, dockerfile_path: D}}",
        "{image: a, os_type: Linux, tags: {a: b}, description: d}",
    ] {
        accept(&format!("environment: {good}"));
    }
    for bad in [
        "my-env",
        "azureml:",
        "''",
        "{}",
        "{conda_file: c}",
        "{image: a, build: {path: b}}",
        "{build: {}}",
        "5",
        "[a]",
        "{image: a, os_type: mac}",
        "{image: a, channels: []}",
    ] {
        assert!(!errors(&format!("environment: {bad}")).is_empty(), "{bad}");
    }
    assert!(errors("environment: my-env").contains("write azureml:my-env@latest"));
}

#[test]
fn bounds_are_refused_with_a_place() {
    let long = "x".repeat(crate::job::task::COMMAND_BYTES_MAX + 1);
    assert!(
        errors(&format!("command: {long}"))
            .contains("1:10: error: command: the command has 131072 bytes")
    );
    assert!(errors(&format!("{long}: 1")).len() < 1000);
    assert!(errors("limits: {timeout: 315360001}").contains("(ten years)"));
    accept("limits: {timeout: 315360000}");
    let many: String = (0..1000).map(|i| format!("bad{i}: 1\n")).collect();
    assert_eq!(found(&many, Error).len(), crate::job::FINDINGS_MAX);
}

#[test]
fn read_only_keys_are_dropped() {
    let job = accept(
        "id: x\nstatus: Completed\nlog_files: {a: b}\ncreation_context: {}\nparameters: {a: 1}\n$schema: 5\nservices: {s: {type: Studio, endpoint: x, status: y, error_message: z}}",
    );
    assert_eq!(
        serde_json::to_value(&job.services).unwrap(),
        serde_json::json!({"s": {"type": "Studio"}})
    );
}

#[test]
fn no_byte_changed_or_cut_makes_the_reader_panic() {
    let text = file("inputs: {x: 1, d: {path: ./a}}\noutputs:\n  o:\nlimits: {timeout: 5}\nresources: {shm_size: 1g}\ncommand: echo ${{inputs.x}} $[[${{inputs.y}}]] {outputs.o}\n").into_bytes();
    for at in 0..text.len() {
        read(&text[..at], None);
        for byte in [b'{', b'"', b'\n', b'&', b'*', b' ', b'-', 0xff] {
            let mut changed = text.clone();
            changed[at] = byte;
            read(&changed, None);
        }
    }
}
