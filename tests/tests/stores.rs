//! Real stores: Azurite, which is Azure's own emulator of Blob Storage, moto for S3 and
//! fake-gcs-server for Google Cloud Storage.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use jobd_tests::stage::{
    Azurite, Gcs, Moto, Reply, Stage, Web, datastore, input, output, reply_with_file,
};
use serde_json::json;

/// More than a part of an upload.
const LARGE: usize = 9 << 20;

fn large() -> Vec<u8> {
    (0..LARGE).map(|at| (at / 4096 * 31 + at) as u8).collect()
}

/// A stage whose datastore `blobs` is the container, with credentials of mode 0600.
fn with_blobs(azurite: &Azurite, key: &str) -> Stage {
    let mut stage = Stage::new();
    stage.write(
        "azure.env",
        format!("# mine\nAZURE_STORAGE_ACCOUNT_KEY=\"{key}\"\n"),
    );
    let file = stage.base("azure.env");
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let blobs = datastore(json!({
        "type": "azure_blob", "account": Azurite::ACCOUNT, "container": "data",
        "endpoint": azurite.endpoint(), "credentials_file": file,
    }));
    stage.settings.datastores.insert("blobs".into(), blobs);
    stage.settings.default_datastore = Some("blobs".into());
    stage
}

fn put_sets(put: impl Fn(&str, &[u8])) {
    put("data/sets/cars.csv", b"a,b\n1,2\n");
    put("data/sets/deep/more cars.csv", b"more");
    put("data/sets/deep/empty", b"");
    put("data/setsquare", b"another");
    put(
        "data/tables/t/MLTable",
        b"paths: [{file: ./a.csv}, {pattern: './rows/**/*.csv'}, {folder: more}]",
    );
    put("data/tables/t/a.csv", b"a");
    put("data/tables/t/rows/deep/b.csv", b"b");
    put("data/tables/t/rows/deep/b.txt", b"not");
    put("data/tables/t/more/c.csv", b"c");
    put("data/tables/t/not.csv", b"not");
}

/// Folder and file come whole, and a second time from the cache.
fn assert_sets(stage: &Stage, root: &str) {
    for mode in ["ro_mount", "download"] {
        let folder = stage.input(input("uri_folder", &format!("{root}/sets/"), mode));
        assert!(folder.text.ends_with("/inputs/data"), "{}", folder.text);
        let read = |name: &str| fs::read_to_string(stage.job("inputs/data").join(name)).unwrap();
        assert_eq!(read("cars.csv"), "a,b\n1,2\n");
        assert_eq!(read("deep/more cars.csv"), "more");
        assert_eq!(read("deep/empty"), "");
        assert_eq!(folder.bytes, Some(12));
        let files = fs::read_dir(stage.job("inputs/data")).unwrap().count();
        assert_eq!(files, 2, "nothing of the neighbours");
        let file = stage.input(input("uri_file", &format!("{root}/sets/cars.csv"), mode));
        assert!(
            file.text.ends_with("/inputs/data/cars.csv"),
            "{}",
            file.text
        );
        assert_eq!(fs::read_to_string(&file.text).unwrap(), "a,b\n1,2\n");
        for path in ["sets", "sets/cars.csv"] {
            let either = stage.input(input("custom_model", &format!("{root}/{path}"), mode));
            assert_eq!(either.text.ends_with("cars.csv"), path.ends_with("csv"));
        }
    }
    assert_eq!(stage.cached_bytes(), 12, "one content each");
    let reason = stage.refused(input("uri_file", &format!("{root}/sets/none.csv"), ""));
    assert!(reason.contains("(404)"), "{reason}");
    let reason = stage.refused(input("uri_file", &format!("{root}/sets"), ""));
    assert!(
        reason.contains("is a folder, but uri_file needs a file"),
        "{reason}"
    );
    let reason = stage.refused(input("uri_folder", &format!("{root}/none"), ""));
    assert!(reason.contains("(404)"), "{reason}");
    let reason = stage.refused(input("uri_folder", &format!("{root}/sets/cars.csv"), ""));
    assert!(
        reason.contains("is a file, but uri_folder needs a folder"),
        "{reason}"
    );
    for mode in ["eval_mount", "eval_download"] {
        let table = stage.input(input("mltable", &format!("{root}/tables/t"), mode));
        let read = |name: &str| fs::read_to_string(stage.job("inputs/data").join(name)).unwrap();
        let all = ["a.csv", "rows/deep/b.csv", "more/c.csv"].map(read);
        assert_eq!(all, ["a", "b", "c"]);
        assert_eq!(table.bytes, Some(3), "{mode}: and nothing else");
    }
}

