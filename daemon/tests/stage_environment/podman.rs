//! podman with a store of the test's own, and an image made of a few programs of this machine:
//! no image can be pulled where there is no network.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::harness::{Place, on_path};

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

/// A place whose stages have podman and the image; none where podman does not work here, and then
/// the reason is printed.
pub fn place() -> Option<Place> {
    let missing = ["podman", "runc"]
        .into_iter()
        .find(|name| on_path(name).is_none());
    if let Some(missing) = missing {
        println!("SKIP: {missing} is not installed");
        return None;
    }
    let mut place = Place::new(&["podman"]);
    let at = place.folder.to_str().unwrap().to_owned();
    let store = format!(
        "[storage]\ndriver = \"vfs\"\nrunroot = \"{at}/podman/run\"\ngraphroot = \"{at}/podman/graph\"\n"
    );
    for (variable, name, text) in [
        ("CONTAINERS_CONF", "containers.conf", CONTAINERS),
        ("CONTAINERS_STORAGE_CONF", "storage.conf", &store),
    ] {
        let path = place.write(name, text).to_str().unwrap().to_owned();
        place.env.push((variable.to_owned(), path));
    }
    let archive = archive(&place.folder);
    let made = podman(&place, &["import", archive.to_str().unwrap(), IMAGE]).and_then(|_| {
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
        podman(&place, &run)
    });
    match made {
        Ok(_) => Some(place),
        Err(why) => {
            println!("SKIP: podman does not work here: {}", why.trim());
            None
        }
    }
}

/// Runs podman as the stages of a place do.
pub fn podman(place: &Place, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(on_path("podman").unwrap());
    let output = command
        .args(arguments)
        .envs(place.env.iter().cloned())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

fn archive(folder: &Path) -> PathBuf {
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
