//! The configuration file: what is taken, and how what is wrong is refused.

use std::path::Path;

use proto::stage::{Datastore, EnvironmentPolicy, StageSettings};

use super::*;

fn read(text: &str) -> (Overrides, StageSettings) {
    parse(text.as_bytes(), Path::new("jobd.yaml")).unwrap()
}

fn message(text: &str) -> String {
    parse(text.as_bytes(), Path::new("jobd.yaml"))
        .unwrap_err()
        .to_string()
}

#[test]
fn the_command_line_wins_over_the_file_and_the_file_over_the_defaults() {
    let (file, _) = read("slots: 3\ngrace_seconds: 0\n");
    let above = Overrides {
        slots: Some(5),
        ..Overrides::default()
    };
    let settings = Settings::from(&file.under(&above));
    assert_eq!(settings.capacity.slots, 5);
    assert_eq!(settings.grace_ms, 0);
    assert_eq!(settings.log_days, 7);
}

#[test]
fn a_wrong_file_is_refused_with_its_place() {
    assert!(message("slots: 2\nslot: 3\n").starts_with("jobd.yaml:2:1: error: slot: "));
    assert!(message("slots: many\n").starts_with("jobd.yaml:1:8: error: slots: "));
    assert!(message("slots: 0\n").contains("from 1 to 10000"));
    assert!(message("- slots\n").contains("must be a mapping"));
}

#[test]
fn an_empty_file_is_no_file() {
    assert_eq!(read("\n"), Default::default());
    assert_eq!(read("# nothing yet\n\n  # slots: 3\n"), Default::default());
}

#[test]
fn what_a_stage_needs_is_read() {
    let (_, stage) = read(
        "datastores:
  training: {type: folder, path: /data/training}
  blob: {type: azure_blob, account: a, container: c, endpoint: http://127.0.0.1:1/a/}
  bucket: {type: s3, bucket: b, region: eu-west-1, credentials_file: /home/me/s3.env}
  cloud: {type: gcs, bucket: g}
default_datastore: training
mirrors:
  https://example.org/: /mirror
  https://example.org/big/: s3://b/big
environments: /etc/jobd/environments
environment_policy: strict
code_bytes_max: 5
cache_bytes_max: 1000000
environments_bytes_max: 2000000
stall_seconds: 30
",
    );
    assert_eq!(
        stage.datastores["training"],
        Datastore::Folder {
            path: "/data/training".into()
        }
    );
    assert_eq!(
        stage.datastores["blob"],
        Datastore::AzureBlob {
            account: "a".into(),
            container: "c".into(),
            endpoint: Some("http://127.0.0.1:1/a".into()),
            credentials_file: None,
        }
    );
    assert_eq!(stage.datastores.len(), 4);
    assert_eq!(stage.default_datastore.as_deref(), Some("training"));
    assert_eq!(stage.mirrors["https://example.org/"], "/mirror");
    assert_eq!(stage.environment_policy, EnvironmentPolicy::Strict);
    assert_eq!(stage.cache_bytes_max, Some(1_000_000));
    assert_eq!(stage.environments_bytes_max, Some(2_000_000));
    assert_eq!(stage.stall_secs, Some(30));
}

#[test]
fn what_a_stage_cannot_use_is_refused_with_its_place() {
    for (text, start, part) in [
        (
            "datastores: [a]\n",
            "jobd.yaml:1:13: error: datastores: ",
            "a name and a place",
        ),
        (
            "datastores:\n  a b: {type: folder, path: /x}\n",
            "jobd.yaml:2:3: error: datastores.a b: ",
            "letters, digits",
        ),
        (
            "datastores:\n  d: {path: /x}\n",
            "jobd.yaml:2:6: error: datastores.d: ",
            "`type` is required",
        ),
        (
            "datastores:\n  d: {type: ftp}\n",
            "jobd.yaml:2:13: error: datastores.d.type: ",
            "folder, azure_blob, s3 or gcs",
        ),
        (
            "datastores:\n  d: {type: folder, path: x}\n",
            "jobd.yaml:2:27: error: datastores.d.path: ",
            "an absolute path",
        ),
        (
            "datastores:\n  d: {type: s3, bucket: b, secret_access_key: x}\n",
            "jobd.yaml:2:28: error: datastores.d.secret_access_key: ",
            "mode 0600",
        ),
        (
            "datastores:\n  d: {type: gcs, bucket: b, endpoint: 'http://u:p@h'}\n",
            "jobd.yaml:2:39: error: datastores.d.endpoint: ",
            "no user, key or token",
        ),
        (
            "datastores:\n  d: {type: folder, path: /x}\ndefault_datastore: e\n",
            "jobd.yaml:3:20: error: default_datastore: ",
            "known are d",
        ),
        (
            "mirrors:\n  /here: /there\n",
            "jobd.yaml:2:3: error: mirrors./here: ",
            "a prefix such as",
        ),
        (
            "mirrors:\n  https://h/: there\n",
            "jobd.yaml:2:15: error: mirrors.https://h/: ",
            "an absolute path or another URL",
        ),
        (
            "environment_policy: lax\n",
            "jobd.yaml:1:21: error: environment_policy: ",
            "best_effort, strict or host",
        ),
        (
            "stall_seconds: 0\n",
            "jobd.yaml:1:16: error: stall_seconds: ",
            "from 1 to 86400",
        ),
    ] {
        let message = message(text);
        assert!(message.starts_with(start), "{text}{message}");
        assert!(message.contains(part), "{text}{message}");
        assert!(!message.contains("u:p"), "{message}");
    }
}