/// A folder with a large file and a single file arrive; twice is once.
fn assert_outputs(stage: &Stage, goal: &str, file_goal: &str) {
    let outputs = [
        ("model", output("uri_folder", goal, "named-outputs/model")),
        (
            "score",
            output("uri_file", file_goal, "named-outputs/score.json"),
        ),
        ("none", output("uri_folder", goal, "named-outputs/none")),
    ];
    let _made = stage.outputs(&outputs).prepared();
    stage.write_job("named-outputs/model/deep/large", large());
    stage.write_job("named-outputs/model/small", "small");
    stage.write_job("named-outputs/model/empty", "");
    stage.write_job("named-outputs/score.json", "{}");
    let first = stage.finalize(&outputs).finalized().outputs;
    assert_eq!(first, stage.finalize(&outputs).finalized().outputs);
    assert_eq!(first["model"].files, 3);
    assert_eq!(first["model"].bytes, LARGE as u64 + 5);
    let back = stage.input(input("uri_folder", &first["model"].path, ""));
    assert_eq!(
        back.digest, first["model"].digest,
        "what comes back is what went"
    );
    let back = stage.input(input("uri_file", &first["score"].path, ""));
    assert_eq!(back.digest, first["score"].digest);
    assert!(
        stage.job("named-outputs/model/small").exists(),
        "nothing is deleted"
    );
}

#[test]
fn azure_blobs_come_and_go() {
    let Some(azurite) = Azurite::start("data") else {
        return;
    };
    put_sets(|path, bytes| azurite.put(path, bytes));
    let stage = with_blobs(&azurite, Azurite::KEY);
    assert_sets(&stage, "azureml://datastores/blobs/paths");
    let goal = "azureml://datastores/${{default_datastore}}/paths/runs/${{name}}/${{output_name}}";
    let file_goal = "azureml://datastores/blobs/paths/runs/score.json";
    assert_outputs(&stage, goal, file_goal);
    assert_eq!(
        azurite.ask(&["get", "data/runs/brave_job/model/small"]),
        b"small"
    );

    azurite.put("data/sets/cars.csv", b"changed");
    let changed = stage.input(input(
        "uri_file",
        "azureml://datastores/blobs/paths/sets/cars.csv",
        "",
    ));
    assert_eq!(fs::read_to_string(changed.text).unwrap(), "changed");
}

#[test]
fn azure_addresses_take_their_credentials_from_the_environment() {
    let Some(azurite) = Azurite::start("data") else {
        return;
    };
    put_sets(|path, bytes| azurite.put(path, bytes));
    let set = |name: &str, value: String| (name.to_owned(), value);
    let token = String::from_utf8(azurite.ask(&["sas", "data"])).unwrap();
    let account = Azurite::ACCOUNT;
    for (credentials, root) in [
        (
            set("AZURE_STORAGE_KEY", Azurite::KEY.into()),
            format!("wasbs://data@{account}.blob.core.windows.net"),
        ),
        (
            set("AZURE_STORAGE_SAS_TOKEN", token.clone()),
            format!("abfss://data@{account}.dfs.core.windows.net"),
        ),
        (
            set(
                "AZURE_STORAGE_CONNECTION_STRING",
                format!("AccountName={account};AccountKey={};", Azurite::KEY),
            ),
            format!("https://{account}.blob.core.windows.net/data"),
        ),
    ] {
        let mut stage = Stage::new();
        let endpoint = set("AZURE_STORAGE_ENDPOINT", azurite.endpoint());
        stage.environment = vec![credentials, endpoint];
        assert_sets(&stage, &root);
    }
    // A token in the address of a file, as a web server sees it.
    let stage = Stage::new();
    let url = format!("{}/data/sets/cars.csv?{token}", azurite.endpoint());
    let ran = stage.inputs(&[("data", input("uri_file", &url, ""))]);
    assert_eq!(
        fs::read(&ran.prepared().inputs["data"].text).unwrap(),
        b"a,b\n1,2\n"
    );
    let signature = token.split("sig=").nth(1).unwrap();
    assert!(!ran.said.contains(signature), "{}", ran.said);
}

