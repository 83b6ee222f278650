//! docker's daemon with all that is its in one folder, and the image of the tests in it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use super::podman::{self, IMAGE, Variables};

/// How long it may take to begin on a busy machine.
const BEGUN_WITHIN: Duration = Duration::from_secs(120);

/// The daemon and its client.
pub struct Dockerd {
    child: Child,
    folder: PathBuf,
    pub program: PathBuf,
}

impl Dockerd {
    /// Starts it; none where it does not work here, and then the reason is printed.
    pub fn start() -> Option<Dockerd> {
        let (Some(_), true) = (podman::on_path("dockerd"), geteuid().is_root()) else {
            println!("SKIP: docker's daemon is not installed, or this is not root");
            return None;
        };
        // The client of Debian's package, or whichever there is.
        let client = Some(Path::new("/usr/bin/docker").to_owned());
        let client = client.filter(|path| path.exists());
        let program = client.or_else(|| podman::on_path("docker")).unwrap();
        let folder = std::env::temp_dir().join(format!("jobd-docker-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut docker = Dockerd {
            child: daemon(&folder),
            folder,
            program,
        };
        if let Err(why) = docker.wait() {
            println!("SKIP: docker's daemon does not work here: {why}");
            return None;
        }
        let archive = podman::archive(&docker.folder);
        docker.ask(&["import", archive.to_str().unwrap(), IMAGE]);
        Some(docker)
    }

    /// Until it says that it listens, or why it does not.
    fn wait(&mut self) -> Result<(), String> {
        let said = BufReader::new(self.child.stderr.take().unwrap());
        let (sender, begun) = mpsc::channel();
        // It goes on speaking, and somebody must listen.
        thread::spawn(move || {
            let mut last = String::new();
            for line in said.lines().map_while(Result::ok) {
                if line.contains("API listen on") {
                    drop(sender.send(Ok(())));
                }
                last = line;
            }
            drop(sender.send(Err(last)));
        });
        let late = |_| Err("it does not begin".into());
        begun.recv_timeout(BEGUN_WITHIN).unwrap_or_else(late)
    }

    /// What leads a client to it.
    pub fn variables(&self) -> Variables {
        let at = |name: &str| self.folder.join(name).display().to_string();
        vec![
            ("DOCKER_HOST".into(), format!("unix://{}", at("socket"))),
            ("DOCKER_CONFIG".into(), at("config")),
        ]
    }

    fn client(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).envs(self.variables());
        command
    }

    /// What it answers.
    pub fn ask(&self, arguments: &[&str]) -> String {
        let output = self.client(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn daemon(folder: &Path) -> Child {
    let at = |name: &str| folder.join(name).display().to_string();
    let host = format!("unix://{}", at("socket"));
    Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "dockerd", "--pidfile", &at("pid")])
        .args(["--data-root", &at("data"), "--exec-root", &at("exec")])
        .args(["--host", &host, "--storage-driver", "vfs"])
        // Nothing of the machine's network is changed.
        .args(["--bridge", "none", "--iptables=false", "--ip-masq=false"])
        .args(["--ip-forward=false", "--userland-proxy=false"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // It ends what it has started.
        let _gone = kill(
            Pid::from_raw(self.child.id().cast_signed()),
            Signal::SIGTERM,
        );
        drop(self.child.wait());
        // All but the name of its network.
        let name = self.folder.join("exec/netns/default");
        drop(Command::new("umount").arg(name).output());
        let _left = fs::remove_dir_all(&self.folder);
    }
}
