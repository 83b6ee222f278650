//! The tests of containers once more, by other engines: docker, and podman of an ordinary user.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

use super::docker::Dockerd;
use super::engine::DOCKER;
use super::podman;

/// What holds for every engine.
const FOR_ALL: &[&str] = &[
    "a_job_in_a_container_sees_its_folder_its_data_read_only_and_nothing_else",
    "the_kill_reaches_what_runs_inside",
    "an_image_is_built_from_its_folder_once_for_what_is_in_it",
    "a_broken_dockerfile_fails_with_its_cause",
    "a_conda_file_is_added_to_the_image",
    "resources_of_the_job_go_to_the_container",
    "an_image_is_what_is_in_it_and_not_its_name",
    "an_image_that_cannot_be_had_leaves_the_machine_or_fails",
];
/// An ordinary user, whom only the test knows, and the users that are within its containers.
const USER: &str = "64711";
const NAME: &str = "jobdtest";
const WITHIN: &str = "jobdtest:500000:65536\n";

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let name = format!("jobd-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(&self.0);
    }
}

/// Runs those tests with a command that ends with this program, one after the other: they look at
/// all containers that there are.
fn run_all(mut command: Command) {
    let names = FOR_ALL.iter().map(|name| format!("container::{name}"));
    command
        .args(names)
        .args(["--exact", "--nocapture", "--test-threads=1"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{error}");
    assert!(
        said.contains(&format!("{} passed", FOR_ALL.len())),
        "{said}"
    );
    if let Some(skip) = said.lines().find_map(|line| line.split_once("SKIP: ")) {
        println!("SKIP: {}", skip.1);
    }
}

#[test]
fn what_holds_in_containers_holds_by_docker() {
    let Some(docker) = Dockerd::start() else {
        return;
    };
    let mut tests = Command::new(std::env::current_exe().unwrap());
    tests.env(DOCKER, &docker.program).envs(docker.variables());
    run_all(tests);
}

/// Becomes the user in a file system in which it is known, and runs what follows.
const AS_USER: &str = r#"
set -e
folder=$1 user=$2
shift 2
for name in passwd group subuid subgid; do
    [ -e "/etc/$name" ] || { echo "SKIP: there is no /etc/$name"; exit 77; }
    mount --bind "$folder/$name" "/etc/$name"
done
set -- setpriv --reuid "$user" --regid "$user" --clear-groups --inh-caps=-all "$@"
exec env HOME="$folder/home" XDG_RUNTIME_DIR="$folder/run" "$@"
"#;

#[test]
fn what_holds_in_containers_holds_by_podman_without_root() {
    if !geteuid().is_root() {
        println!("SKIP: without root all tests of containers are such already");
        return;
    }
    if let Some(missing) = ["podman", "newuidmap", "unshare", "setpriv"]
        .into_iter()
        .find(|name| podman::on_path(name).is_none())
    {
        println!("SKIP: {missing} is not installed");
        return;
    }
    let folder = Folder::new("rootless");
    let more = |name: &str, line: &str| {
        let known = fs::read_to_string(Path::new("/etc").join(name)).unwrap();
        folder.write(name, &format!("{known}{line}"));
    };
    more("passwd", &format!("{NAME}:x:{USER}:{USER}::/:/bin/sh\n"));
    more("group", &format!("{NAME}:x:{USER}:\n"));
    folder.write("subuid", WITHIN);
    folder.write("subgid", WITHIN);
    let user = USER.parse().unwrap();
    for name in ["home", "run"] {
        let path = folder.0.join(name);
        fs::create_dir(&path).unwrap();
        std::os::unix::fs::chown(path, Some(user), Some(user)).unwrap();
    }
    let mut command = Command::new("unshare");
    command
        .args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            AS_USER,
            "sh",
        ])
        .arg(&folder.0)
        .arg(USER);
    let program = std::env::current_exe().unwrap();
    let mut probe = Command::new("setpriv");
    probe.args([
        "--reuid",
        USER,
        "--regid",
        USER,
        "--clear-groups",
        "test",
        "-x",
    ]);
    if !probe.arg(&program).status().unwrap().success() {
        println!(
            "SKIP: an ordinary user does not reach {}",
            program.display()
        );
        return;
    }
    command.arg(program);
    run_all(command);
}