#[test]
fn refused_credentials_are_told_without_them() {
    let Some(azurite) = Azurite::start("data") else {
        return;
    };
    azurite.put("data/x", b"x");
    let wrong = "d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb24=";
    let stage = with_blobs(&azurite, wrong);
    let path = "azureml://datastores/blobs/paths/x";
    for kind in ["uri_file", "uri_folder"] {
        let ran = stage.inputs(&[("data", input(kind, path, ""))]);
        assert!(
            ran.failed().reason.contains("refused the credentials"),
            "{}",
            ran.said
        );
        assert!(
            !ran.said.contains(wrong) && !ran.said.contains("Signature"),
            "{}",
            ran.said
        );
    }
    stage.write_job("out/y", "y");
    let outputs = [("y", output("uri_folder", path, "out"))];
    let ran = stage.finalize(&outputs);
    let reason = ran.failed().reason;
    assert!(
        reason.contains("0 of 1 files are at") && reason.contains("refused"),
        "{reason}"
    );
    assert!(!ran.said.contains(wrong), "{}", ran.said);
    assert!(stage.job("out/y").exists(), "nothing is deleted");

    // Once the cause is gone, the same work completes.
    stage.write(
        "azure.env",
        format!("AZURE_STORAGE_ACCOUNT_KEY={}\n", Azurite::KEY),
    );
    let _done = stage.finalize(&outputs).finalized();
    assert_eq!(azurite.ask(&["get", "data/x/y"]), b"y");

    fs::set_permissions(stage.base("azure.env"), PermissionsExt::from_mode(0o640)).unwrap();
    let reason = stage.refused(input("uri_file", path, ""));
    assert!(
        reason.contains("its mode is 0640 and must be 0600"),
        "{reason}"
    );
    fs::remove_file(stage.base("azure.env")).unwrap();
    let reason = stage.refused(input("uri_file", path, ""));
    assert!(
        reason.contains("azure.env is not used: No such file"),
        "{reason}"
    );

    let mut stage = with_blobs(&azurite, "");
    stage.settings.datastores.insert(
        "public".into(),
        datastore(json!({
            "type": "azure_blob", "account": Azurite::ACCOUNT, "container": "data",
            "endpoint": azurite.endpoint(),
        })),
    );
    let reason = stage.refused(input("uri_file", "azureml://datastores/public/paths/x", ""));
    assert!(reason.contains("set AZURE_STORAGE_ACCOUNT_KEY"), "{reason}");
}

#[test]
fn s3_objects_come_and_go() {
    let Some(moto) = Moto::start("data") else {
        return;
    };
    put_sets(|path, bytes| moto.put(&path.replace(' ', "%20"), bytes));
    let mut stage = Stage::new();
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    stage.environment = vec![
        set("AWS_ACCESS_KEY_ID", "me"),
        set("AWS_SECRET_ACCESS_KEY", "hush"),
        set("AWS_ENDPOINT_URL", &moto.endpoint()),
    ];
    assert_sets(&stage, "s3://data");
    assert_outputs(&stage, "s3://data/runs/${{output_name}}", "s3://data/runs/");
    assert_eq!(moto.get("data/runs/model/small"), b"small");
    assert_eq!(moto.get("data/runs/score.json"), b"{}");

    let mut stage = Stage::new();
    stage.write(
        "s3.env",
        "export AWS_ACCESS_KEY_ID=me\nexport AWS_SECRET_ACCESS_KEY='hush'\n",
    );
    let file = stage.base("s3.env");
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let bucket = datastore(json!({
        "type": "s3", "bucket": "data", "region": "us-east-1",
        "endpoint": moto.endpoint(), "credentials_file": file,
    }));
    stage.settings.datastores.insert("bucket".into(), bucket);
    assert_sets(&stage, "azureml://datastores/bucket/paths");

    // A mirror may be another store.
    let mirrors = &mut stage.settings.mirrors;
    mirrors.insert(
        "https://data.example.org/".into(),
        "azureml://datastores/bucket/paths/sets".into(),
    );
    let report = stage.input(input(
        "uri_file",
        "https://data.example.org/deep/more%20cars.csv",
        "",
    ));
    assert_eq!(fs::read(report.text).unwrap(), b"more");
}

