//! An environment of conda: the whole conda file, by whichever tool is there.

use std::fs;
use std::path::Path;
use std::process::Command;

use proto::stage::EnvironmentReport;

use super::definition::CondaFile;
use super::digest::Digest;
use super::program::{self, Limit};
use super::provide::{EnvironmentError, Task};
use super::room::Room;
use super::tools;

/// The environment in its folder, which has our own files too.
const PREFIX: &str = "prefix";
/// The file that it is made from.
const FILE: &str = "conda.yml";

/// Makes it or finds it made.
pub(super) fn provide(
    task: &mut Task<'_>,
    conda: &CondaFile,
    tool: &Path,
) -> Result<EnvironmentReport, EnvironmentError> {
    let text = text(conda)?;
    let digest = Digest::new("conda").with(tools::name(tool)).with(&text);
    let digest = digest.with_local(&conda.packages.requirements)?;
    let room = Room::new(task.order, &digest.hex());
    let what = format!("environment {}", task.name);
    let is_whole = |folder: &Path| folder.join(PREFIX).join("bin").exists();
    let folder = room.furnish(&what, task.meter, is_whole, |folder, limit| {
        build(folder, limit, tool, conda, &text)
    })?;
    let prefix = folder.join(PREFIX);
    let variables = ["CONDA_PREFIX", "CONDA_DEFAULT_ENV"]
        .map(|variable| (variable.to_owned(), prefix.display().to_string()));
    let mut report = EnvironmentReport {
        name: task.name.clone(),
        backend: "conda".into(),
        digest: Some(room.digest.clone()),
        path: vec![prefix.join("bin")],
        variables: variables.into(),
        ..EnvironmentReport::default()
    };
    report.variables.insert("PYTHONHOME".into(), String::new());
    Ok(report)
}

/// The file as the tool reads it: JSON is YAML, and quotes what must stay a text.
pub(super) fn text(conda: &CondaFile) -> Result<String, EnvironmentError> {
    let mut content = conda.content.clone();
    // The prefix is given by its path.
    content.remove("prefix");
    serde_json::to_string_pretty(&content).map_err(EnvironmentError::Text)
}

fn build(
    folder: &Path,
    limit: Limit,
    tool: &Path,
    conda: &CondaFile,
    text: &str,
) -> Result<(), EnvironmentError> {
    let file = folder.join(FILE);
    fs::write(&file, text).map_err(|source| EnvironmentError::Folder {
        operation: "write",
        path: file.clone(),
        source,
    })?;
    let mut command = Command::new(tool);
    match tools::name(tool).as_str() {
        "micromamba" => command.args(["create", "--yes"]),
        _ => command.args(["env", "create"]),
    };
    command.arg("--prefix").arg(folder.join(PREFIX));
    command.arg("--file").arg(&file);
    command
        .env_remove("PYTHONHOME")
        .env("NO_COLOR", "1")
        .current_dir(&conda.folder);
    let what = format!("make the environment with {}", tools::name(tool));
    program::run(&mut command, &what, limit)?;
    Ok(())
}
