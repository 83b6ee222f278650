//! Data of a real job: through the daemon, `jobd-stage` and the supervisor, from a web server into
//! the command and from the command into a datastore.
#![expect(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::process::Command;

use jobd_tests::harness::{Home, JobFile};
use jobd_tests::stage::{Moto, Reply, Web, reply_with_file};

fn configured(text: &str, env: &[(&str, String)]) -> Home {
    let mut home = Home::new();
    fs::write(home.path().join("jobd.yaml"), text).unwrap();
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.into()));
    home.set_env(env.collect());
    home.start(&[]);
    home
}

/// A job that reads its inputs, tries to write to them, and writes its outputs.
fn job(name: &str, url: &str, goal: &str) -> JobFile {
    let command = "cat ${{inputs.data}}; ls ${{inputs.all}}; \
                   if echo x 2>/dev/null >> ${{inputs.all}}/deep/file; then echo written; fi; \
                   mkdir ${{outputs.model}}/deep; cp ${{inputs.data}} ${{outputs.model}}/deep/copy";
    JobFile::new(command).name(name).with(&format!(
        "inputs: {{data: {{type: uri_file, path: '{url}'}}, all: {{path: ./all, mode: ro_mount}}}}\n\
         outputs: {{model: {{path: '{goal}'}}}}"
    ))
}

#[test]
fn a_real_job_finds_its_data_and_leaves_its_outputs_where_they_belong() {
    let web = Web::of_file(b"a,b\n");
    let store = jobd_tests::harness::Folder::new();
    let configuration = format!(
        "datastores:\n  mine: {{type: folder, path: {}}}\ndefault_datastore: mine\n",
        store.path().display()
    );
    let home = configured(&configuration, &[]);
    fs::create_dir_all(home.path().join("all/deep")).unwrap();
    fs::write(home.path().join("all/deep/file"), "mine").unwrap();
    let goal = "azureml://datastores/${{default_datastore}}/paths/${{name}}/${{output_name}}";
    for name in ["first", "second"] {
        drop(home.submit(&job(name, &web.url("/cars.csv"), goal)));
        let ended = home.wait(name);
        let log = String::from_utf8(home.log(name)).unwrap();
        assert_eq!(ended["status"], "Completed", "{ended}\n{log}");
        let has_mounts = Command::new("unshare").args(["-m", "true"]).status();
        if has_mounts.is_ok_and(|status| status.success()) {
            assert_eq!(log, "a,b\ndeep\n", "read only, and nothing was written");
            let kept = fs::read(home.path().join("all/deep/file")).unwrap();
            assert_eq!(kept, b"mine");
        }
        let copy = store.path().join(name).join("model/deep/copy");
        assert_eq!(fs::read(copy).unwrap(), b"a,b\n");
    }
    assert_eq!(web.requests().len(), 2);
    assert!(
        web.requests()[1].headers.contains_key("if-none-match"),
        "fetched twice"
    );
}

#[test]
fn data_that_cannot_be_had_fails_the_job_and_the_queue_goes_on() {
    let web = Web::start(|request| match request.path.as_str() {
        "/there" => reply_with_file(request, b"x", "\"1\""),
        _ => Reply {
            status: 404,
            ..Reply::default()
        },
    });
    let home = configured("stall_seconds: 5\n", &[]);
    fs::create_dir_all(home.path().join("all/deep")).unwrap();
    drop(home.submit(&job("bad", &web.url("/gone"), "out/bad")));
    drop(home.submit(&job("good", &web.url("/there"), "out/good")));
    let bad = home.wait("bad");
    assert_eq!(bad["status"], "Failed");
    let text = bad.to_string();
    assert!(
        text.contains("inputs.data") && text.contains("(404)"),
        "{text}"
    );
    let good = home.wait("good");
    assert_eq!(good["status"], "Completed", "{good}");
    assert_eq!(
        fs::read(home.path().join("out/good/deep/copy")).unwrap(),
        b"x"
    );
}

#[test]
fn credentials_of_the_environment_reach_a_store_and_nothing_else() {
    let Some(moto) = Moto::start("data") else {
        return;
    };
    moto.put("data/in.csv", b"from s3\n");
    let env = [
        ("AWS_ACCESS_KEY_ID", "me".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "hush-hush".to_owned()),
        ("AWS_ENDPOINT_URL", moto.endpoint()),
    ];
    let home = configured("", &env);
    fs::create_dir_all(home.path().join("all/deep")).unwrap();
    drop(home.submit(&job("cloud", "s3://data/in.csv", "s3://data/out/${{name}}")));
    let ended = home.wait("cloud");
    assert_eq!(ended["status"], "Completed", "{ended}");
    assert_eq!(moto.get("data/out/cloud/deep/copy"), b"from s3\n");
    let told = Command::new("grep")
        .args([
            "-rl",
            "hush-hush",
            "--include=*.log",
            "--include=*.txt",
            "--include=report*",
        ])
        .arg(home.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&told.stdout), "");
    assert!(!ended.to_string().contains("hush-hush"));
}

#[test]
fn a_user_without_rights_has_mounts_of_its_own_or_a_note() {
    let web = Web::of_file(b"a,b\n");
    let Some((home, uid)) = Home::running_as_other_user(&[]) else {
        return;
    };
    let all = home.path().join("all/deep");
    fs::create_dir_all(&all).unwrap();
    fs::write(all.join("file"), "mine").unwrap();
    for path in [all.join("file"), all] {
        std::os::unix::fs::chown(path, Some(uid), Some(uid)).unwrap();
    }
    let goal = home.path().join("out");
    drop(home.submit(&job("other", &web.url("/x"), goal.to_str().unwrap())));
    let ended = home.wait("other");
    let log = String::from_utf8(home.log("other")).unwrap();
    assert_eq!(ended["status"], "Completed", "{ended}\n{log}");
    let is_noted = ended.to_string().contains("permits no private mounts");
    assert_eq!(log.contains("written"), is_noted, "{ended}\n{log}");
    assert_eq!(fs::read(goal.join("deep/copy")).unwrap(), b"a,b\n");
}
