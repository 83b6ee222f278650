//! The words that run a job's command in a container, and those that end it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proto::job::Resources;
use proto::stage::{PrepareOrder, PrepareReport, StageOrder, Work};

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
/// The variables that tell a runtime where its images and settings are; never those that may hold
/// a credential.
const LEADING: [&str; 11] = [
    "CONTAINERS_CONF",
    "CONTAINERS_REGISTRIES_CONF",
    "CONTAINERS_STORAGE_CONF",
    "CONTAINER_HOST",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
];
/// Where the daemon puts `--env NAME` for each variable of the job.
const ENVIRONMENT: &str = "{env}";
/// Where it puts the name of the step's container.
const NAME: &str = "{container}";

/// podman answers 2 as long as it believes that the container runs (podman-rm(1)): for a moment
/// after the container's processes and podman's own were killed. The shim has a limit for it.
const WHILE_IT_ENDS: &str = r#""$@"; while [ $? -eq 2 ]; do sleep 0.2; "$@"; done"#;

/// What the report has.
pub(super) struct Words {
    pub(super) wrapper: Vec<String>,
    pub(super) kill: Vec<String>,
    pub(super) name: String,
}

/// The job sees its own folder and its outputs as they are, its inputs read-only, and nothing
/// else of the machine but the network.
pub(super) fn words(
    task: &Task<'_>,
    runtime: &Runtime,
    image: &str,
    has_init: bool,
) -> Result<Words, EnvironmentError> {
    let runner = runner(runtime);
    let mut wrapper = runner.clone();
    let mut add = |words: &[&str]| wrapper.extend(words.iter().map(ToString::to_string));
    add(&["run", "--rm", "--pull", "never", "--name", NAME]);
    if has_init {
        add(&["--init"]);
    }
    if runtime.name == "podman" {
        // Nothing that is left under this name must be in the way.
        add(&["--replace"]);
    }
    add(&["--workdir", &task.order.folder.display().to_string()]);
    add(&["--entrypoint", ""]);
    wrapper.extend(isolation(runtime));
    for mount in mounts(task.order, task.prepared)? {
        wrapper.extend(["--mount".to_owned(), mount]);
    }
    wrapper.extend(of_resources(
        prepare(task.order).and_then(|order| order.resources.as_ref()),
    )?);
    wrapper.extend([ENVIRONMENT.to_owned(), image.to_owned()]);
    let mut kill = Vec::new();
    if runtime.name == "podman" {
        kill.extend(["/bin/sh", "-c", WHILE_IT_ENDS, "sh"].map(str::to_owned));
    }
    kill.extend(runner);
    kill.extend(["rm", "--force"].map(str::to_owned));
    if runtime.name == "podman" {
        kill.extend(["--ignore", "--time", "0"].map(str::to_owned));
    }
    kill.push(NAME.to_owned());
    Ok(Words {
        wrapper,
        kill,
        name: name(task.order),
    })
}

/// The runtime with the variables that lead it to its images: the command's own environment has
/// none of them.
fn runner(runtime: &Runtime) -> Vec<String> {
    let mut words = vec!["/usr/bin/env".to_owned()];
    for name in LEADING {
        if let Ok(value) = std::env::var(name) {
            words.push(format!("{name}={value}"));
        }
    }
    words.push(runtime.program.display().to_string());
    words
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

/// How the names of a job's containers begin, and another's never.
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

fn prepare(order: &StageOrder) -> Option<&PrepareOrder> {
    match &order.work {
        Work::Prepare(prepare) => Some(prepare),
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
    let same = |path: &Path| (path.to_owned(), path.to_owned());
    let outputs = prepared.outputs.values().map(Path::new);
    let outputs = outputs.filter(|path| path.is_absolute() && !path.starts_with(folder));
    let written: Vec<_> = [folder.as_path()]
        .into_iter()
        .chain(outputs)
        .map(same)
        .collect();
    let inputs = prepared
        .inputs
        .values()
        .filter_map(|input| match &input.mount {
            Some(mount) => Some((mount.source.clone(), mount.target.clone())),
            None => here(&input.text),
        });
    let in_place = prepare(order)
        .into_iter()
        .flat_map(|order| &order.read_in_place);
    // One that is missing fails the command's start, with a better word for it.
    let in_place = in_place.filter(|path| path.exists() && !path.starts_with(folder));
    let read = inputs.chain(in_place.map(|path| same(path)));
    let mut targets = BTreeSet::new();
    let all = written
        .into_iter()
        .map(|one| (one, false))
        .chain(read.map(|one| (one, true)));
    // A runtime refuses to mount two things at one place.
    all.filter(|((_, target), _)| targets.insert(target.clone()))
        .map(|((source, target), readonly)| mount(&source, &target, readonly))
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use proto::stage::{InputReport, Mount, StageSettings};
    use std::fs;

    fn mounted(inputs: &[(&str, InputReport)], root: &Path) -> Vec<String> {
        let order = StageOrder {
            job: "j".into(),
            folder: root.join("job"),
            base_path: root.into(),
            cache: root.join("cache"),
            settings: StageSettings::default(),
            work: Work::Prepare(Box::new(PrepareOrder {
                read_in_place: vec![root.join("data"), "/not/there".into()],
                ..PrepareOrder::default()
            })),
            others: None,
        };
        let named = |(name, input): &(&str, InputReport)| ((*name).into(), input.clone());
        let prepared = PrepareReport {
            inputs: inputs.iter().map(named).collect(),
            outputs: [
                ("in".into(), root.join("job/o").display().to_string()),
                ("out".into(), "/far/away".into()),
                ("uri".into(), "s3://b/k".into()),
            ]
            .into(),
            ..PrepareReport::default()
        };
        mounts(&order, &prepared).unwrap()
    }

    fn input(text: &Path, mount: Option<Mount>) -> InputReport {
        InputReport {
            text: text.display().to_string(),
            source: String::new(),
            digest: None,
            version: None,
            bytes: None,
            mount,
        }
    }

    #[test]
    fn inputs_are_mounted_once_where_the_command_finds_them() {
        let root = std::env::temp_dir().join(format!("jobd-run-{}", std::process::id()));
        fs::create_dir_all(root.join("job")).unwrap();
        fs::write(root.join("data"), "").unwrap();
        std::os::unix::fs::symlink(root.join("data"), root.join("job/link")).unwrap();
        let mount = Mount {
            source: root.join("data"),
            target: root.join("job/mounted"),
        };
        let inputs = [
            ("a", input(&root.join("data"), None)),
            ("b", input(&root.join("job/link"), None)),
            ("c", input(&root.join("job/mounted"), Some(mount))),
            ("d", input(Path::new("s3://b/k"), None)),
        ];
        let at = root.display();
        let expected = [
            format!("type=bind,source={at}/job,target={at}/job"),
            "type=bind,source=/far/away,target=/far/away".into(),
            format!("type=bind,source={at}/data,target={at}/data,readonly"),
            format!("type=bind,source={at}/data,target={at}/job/mounted,readonly"),
        ];
        assert_eq!(mounted(&inputs, &root), expected);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_path_that_no_runtime_understands_is_refused() {
        let error = mount(Path::new("/a,b"), Path::new("/c"), true)
            .err()
            .unwrap();
        assert!(
            error.to_string().starts_with("mount /a,b: a comma"),
            "{error}"
        );
    }
}