#[test]
fn google_objects_come_and_go() {
    let Some(gcs) = Gcs::start("data", None) else {
        return;
    };
    put_sets(|path, bytes| gcs.put(&path.replace(' ', "%20"), bytes));
    // As the variable of an account says it, which is a secret in whole.
    let account = json!({
        "gcs_base_url": gcs.endpoint(), "disable_oauth": true,
        "client_email": "", "private_key": "", "private_key_id": "",
    });
    let mut stage = Stage::new();
    stage.environment = vec![("GOOGLE_SERVICE_ACCOUNT_KEY".into(), account.to_string())];
    assert_sets(&stage, "gs://data");
    assert_outputs(&stage, "gs://data/runs/${{output_name}}", "gs://data/runs/");
    assert_eq!(gcs.get("data/runs/model/small"), b"small");
    assert_eq!(gcs.get("data/runs/score.json"), b"{}");
    // The first answer with the large file was cut.
    let asked = gcs.requests();
    let rest = asked.iter().filter_map(|asked| asked.headers.get("range"));
    assert_eq!(rest.collect::<Vec<_>>(), ["bytes=4194304-"]);

    let mut stage = Stage::new();
    stage.write("account.json", account.to_string());
    let account = stage.base("account.json");
    stage.write(
        "gcs.env",
        format!("GOOGLE_SERVICE_ACCOUNT={}\n", account.display()),
    );
    let file = stage.base("gcs.env");
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let bucket = datastore(json!({
        "type": "gcs", "bucket": "data", "credentials_file": file,
    }));
    stage.settings.datastores.insert("bucket".into(), bucket);
    assert_sets(&stage, "azureml://datastores/bucket/paths");
}

#[test]
fn what_google_refuses_is_one_readable_cause() {
    let Some(gcs) = Gcs::start("data", Some("right")) else {
        return;
    };
    gcs.put("data/x", b"x");
    let mut stage = Stage::new();
    for bucket in ["data", "none"] {
        let store = json!({ "type": "gcs", "bucket": bucket, "endpoint": gcs.endpoint() });
        stage
            .settings
            .datastores
            .insert(bucket.into(), datastore(store));
    }
    stage.write_job("out/y", "y");
    let told = |stage: &Stage, bucket: &str, cause: &str| {
        let path = format!("azureml://datastores/{bucket}/paths/x");
        for kind in ["uri_file", "uri_folder"] {
            let reason = stage.refused(input(kind, &path, ""));
            assert!(reason.contains(cause), "{reason}");
        }
        let ran = stage.finalize(&[("y", output("uri_folder", &path, "out"))]);
        let reason = ran.failed().reason;
        assert!(reason.contains("0 of 1 files are at"), "{reason}");
        assert!(reason.contains(cause), "{reason}");
        assert!(!ran.said.contains("a-wrong-token"), "{}", ran.said);
    };
    // Nobody else was asked for credentials: it is this store that wants them.
    told(&stage, "data", "the store wants credentials (401)");
    told(&stage, "data", "set GOOGLE_APPLICATION_CREDENTIALS");
    let token = |token: &str| vec![("GOOGLE_BEARER_TOKEN".to_owned(), token.to_owned())];
    stage.environment = token("a-wrong-token");
    told(&stage, "data", "the store refused the credentials (401)");
    stage.environment = token("right");
    told(&stage, "none", "there is nothing at this address (404)");
    let goal = "azureml://datastores/data/paths/x";
    let _done = stage
        .finalize(&[("y", output("uri_folder", goal, "out"))])
        .finalized();
    assert_eq!(gcs.get("data/x/y"), b"y");

    let key = json!({
        "client_email": "me@example.org", "private_key_id": "1",
        "private_key": "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n",
    });
    for (variable, value, why) in [
        ("GOOGLE_SERVICE_ACCOUNT_KEY", key.to_string(), "Encoding"),
        ("GOOGLE_SERVICE_ACCOUNT_KEY", "\"hush\"".into(), "at 1:6"),
        (
            "GOOGLE_SERVICE_ACCOUNT",
            "/none.json".into(),
            "/none.json: No such file",
        ),
    ] {
        stage.environment = vec![(variable.into(), value)];
        let ran = stage.inputs(&[("data", input("uri_file", goal, ""))]);
        let reason = ran.failed().reason;
        let is_told = reason.contains("credentials or the settings of this store cannot be used");
        assert!(is_told && reason.contains(why), "{reason}");
        assert!(!ran.said.contains("hush"), "{}", ran.said);
    }
}

