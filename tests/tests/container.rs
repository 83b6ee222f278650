//! Jobs in containers, through the real client, daemon, shim and stage.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use jobd_tests::harness::{DEADLINE, Home, JobFile, quoted, wait_until};

#[path = "../../daemon/tests/stage_environment/docker.rs"]
mod docker;
#[path = "../../daemon/tests/stage_environment/podman.rs"]
mod podman;

use docker::Dockerd;
use podman::{IMAGE, Variables, podman};

/// A home whose daemon has podman and the image.
fn with_podman(arguments: &[&str]) -> Option<(Home, Variables)> {
    let mut home = Home::new();
    let variables = podman::equip(home.path())?;
    let env = variables.iter().cloned();
    home.set_env(
        env.map(|(name, value)| (name, OsString::from(value)))
            .collect(),
    );
    home.start(arguments);
    Some((home, variables))
}

fn in_image(command: &str) -> JobFile {
    let command = quoted(command);
    JobFile::of(&format!(
        "command: {command}\nenvironment: {{image: {IMAGE}}}\n"
    ))
}

#[test]
fn a_job_in_a_container_is_logged_and_sees_its_data_read_only() {
    let Some((home, _)) = with_podman(&[]) else {
        return;
    };
    fs::write(home.path().join("a.csv"), "1,2\n").unwrap();
    let command = "cat ${{inputs.a}}; echo x >> ${{inputs.a}} || echo read-only; \
                   mkdir -p ${{outputs.o}}; echo made > ${{outputs.o}}/file; echo $MINE $PWD";
    let job = in_image(command)
        .name("inside")
        .with("inputs: {a: {type: uri_file, path: a.csv}}\noutputs: {o: {}}")
        .with("environment_variables: {MINE: 'a b'}");
    drop(home.submit(&job));
    let ended = home.wait_long("inside");
    let said = String::from_utf8(home.log("inside")).unwrap();
    assert_eq!(ended["status"], "Completed", "{said}\n{ended}");
    assert!(
        said.starts_with("1,2\n") && said.contains("read-only\n"),
        "{said}"
    );
    let last = format!("a b {}\n", ended["job_path"].as_str().unwrap());
    // The two streams of a container come by two ways.
    assert!(said.contains(&last), "{said}");
    assert_eq!(
        fs::read_to_string(home.path().join("a.csv")).unwrap(),
        "1,2\n"
    );
    let uri = ended["outputs"]["o"]["uri"].as_str().unwrap();
    let file = PathBuf::from(uri.strip_prefix("file://").unwrap()).join("file");
    assert_eq!(fs::read_to_string(file).unwrap(), "made\n");
}

#[test]
fn the_time_limit_and_a_cancel_reach_into_a_container() {
    if let Some((home, variables)) = with_podman(&["--grace-seconds", "1"]) {
        assert_ends_reach_inside(&home);
        let left = podman(&variables, &["ps", "--all", "--quiet"]);
        assert_eq!(left.unwrap(), "");
    }
}

#[test]
fn the_time_limit_and_a_cancel_reach_into_a_container_of_docker() {
    let Some(docker) = Dockerd::start() else {
        return;
    };
    let mut home = Home::new();
    // Where there is no podman, docker is asked.
    let bin = home.path().join("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(&docker.program, bin.join("docker")).unwrap();
    let env = docker.variables().into_iter();
    let env = env.chain([("PATH".to_owned(), bin.display().to_string())]);
    home.set_env(env.map(|(name, value)| (name, value.into())).collect());
    home.start(&["--grace-seconds", "1"]);
    assert_ends_reach_inside(&home);
    assert_eq!(docker.ask(&["ps", "--all", "--quiet"]), "");
}

/// A job that outlasts its time and one that is canceled, both deaf in their containers.
fn assert_ends_reach_inside(home: &Home) {
    let deaf = format!(
        "trap '' TERM; touch begun; while :; do sleep 1; done; : {}",
        home.path().display()
    );
    drop(home.submit(&in_image(&deaf).name("limited").timeout(2)));
    drop(home.submit(&in_image(&deaf).name("canceled")));
    await_begun(home, "canceled");
    let command = format!(": {}", home.path().display());
    assert!(!running(&command).is_empty());
    drop(home.run(&["cancel", "canceled"]).ok());
    for name in ["limited", "canceled"] {
        assert_eq!(home.wait_long(name)["status"], "Canceled", "{name}");
    }
    assert_eq!(running(&command), Vec::<i32>::new());
}

#[test]
fn a_container_ends_with_its_supervisor_however_that_ends() {
    let Some((home, variables)) = with_podman(&[]) else {
        return;
    };
    let command = format!(": {}", home.path().display());
    let deaf = format!("trap '' TERM; touch begun; while :; do sleep 1; done; {command}");
    drop(home.submit(&in_image(&deaf).name("orphan")));
    await_begun(&home, "orphan");
    assert!(!running(&command).is_empty());
    let shim = nix::unistd::Pid::from_raw(home.started("orphan").shim.pid);
    nix::sys::signal::kill(shim, nix::sys::signal::Signal::SIGKILL).unwrap();
    assert_eq!(home.wait_long("orphan")["outcome"]["kind"], "lost");
    assert_eq!(running(&command), Vec::<i32>::new());
    let is_gone =
        || podman(&variables, &["ps", "--all", "--quiet"]).is_ok_and(|all| all.is_empty());
    wait_until("the container to be removed", DEADLINE, is_gone);
}

/// Waits until the command has made its file `begun`.
fn await_begun(home: &Home, name: &str) {
    let begun = || {
        let job = home.show(name);
        PathBuf::from(job["job_path"].as_str().unwrap_or("/nowhere"))
            .join("begun")
            .exists()
    };
    wait_until("the command to begin", DEADLINE, begun);
}

/// The processes whose words hold a text.
fn running(text: &str) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap();
    let names = entries.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let pids = names.filter_map(|name| name.parse::<i32>().ok());
    let words = |pid: &i32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    pids.filter(|pid| String::from_utf8_lossy(&words(pid)).contains(text))
        .collect()
}
