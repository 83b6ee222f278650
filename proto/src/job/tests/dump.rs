//! The dump's form, and that it is read back as the same job.

use std::collections::BTreeMap;

use proptest::collection::btree_map;
use proptest::option::of;
use proptest::prelude::*;

use super::accept;
use crate::job::{
    CommandJob, DataInput, Distribution, Environment, Identity, Input, Job, Limits, Literal,
    Output, Priority, QueueSettings, Resources, Service, dump, read, resources::DockerArgs,
    service::ServiceKind,
};

#[test]
fn the_flat_form_of_the_sdk() {
    insta::assert_snapshot!(dump(&accept(
        r#"
name: rich-1
command: |
  python train.py --lr ${{inputs.lr}} --data ${{inputs.data}}
  echo done
code: ./src
environment: {image: ubuntu:22.04, conda_file: {channels: [conda-forge], dependencies: [python=3.10]}}
environment_variables: {A: '1', B: 2, C: true, D: 1.0e+17, E:}
inputs:
  data: {mode: ro_mount, path: ./data}
  f: {mode: download, path: https://x.y/z.csv, type: uri_file}
  flag: true
  lr: 0.1
  big: 123456789012345678901
  s: "017"
outputs: {plain:}
limits: {timeout: 3600}
resources: {docker_args: [--a, --b], properties: {n: {a: 1.0}}}
tags: {a: '1', n:}
"#
    )));
}

#[test]
fn the_least_job_has_the_usual_mappings() {
    assert_eq!(
        dump(&accept("")),
        "command: echo hello\nenvironment: azureml:env:1\nenvironment_variables: {}\ninputs: {}\noutputs: {}\nparameters: {}\nproperties: {}\ntags: {}\ntype: command\n"
    );
}

#[test]
fn several_lines_with_what_a_block_cannot_hold_come_back() {
    for command in [
        "echo a\u{2028}b\necho c\n",
        "echo\u{85}\n\n x",
        "a\u{7f}\nb",
    ] {
        let mut job = accept("");
        job.command = command.into();
        let text = dump(&job);
        let read = accept(&text);
        assert_eq!(read.command, command, "{text}");
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~é\n]{1,30}",
        "[0-9:._eE+-]{1,8}",
        "yes|no|on|~|null|017|2024-01-02|=|<<"
    ]
    .prop_filter("not blank", |text| !text.trim().is_empty())
}

/// Text without marks of expressions.
fn plain() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.replace(['$', '{'], "x"))
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z_][a-zA-Z0-9_]{0,8}"
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<bool>().prop_map(Literal::Bool),
        any::<i64>().prop_map(Literal::Int),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite())
            .prop_map(Literal::Float),
        prop_oneof![text(), Just(String::new())].prop_map(Literal::Str),
        "-?[1-9][0-9]{20,40}".prop_map(|big| Literal::Big { big }),
    ]
}

fn data() -> impl Strategy<Value = DataInput> {
    let kind = prop_oneof![
        Just("uri_folder"),
        Just("uri_file"),
        Just("mltable"),
        Just("custom_model")
    ];
    let path = prop_oneof![
        plain(),
        "\\./[a-z]{1,5}",
        "https://[a-z]{1,5}/x",
        "azureml:[a-z]{1,5}:1"
    ];
    let mode = of(prop_oneof![
        Just("ro_mount"),
        Just("download"),
        Just("direct")
    ]);
    (kind, path, mode, of(plain()), of(plain())).prop_map(
        |(kind, path, mode, datastore, path_on_compute)| DataInput {
            kind: kind.into(),
            path,
            mode: mode.map(str::to_owned),
            datastore,
            path_on_compute,
        },
    )
}

fn output() -> impl Strategy<Value = Output> {
    let mode = of(prop_oneof![
        Just("rw_mount"),
        Just("upload"),
        Just("direct")
    ]);
    (
        mode,
        of(plain()),
        of(("[a-z][a-z0-9._-]{0,5}", of("[0-9]{1,3}"))),
    )
        .prop_map(|(mode, path, asset)| {
            let (name, version) =
                asset.map_or((None, None), |(name, version)| (Some(name), version));
            Output {
                kind: "uri_folder".into(),
                mode: mode.map(str::to_owned),
                path,
                name,
                version,
            }
        })
}

fn json_map() -> impl Strategy<Value = serde_json::Map<String, serde_json::Value>> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite())
            .prop_map(Into::into),
        text().prop_map(Into::into),
    ];
    let value = prop_oneof![
        leaf.clone(),
        proptest::collection::vec(leaf.clone(), 0..3).prop_map(Into::into),
        btree_map(plain(), leaf, 0..3)
            .prop_map(|map| serde_json::Value::Object(map.into_iter().collect()))
    ];
    btree_map(plain(), value, 0..4).prop_map(|map| map.into_iter().collect())
}

fn environment() -> impl Strategy<Value = Environment> {
    prop_oneof![
        "azureml:[a-z]{1,5}(:[0-9.]{1,3}|@latest)?".prop_map(Environment::Reference),
        (plain(), json_map()).prop_map(|(image, conda)| {
            let map = serde_json::json!({"image": image, "conda_file": conda});
            Environment::Inline(map.as_object().unwrap().clone())
        }),
        plain().prop_map(|path| Environment::Inline(
            serde_json::json!({"build": {"path": path}})
                .as_object()
                .unwrap()
                .clone()
        )),
    ]
}

