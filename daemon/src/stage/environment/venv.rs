//! A virtual environment: uv where it is on `PATH`, else `python -m venv` and pip.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proto::stage::EnvironmentReport;

use super::definition::CondaFile;
use super::digest::Digest;
use super::program::{self, Limit};
use super::provide::{EnvironmentError, Task};
use super::python::{self, Python};
use super::room::Room;
use super::tools;

/// The requirements in the folder of the environment.
const REQUIREMENTS: &str = "requirements.txt";
/// Folders in it that are kept to these names by Python.
const PYTHON: &str = "bin/python";

/// Makes it or finds it made.
pub(super) fn provide(
    task: &mut Task<'_>,
    conda: &CondaFile,
) -> Result<EnvironmentReport, EnvironmentError> {
    let uv = tools::find("uv");
    let python = interpreter(task, conda, uv.as_deref())?;
    if !conda.packages.conda_only.is_empty() {
        let packages = conda.packages.conda_only.join(", ");
        task.deviate(format!("only conda has {packages}: left out"))?;
    }
    let builder = Builder { uv, python, conda };
    let room = Room::new(task.order, &builder.digest()?);
    let what = format!("environment {}", task.name);
    let folder = room.furnish(&what, task.meter, is_whole, |folder, limit| {
        builder.build(folder, limit)
    })?;
    let variables = [
        ("VIRTUAL_ENV".to_owned(), folder.display().to_string()),
        // Empty counts as unset (python(1)): another's library would be taken otherwise.
        ("PYTHONHOME".to_owned(), String::new()),
    ];
    Ok(EnvironmentReport {
        name: task.name.clone(),
        backend: "venv".into(),
        digest: Some(room.digest.clone()),
        path: vec![folder.join("bin")],
        variables: variables.into(),
        ..EnvironmentReport::default()
    })
}

/// The interpreter may have gone since.
fn is_whole(folder: &Path) -> bool {
    folder.join(PYTHON).exists()
}

fn interpreter(
    task: &mut Task<'_>,
    conda: &CondaFile,
    uv: Option<&Path>,
) -> Result<Python, EnvironmentError> {
    let wanted = conda.packages.python.as_ref();
    let python = python::find(wanted, uv).ok_or(EnvironmentError::NoPython)?;
    if let Some(wanted) = wanted.filter(|wanted| !wanted.admit(&python.version)) {
        let version = &python.version;
        task.deviate(format!(
            "Python {wanted} is not on this machine: {version} was taken"
        ))?;
    }
    Ok(python)
}

struct Builder<'a> {
    uv: Option<PathBuf>,
    python: Python,
    conda: &'a CondaFile,
}

impl Builder<'_> {
    fn digest(&self) -> Result<String, EnvironmentError> {
        let tool = if self.uv.is_some() { "uv" } else { "pip" };
        let mut digest = Digest::new("venv")
            .with(tool)
            .with(self.python.program.as_os_str().as_encoded_bytes())
            .with(self.python.version.to_string());
        for line in &self.conda.packages.requirements {
            digest = digest.with(line);
        }
        Ok(digest.with_local(&self.conda.packages.requirements)?.hex())
    }

    fn build(&self, folder: &Path, limit: Limit) -> Result<(), EnvironmentError> {
        let python = &self.python;
        println!("Python {} ({})", python.version, python.program.display());
        program::run(
            &mut self.make(folder),
            "make the virtual environment",
            limit,
        )?;
        let requirements = &self.conda.packages.requirements;
        if requirements.is_empty() {
            return Ok(());
        }
        let file = folder.join(REQUIREMENTS);
        let text = requirements.join("\n") + "\n";
        fs::write(&file, text).map_err(|source| EnvironmentError::Folder {
            operation: "write",
            path: file.clone(),
            source,
        })?;
        let mut install = self.install(folder, &file);
        program::run(
            install.current_dir(&self.conda.folder),
            "install the packages",
            limit,
        )?;
        Ok(())
    }

    fn make(&self, folder: &Path) -> Command {
        let python = &self.python.program;
        match &self.uv {
            Some(uv) => {
                let mut command = plain(uv);
                command.args(["venv", "--seed", "--allow-existing", "--python"]);
                command.arg(python).arg(folder);
                command
            }
            None => {
                let mut command = plain(python);
                command.args(["-I", "-m", "venv"]).arg(folder);
                command
            }
        }
    }

    fn install(&self, folder: &Path, requirements: &Path) -> Command {
        let python = folder.join(PYTHON);
        let mut command = match &self.uv {
            Some(uv) => {
                let mut command = plain(uv);
                command.args(["pip", "install", "--python"]).arg(python);
                command
            }
            None => {
                let mut command = plain(&python);
                command.args(["-I", "-m", "pip", "install"]);
                command.arg("--disable-pip-version-check");
                command.args(["--no-input", "--progress-bar", "off"]);
                command
            }
        };
        command.arg("--requirement").arg(requirements);
        command
    }
}

/// A program that sees no environment but its own and draws nothing.
fn plain(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_remove("PYTHONHOME")
        .env_remove("PYTHONPATH")
        .env_remove("VIRTUAL_ENV")
        .env("NO_COLOR", "1")
        .env("UV_NO_PROGRESS", "1");
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::environment::packages::Packages;
    use crate::stage::environment::version::Version;
    use std::time::Duration;

    #[test]
    fn the_programs_of_a_build_share_its_time() {
        let folder = std::env::temp_dir().join(format!("jobd-venv-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let uv = folder.join("uv");
        // Written by another process: none that another test forks may hold it open.
        let script = "printf '#!/bin/sh\\nexec sleep 1.2\\n' > uv && chmod 755 uv";
        let mut shell = Command::new("/bin/sh");
        let written = shell.args(["-c", script]).current_dir(&folder).status();
        assert!(written.unwrap().success());
        let conda = CondaFile {
            content: serde_json::Map::new(),
            folder: folder.clone(),
            packages: Packages::new(&[], vec!["a".into()]),
        };
        let builder = Builder {
            uv: Some(uv),
            python: Python {
                program: "/python".into(),
                version: Version::parse("3.12").unwrap(),
            },
            conda: &conda,
        };
        // Enough for either of them, and not for both.
        let built = builder.build(&folder, Limit::of(Duration::from_secs(2)));
        let reason = built.err().unwrap().to_string();
        assert!(reason.ends_with("was ended when 2 s were over"), "{reason}");
        fs::remove_dir_all(folder).unwrap();
    }
}
