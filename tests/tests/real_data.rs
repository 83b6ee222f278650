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

/// Gives a home data, of the user that its daemon runs as.
fn with_data(home: &Home, uid: Option<u32>) {
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("file"), "mine").unwrap();
    for path in [data.join("file"), data] {
        std::os::unix::fs::chown(path, uid, uid).unwrap();
    }
}

/// Whether a daemon of this user can keep jobs from writing to it.
fn may_mount() -> bool {
    let tried = Command::new("unshare").args(["-m", "true"]).status();
    let may = nix::unistd::geteuid().is_root() && tried.is_ok_and(|status| status.success());
    if !may {
        println!("SKIP: the daemon may make no mounts here");
    }
    may
}

/// Tries to write to all of its data.
const WRITES: &str = "cat ${{inputs.data}}/file; touch ${{inputs.data}}/new && echo written; true";

fn statuses(job: &serde_json::Value) -> Vec<&str> {
    let history = job["history"].as_array().unwrap().iter();
    history.map(|one| one["status"].as_str().unwrap()).collect()
}

#[test]
fn local_data_without_a_mode_is_read_only_where_it_is_and_costs_no_step() {
    if !may_mount() {
        return;
    }
    let home = Home::running(&[]);
    with_data(&home, None);
    let command = format!("{WRITES}; echo x >> ${{{{inputs.file}}}}; readlink /proc/self/ns/user");
    let inputs = "inputs: {data: {path: ./data}, file: {type: uri_file, path: ./data/file}}";
    drop(home.submit(&JobFile::new(&command).name("plain").with(inputs)));
    let ended = home.wait("plain");
    let log = String::from_utf8(home.log("plain")).unwrap();
    assert_eq!(ended["status"], "Completed", "{ended}");
    assert_eq!(log.matches("Read-only file system").count(), 2, "{log}");
    assert!(log.starts_with("mine") && !log.contains("written"), "{log}");
    let own = fs::read_link("/proc/self/ns/user").unwrap();
    assert!(log.ends_with(&format!("{}\n", own.display())), "{log}");
    assert!(!statuses(&ended).contains(&"Preparing"), "{ended}");
    assert!(!ended["notes"].to_string().contains("inputs"), "{ended}");

    let data = home.path().join("data");
    assert_eq!(fs::read(data.join("file")).unwrap(), b"mine");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
    fs::write(data.join("others"), "write").unwrap();

    // Who wants to write says so.
    let inputs = "inputs: {data: {path: ./data, mode: direct}}";
    drop(home.submit(&JobFile::new(WRITES).name("direct").with(inputs)));
    assert_eq!(home.wait("direct")["status"], "Completed");
    assert!(data.join("new").exists());
}

#[test]
fn a_job_writes_its_outputs_although_its_data_contains_them() {
    if !may_mount() {
        return;
    }
    let home = Home::running(&[]);
    with_data(&home, None);
    let command = "touch ${{inputs.all}}/data/new; echo 1 > ./outputs/kept; \
                   echo 2 > ${{outputs.own}}/kept; echo 3 > ${{outputs.folder}}/kept; \
                   echo 4 > ${{outputs.file}}";
    let job = JobFile::new(command).name("within").with(
        "inputs: {all: {path: .}}\noutputs: {own: , folder: {path: ./there, mode: direct}, \
         file: {type: uri_file, path: ./here/kept, mode: direct}}",
    );
    drop(home.submit(&job));
    let ended = home.wait("within");
    let log = String::from_utf8(home.log("within")).unwrap();
    assert_eq!(ended["status"], "Completed", "{ended}\n{log}");
    assert_eq!(log.matches("Read-only file system").count(), 1, "{log}");
    assert!(!home.path().join("data/new").exists());
    let folder = home.job_folder("within");
    for (path, text) in [
        (folder.join("outputs/kept"), "1\n"),
        (folder.join("named-outputs/own/kept"), "2\n"),
        (home.path().join("there/kept"), "3\n"),
        (home.path().join("here/kept"), "4\n"),
    ] {
        let found = fs::read_to_string(&path);
        assert_eq!(found.ok().as_deref(), Some(text), "{}", path.display());
    }
}

#[test]
fn a_daemon_without_rights_leaves_local_data_as_it_is_and_says_so() {
    let Some((home, uid)) = Home::running_as_other_user(&[]) else {
        return;
    };
    with_data(&home, Some(uid));
    let command = format!("{WRITES}; readlink /proc/self/ns/user");
    let job = JobFile::new(&command).name("other");
    let ran = home.jobctl(&["run", "-"]);
    let job = job.with("inputs: {data: {path: ./data}}");
    drop(
        ran.stdin(job.text())
            .run()
            .ok()
            .says(&["note: inputs: local data without a mode"]),
    );
    let own = fs::read_link("/proc/self/ns/user").unwrap();
    let log = String::from_utf8(home.log("other")).unwrap();
    assert_eq!(log, format!("minewritten\n{}\n", own.display()));
    let notes = home.show("other")["notes"].to_string();
    assert_eq!(notes.matches("EPERM").count(), 1, "{notes}");
    let again = home.run(&["rerun", "other"]).ok().stdout;
    let notes = home.wait(again.trim())["notes"].to_string();
    assert_eq!(notes.matches("EPERM").count(), 1, "{notes}");
    drop(home.submit(&JobFile::new("true").name("without")));
    let notes = home.wait("without")["notes"].to_string();
    assert!(!notes.contains("inputs"), "{notes}");
}

/// What a job has made of the folder that the finalization logs into is the job's own affair.
#[test]
fn a_job_that_leaves_no_place_for_its_finalization_fails_and_holds_up_nobody() {
    let home = Home::running(&[]);
    let elsewhere = home.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let link = format!("ln -s {} system_logs", elsewhere.display());
    for in_its_place in ["touch system_logs", &link] {
        let command = format!("rm -rf system_logs; {in_its_place}; touch ${{{{outputs.o}}}}/x");
        let job = JobFile::new(&command).with("outputs: {o: {path: out}}");
        let name = home.submit(&job);
        let ended = home.wait(&name);
        assert_eq!(ended["status"], "Failed", "{ended:#}");
        let why = ended["error"].to_string();
        assert!(why.contains("system_logs"), "{why}");
        drop(home.run_job(&JobFile::new("true")).ok());
    }
    assert_eq!(std::fs::read_dir(elsewhere).unwrap().count(), 0);
}