#[test]
fn an_object_that_is_cut_or_replaced_meanwhile_is_whole_in_the_end() {
    let (old, new) = (large(), [large(), b"more".to_vec()].concat());
    let (first, second) = (old.clone(), new.clone());
    let web = Web::start(move |request| {
        let is_new = request.path.contains("replaced") && request.number > 0;
        let (bytes, etag) = if is_new {
            (&second, "\"2\"")
        } else {
            (&first, "\"1\"")
        };
        let wanted = request.headers.get("if-match");
        if wanted.is_some_and(|wanted| wanted != etag) {
            return Reply {
                status: 412,
                ..Reply::default()
            };
        }
        Reply {
            cut_after: (request.number < 2).then_some(1 << 20),
            ..reply_with_file(request, bytes, etag)
        }
    });
    let mut stage = Stage::new();
    let store = datastore(json!({ "type": "s3", "bucket": "b", "endpoint": web.url("") }));
    stage.settings.datastores.insert("b".into(), store);
    for (name, content) in [("cut", &old), ("replaced", &new)] {
        let path = format!("azureml://datastores/b/paths/{name}");
        let report = stage.input(input("uri_file", &path, ""));
        assert!(fs::read(&report.text).unwrap() == *content, "other bytes");
    }
    let requests = web.requests();
    assert_eq!(requests[2].headers["range"], "bytes=2097152-");
    assert_eq!(requests[2].headers["if-match"], "\"1\"");
}

#[test]
fn a_store_that_is_not_there_is_one_readable_cause() {
    let mut stage = Stage::new();
    stage.settings.stall_secs = Some(2);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    for (name, kind) in [("s3", "s3"), ("gcs", "gcs")] {
        let store = datastore(json!({
            "type": kind, "bucket": "b", "endpoint": format!("http://{address}"),
        }));
        stage.settings.datastores.insert(name.into(), store);
    }
    // It listens and never answers.
    for name in ["s3", "gcs"] {
        for kind in ["uri_file", "uri_folder"] {
            let path = format!("azureml://datastores/{name}/paths/x");
            let reason = stage.refused(input(kind, &path, ""));
            assert!(reason.contains("has sent nothing for 2 s"), "{reason}");
        }
    }
    let goal = "azureml://datastores/s3/paths/x";
    stage.write_job("out/y", "y");
    let failed = stage
        .finalize(&[("y", output("uri_folder", goal, "out"))])
        .failed();
    assert!(failed.reason.contains("0 of 1 files"), "{}", failed.reason);
    drop(nobody);
    let reason = stage.refused(input("uri_file", "azureml://datastores/s3/paths/x", ""));
    assert!(reason.contains("refused"), "{reason}");
}
