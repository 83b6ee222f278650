//! The client's own daemon: started when there is none, asked what it is, and ended.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use jobd_tests::harness::process::is_alive;
use jobd_tests::harness::{Home, JobFile, Jobctl, probe_command};

#[test]
fn a_daemon_is_started_when_there_is_none_and_it_is_said_once() {
    let home = Home::new();
    let job = JobFile::new("echo hello");
    let first = home
        .jobctl(&["run", "-"])
        .may_start()
        .stdin(job.text())
        .run()
        .ok();
    let first = first.says(&["started jobd (pid ", home.path().to_str().unwrap()]);
    assert_eq!(first.stdout, "hello\n");
    assert_eq!(first.stderr.matches("started jobd").count(), 1);

    let second = home
        .jobctl(&["run", "-"])
        .may_start()
        .stdin(job.text())
        .run()
        .ok();
    assert!(!second.stderr.contains("started"), "{second:?}");
    let pid = home.run(&["status", "--query", "pid", "-o", "tsv"]).ok();
    assert_eq!(pid.stdout.trim(), home.daemon_pid().to_string());
}

#[test]
fn a_daemon_that_cannot_start_says_why_through_the_client() {
    let home = Home::new();
    let faulty = "slots: none at all\ngrace_seconds: never\n";
    fs::write(home.path().join("jobd.yaml"), faulty).unwrap();
    let ran = home.jobctl(&["list"]).may_start().run().code(125);
    let ran = ran.says(&["did not start", "jobd.yaml:1:8", "slots", "jobd.yaml:2:16"]);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(!ran.stderr.contains("\\n"), "{}", ran.stderr);
}

#[test]
fn many_clients_at_once_start_one_daemon() {
    let home = Home::new();
    let job = JobFile::new("true");
    let clients: Vec<_> = (0..6)
        .map(|_| {
            home.jobctl(&["run", "-"])
                .may_start()
                .stdin(job.text())
                .spawn()
        })
        .collect();
    for client in clients {
        drop(client.wait().ok());
    }
    let listed = home.run(&["list", "-o", "json"]).ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 6);
}

#[test]
fn xdg_folders_hold_without_jobd_home() {
    let home = Home::new();
    let run = |arguments: &[&str]| {
        Jobctl::new(home.path())
            .args(arguments)
            .env("JOBD_HOME", "")
            .env("XDG_STATE_HOME", home.path().join("s"))
            .env("XDG_RUNTIME_DIR", home.path().join("r"))
            .env("XDG_CONFIG_HOME", home.path().join("c"))
            .may_start()
            .stdin(JobFile::new("pwd").text())
            .run()
    };
    let ran = run(&["run", "-"]).ok();
    let jobs = home.path().join("s/jobd/jobs");
    assert!(ran.stdout.starts_with(jobs.to_str().unwrap()), "{ran:?}");
    assert!(home.path().join("r/jobd/jobd.sock").exists());
    drop(run(&["shutdown"]).ok());
}

#[test]
fn status_tells_what_the_daemon_is() {
    let home = Home::running(&["--slots", "3"]);
    drop(home.submit(&JobFile::endless("running")));
    home.wait_for_status("running", "Running");
    let status = home.run(&["status", "-o", "json"]).ok().json();
    assert_eq!(status["pid"], home.daemon_pid());
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["slots"], 3);
    assert_eq!(status["slots_used"], 1);
    assert_eq!(status["running"], 1);
    assert_eq!(status["queued"], 0);
    assert_eq!(status["paused"], false);
    for (name, path) in [
        ("socket", home.socket()),
        ("state", home.path().join("state")),
        ("spool", home.spool()),
        ("configuration", home.path().join("jobd.yaml")),
        ("log", home.path().join("state/log")),
    ] {
        assert_eq!(status["paths"][name], path.to_str().unwrap());
    }
    assert!(status["machine"]["cpus"].as_u64().unwrap() > 0, "{status}");
    assert!(
        status["machine"]["memory_total"].as_u64().unwrap() > 1 << 20,
        "{status}"
    );
    assert!(status["machine"]["load"].is_array(), "{status}");
    let people = home.run(&["status"]).ok().stdout;
    assert!(people.contains("1 of 3"), "{people}");
}

#[test]
fn shutdown_ends_the_daemon_and_not_its_jobs() {
    let mut home = Home::running(&[]);
    let gate = home.path().join("gate");
    let hold = probe_command(&["hold", gate.to_str().unwrap()]).replace("exec ", "");
    drop(home.submit(&JobFile::new(&format!("{hold}; exit 8")).name("long")));
    let started = home.started("long");
    drop(home.run(&["shutdown"]).ok());
    assert!(home.wait_for_daemon().success());
    assert!(is_alive(started.main.pid));
    drop(
        home.run(&["status"])
            .code(125)
            .says(&["no daemon is running"]),
    );
    drop(
        home.run(&["shutdown"])
            .code(125)
            .says(&["no daemon is running"]),
    );
    fs::write(&gate, "").unwrap();
    drop(home.exit("long"));
    home.start(&[]);
    assert_eq!(home.wait("long")["exit_code"], 8);
}

#[test]
fn what_everybody_may_write_to_is_not_used() {
    let home = Home::new();
    let places = ["", "state", "jobd.yaml", "spool"];
    for folder in ["state", "spool"] {
        fs::create_dir(home.path().join(folder)).unwrap();
    }
    fs::write(home.path().join("jobd.yaml"), "slots: 1\n").unwrap();
    for place in places {
        let path = home.path().join(place);
        let mode = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        let (_, said) = home.start_in_vain(&[]);
        assert!(said.contains("may write"), "{place}: {said}");
        fs::set_permissions(&path, mode).unwrap();
    }
    let ran = home.jobctl(&["list"]).may_start().run().ok();
    drop(ran.says(&["started jobd"]));
    for file in ["jobd.db", "jobd.db-wal", "jobd.db-shm"] {
        let found = fs::metadata(home.path().join("state").join(file)).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{file}");
    }
}

#[test]
fn another_users_daemon_is_talked_to_only_where_it_is_named() {
    let Some((home, uid)) = Home::running_as_other_user(&[]) else {
        return;
    };
    let owner = format!("belongs to user {uid}");
    let unnamed = Jobctl::new(home.path()).args(["list"]).run().code(125);
    drop(unnamed.says(&[&owner, "--socket"]));
    let socket = home.socket();
    let named = Jobctl::new(home.path()).args(["list", "--socket", socket.to_str().unwrap()]);
    drop(named.run().ok());
    // Nor does root run what another user keeps.
    let theirs = Home::new();
    chown(theirs.path(), Some(uid), Some(uid)).unwrap();
    let (_, said) = theirs.start_in_vain(&[]);
    assert!(said.contains(&owner), "{said}");
}
