//! The words that run a job's command in a container, and those that end it.

use std::path::{Path, PathBuf};

use proto::job::Resources;
use proto::stage::{PrepareReport, StageOrder, Work};

use super::container::{Runtime, user};
use super::digest::Digest;
use super::provide::{EnvironmentError, Task};
use super::words;

/// `/dev/shm` where the job says nothing (azureml.md §1.3).
const SHM_SIZE: &str = "2g";
/// Characters of a job's name that are part of the container's.
const NAME_CHARS: usize = 40;
/// Digits that tell jobs of the same name in other daemons apart.
const NAME_DIGITS: usize = 12;
/// Where the daemon puts `--env NAME` for each variable of the job.
const ENVIRONMENT: &str = "{env}";

/// What the report has.
pub(super) struct Words {
    pub(super) wrapper: Vec<String>,
    pub(super) kill: Vec<String>,
}

/// The job sees its own folder and its outputs as they are, its inputs read-only, and nothing
/// else of the machine but the network.
pub(super) fn words(
    task: &Task<'_>,
    runtime: &Runtime,
    image: &str,
) -> Result<Words, EnvironmentError> {
    let program = runtime.program.display().to_string();
    let name = name(task.order);
    let mut wrapper: Vec<String> = vec![program.clone(), "run".into(), "--rm".into()];
    let mut add = |words: &[&str]| wrapper.extend(words.iter().map(ToString::to_string));
    add(&["--init", "--pull", "never", "--name", &name]);
    if runtime.name == "podman" {
        // What a killed attempt left must not be in the way.
        add(&["--replace"]);
    }
    add(&["--workdir", &task.order.folder.display().to_string()]);
    add(&["--entrypoint", ""]);
    wrapper.extend(isolation(runtime));
    for mount in mounts(task.order, task.prepared)? {
        wrapper.extend(["--mount".to_owned(), mount]);
    }
    wrapper.extend(of_resources(resources(task.order))?);
    wrapper.extend([ENVIRONMENT.to_owned(), image.to_owned()]);
    let mut kill = vec![program, "rm".to_owned(), "--force".to_owned()];
    if runtime.name == "podman" {
        kill.extend(["--time", "0"].map(str::to_owned));
    }
    kill.push(name);
    Ok(Words { wrapper, kill })
}

/// The user, and what of the machine is shared. Labels of SELinux would hide the mounts.
pub(super) fn isolation(runtime: &Runtime) -> Vec<String> {
    let mut words = vec!["--user".to_owned(), user()];
    words.extend(["--network", "host", "--security-opt", "label=disable"].map(str::to_owned));
    if runtime.is_rootless() {
        words.extend(["--userns", "keep-id"].map(str::to_owned));
    }
    words
}

/// The same for every attempt of a job, and another's never.
fn name(order: &StageOrder) -> String {
    let digest = Digest::new("name")
        .with(order.folder.as_os_str().as_encoded_bytes())
        .hex();
    let kept = order
        .job
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(NAME_CHARS);
    format!(
        "jobd-{}-{}",
        kept.collect::<String>(),
        &digest[..NAME_DIGITS]
    )
}

fn resources(order: &StageOrder) -> Option<&Resources> {
    match &order.work {
        Work::Prepare(prepare) => prepare.resources.as_ref(),
        Work::Finalize(_) => None,
    }
}

fn of_resources(resources: Option<&Resources>) -> Result<Vec<String>, EnvironmentError> {
    let shm_size = resources.and_then(|resources| resources.shm_size.as_deref());
    let mut all = vec![
        "--shm-size".to_owned(),
        shm_size.unwrap_or(SHM_SIZE).to_owned(),
    ];
    if let Some(args) = resources.and_then(|resources| resources.docker_args.as_ref()) {
        all.extend(words::of(args).ok_or(EnvironmentError::Quote)?);
    }
    Ok(all)
}

fn mounts(order: &StageOrder, prepared: &PrepareReport) -> Result<Vec<String>, EnvironmentError> {
    let folder = &order.folder;
    let mut mounts = vec![mount(folder, folder, false)?];
    for output in prepared.outputs.values().map(Path::new) {
        if output.is_absolute() && !output.starts_with(folder) {
            mounts.push(mount(output, output, false)?);
        }
    }
    for input in prepared.inputs.values() {
        let seen = match &input.mount {
            Some(seen) => Some((seen.source.clone(), seen.target.clone())),
            None => here(&input.text),
        };
        if let Some((source, target)) = seen {
            mounts.push(mount(&source, &target, true)?);
        }
    }
    Ok(mounts)
}

/// Where an input really lies that the command finds at a path; nothing for a URI.
fn here(text: &str) -> Option<(PathBuf, PathBuf)> {
    let path = Path::new(text);
    let source = path.is_absolute().then(|| path.canonicalize().ok())??;
    // A link within the working folder would be mounted over: what it leads to is mounted there.
    let target = if path.is_symlink() {
        source.clone()
    } else {
        path.into()
    };
    Some((source, target))
}

fn mount(source: &Path, target: &Path, readonly: bool) -> Result<String, EnvironmentError> {
    for path in [source, target] {
        let text = path
            .to_str()
            .filter(|text| !text.contains([',', '"', '\n']));
        text.ok_or_else(|| EnvironmentError::Unmountable(path.into()))?;
    }
    let (source, target) = (source.display(), target.display());
    let readonly = if readonly { ",readonly" } else { "" };
    Ok(format!(
        "type=bind,source={source},target={target}{readonly}"
    ))
}
