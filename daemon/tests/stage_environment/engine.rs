//! What runs containers in this run of the tests: podman with a store of each test's own, or the
//! docker that `engines.rs` has started.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::podman::{self, Variables};

/// Names docker's client; `DOCKER_HOST` and the image are there then.
pub const DOCKER: &str = "JOBD_TESTS_DOCKER";
/// What podman needs on `PATH` where its user is not root.
const HELPERS: [&str; 2] = ["newuidmap", "newgidmap"];

pub struct Engine {
    pub name: &'static str,
    pub program: PathBuf,
    pub env: Variables,
}

impl Engine {
    /// With the image, for the test that has this folder; none where none works here, and then the
    /// reason is printed.
    pub fn of_this_run(folder: &Path) -> Option<Engine> {
        if let Some(docker) = std::env::var_os(DOCKER) {
            return Some(Engine {
                name: "docker",
                program: docker.into(),
                env: Variables::new(),
            });
        }
        let env = podman::equip(folder)?;
        Some(Engine {
            name: "podman",
            program: podman::on_path("podman").unwrap(),
            env,
        })
    }

    /// The programs that a stage must find, by their names.
    pub fn programs(&self) -> Vec<(PathBuf, &'static str)> {
        let helpers = HELPERS.map(|name| podman::on_path(name).zip(Some(name)));
        let own = (self.program.clone(), self.name);
        [own]
            .into_iter()
            .chain(helpers.into_iter().flatten())
            .collect()
    }

    /// What it answers.
    pub fn ask(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.program);
        command.args(arguments).envs(self.env.iter().cloned());
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }
}
