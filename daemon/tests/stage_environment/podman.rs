//! podman with a store of the test's own, and an image made of a few programs of this machine:
//! no image can be pulled where there is no network.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the image is called.
pub const IMAGE: &str = "localhost/jobd-test:1";
/// What is in it.
const PROGRAMS: &[&str] = &["sh", "cat", "sleep", "touch", "id", "mkdir", "ls", "env"];
/// Works where there is no systemd and no right to raise limits, too.
const CONTAINERS: &str = r#"[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"#;

/// Variables of an environment.
pub type Variables = Vec<(String, String)>;

/// Makes a store below a folder, with the image in it, and gives the variables with which podman
/// uses it; none where podman does not work here, and then the reason is printed.
pub fn equip(folder: &Path) -> Option<Variables> {
    let missing = ["podman", "runc"]
        .into_iter()
        .find(|name| on_path(name).is_none());
    if let Some(missing) = missing {
        println!("SKIP: {missing} is not installed");
        return None;
    }
    let at = folder.join("podman");
    fs::create_dir(&at).unwrap();
    let (run, graph) = (at.join("run"), at.join("graph"));
    let (run, graph) = (run.display(), graph.display());
    let store =
        format!("[storage]\ndriver = \"vfs\"\nrunroot = \"{run}\"\ngraphroot = \"{graph}\"\n");
    let mut variables = Variables::new();
    for (variable, name, text) in [
        ("CONTAINERS_CONF", "containers.conf", CONTAINERS),
        ("CONTAINERS_STORAGE_CONF", "storage.conf", &store),
    ] {
        fs::write(at.join(name), text).unwrap();
        variables.push((variable.into(), at.join(name).to_str().unwrap().into()));
    }
    let archive = archive(&at);
    let import = podman(&variables, &["import", archive.to_str().unwrap(), IMAGE]);
    let made = import.and_then(|_| {
        let run = [
            "run",
            "--rm",
            "--network",
            "host",
            IMAGE,
            "/bin/sh",
            "-c",
            ":",
        ];
        podman(&variables, &run)
    });
    match made {
        Ok(_) => Some(variables),
        Err(why) => {
            println!("SKIP: podman does not work here: {}", why.trim());
            None
        }
    }
}

/// Runs podman with such variables.
pub fn podman(variables: &Variables, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(on_path("podman").unwrap());
    let output = command
        .args(arguments)
        .envs(variables.iter().cloned())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

/// A program of this machine.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap();
    let mut candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
    candidates.find(|path| path.is_file())
}

/// The image as a file.
pub fn archive(folder: &Path) -> PathBuf {
    let root = folder.join("root");
    for name in ["bin", "tmp", "etc", "proc", "dev", "sys"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    for program in PROGRAMS {
        let path = on_path(program).unwrap().canonicalize().unwrap();
        fs::copy(&path, root.join("bin").join(program)).unwrap();
        for library in libraries(&path) {
            let to = root.join(library.strip_prefix("/").unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&library, to).unwrap();
        }
    }
    let archive = folder.join("image.tar");
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".");
    assert!(tar.status().unwrap().success());
    archive
}

fn libraries(program: &Path) -> BTreeSet<PathBuf> {
    let output = Command::new("ldd").arg(program).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let words = text.split_whitespace().filter(|word| word.starts_with('/'));
    words.map(PathBuf::from).collect()
}