fn resources() -> impl Strategy<Value = Resources> {
    let args = prop_oneof![
        plain().prop_map(DockerArgs::Text),
        proptest::collection::vec(text(), 0..3).prop_map(DockerArgs::List)
    ];
    (
        of(1u32..100),
        of(plain()),
        of("[1-9][0-9]{0,3}[bkmg]"),
        of(args),
        json_map(),
        of(proptest::collection::vec(text(), 0..3)),
    )
        .prop_map(
            |(instance_count, instance_type, shm_size, docker_args, properties, locations)| {
                Resources {
                    instance_count,
                    instance_type,
                    shm_size,
                    docker_args,
                    properties,
                    locations,
                    max_instance_count: instance_count,
                }
            },
        )
}

fn distribution() -> impl Strategy<Value = Distribution> {
    let count = of(1u32..100);
    prop_oneof![
        count
            .clone()
            .prop_map(|process_count_per_instance| Distribution::PyTorch {
                process_count_per_instance
            }),
        count
            .clone()
            .prop_map(|process_count_per_instance| Distribution::Mpi {
                process_count_per_instance
            }),
        count.prop_map(|worker_count| Distribution::TensorFlow {
            worker_count,
            parameter_server_count: Some(0)
        }),
        (of(1u16..), of(plain()), any::<Option<bool>>()).prop_map(
            |(port, address, include_dashboard)| Distribution::Ray(crate::job::distribution::Ray {
                port,
                address,
                include_dashboard,
                ..Default::default()
            })
        ),
    ]
}

fn identity() -> impl Strategy<Value = Identity> {
    prop_oneof![
        Just(Identity::AmlToken),
        Just(Identity::UserIdentity),
        of(plain()).prop_map(|client_id| Identity::ManagedIdentity {
            client_id,
            object_id: None,
            msi_resource_id: None
        }),
    ]
}

fn service() -> impl Strategy<Value = Service> {
    let kind = prop_oneof![
        Just(ServiceKind::Custom),
        Just(ServiceKind::VsCode),
        Just(ServiceKind::Studio),
        Just(ServiceKind::RayDashboard)
    ];
    (kind, of(1u16..), any::<bool>(), json_map()).prop_map(|(kind, port, all, properties)| {
        Service {
            kind,
            port,
            nodes: all.then(|| "all".to_owned()),
            log_dir: None,
            ssh_public_keys: None,
            properties,
        }
    })
}

fn queue() -> impl Strategy<Value = QueueSettings> {
    let tier = of(prop_oneof![
        Just("spot".to_owned()),
        Just("null".to_owned())
    ]);
    let priority = of(prop_oneof![
        Just(Priority::Low),
        Just(Priority::Medium),
        Just(Priority::High)
    ]);
    (tier, priority).prop_map(|(job_tier, priority)| QueueSettings { job_tier, priority })
}

prop_compose! {
    fn job()(
        names in (of("[a-z0-9][a-z0-9_-]{0,9}"), of(text()), of(text()), of(text()), of(text()), of("[a-z]{1,5}")),
        (tags, properties) in (btree_map(plain(), of(text()), 0..3), btree_map(plain(), of(text()), 0..3)),
        (command, code, environment) in (plain(), of(plain()), environment()),
        environment_variables in btree_map("[A-Z][ -<>-~]{0,6}", of(literal()), 0..4),
        (compute, resources, timeout) in (of(plain()), of(resources()), of(of(1u64..1000))),
        (distribution, identity, queue_settings) in (of(distribution()), of(identity()), of(queue())),
        inputs in btree_map(name(), prop_oneof![literal().prop_map(Input::Literal), data().prop_map(Input::Data)], 0..4),
        (outputs, services) in (btree_map(name(), output(), 0..3), of(btree_map(plain(), service(), 0..3))),
    ) -> CommandJob {
        let (name, display_name, experiment_name, description, _, parent_job_name) = names;
        CommandJob {
            name, display_name, experiment_name, description, tags, properties, command, code, environment, environment_variables,
            compute, resources, limits: timeout.map(|timeout| Limits { timeout }), distribution, inputs, outputs, identity, services,
            queue_settings, parent_job_name,
        }
    }
}

proptest! {
    #[test]
    fn a_dump_is_read_back_as_the_same_job(job in job()) {
        let dumped = dump(&job);
        let back = read(dumped.as_bytes(), None);
        prop_assert_eq!(back.job, Some(Job::Command(job)), "{}\n{:#?}", dumped, back.diagnostics);
    }

    #[test]
    fn a_job_survives_json(job in job()) {
        let json = serde_json::to_string(&Job::Command(job.clone())).unwrap();
        let back: Job = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(back, Job::Command(job));
    }
}

#[test]
fn large_integers_survive_where_a_literal_stands() {
    let inputs = BTreeMap::from([(
        "x".to_owned(),
        Input::Literal(Literal::Big {
            big: "-123456789012345678901".into(),
        }),
    )]);
    let job = CommandJob {
        inputs,
        ..accept("")
    };
    assert!(dump(&job).contains("x: -123456789012345678901\n"));
}
