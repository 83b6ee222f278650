//! From a job to the orders for its steps. Pure: what must be known of the machine comes in as
//! [`Host`], what is found missing on disk is the shim's to say.

mod ranks;

use std::path::{Path, PathBuf};

use proto::expression::{Context, Reference, Template};
use proto::job::{Heartbeat, Input, LocalPath, PathForm, PathKind, classify_path, local_paths};
use proto::record::{
    Format, HeartbeatSpec, InputMount, LogSpec, Requirement, RequirementKind, Spec,
};
use proto::stage::{EnvironmentReport, PrepareReport};

use super::event::Definition;
use super::mounts;
use super::quoting;
use super::step::{StepKind, StepRef};
use super::words::plain_words;
use crate::layout::{FINALIZE_LOG, Layout, PREPARE_LOG, STD_LOG, step_name};

/// The environment variable that tells which step a process belongs to: every process of a step
/// carries it, whatever it forked or detached. Its value is the step's folder, so that jobs of
/// the same name under two daemons are told apart.
pub const COOKIE: &str = "JOBD_STEP";

/// The environment variable that names the file whose change is a beat of a job's heartbeat.
const HEARTBEAT_VARIABLE: &str = "JOBD_HEARTBEAT";
const PATH: &str = "PATH";
/// What a shell sets by itself.
const SHELL_VARIABLES: [&str; 2] = ["PWD", "SHLVL"];
/// Its name in the working folder.
const HEARTBEAT_FILE: &str = ".heartbeat";

/// What runs a command behind a wrapper: the shell of where it runs, which may have no bash.
const INNER_SHELL: [&str; 3] = [
    "/bin/sh",
    "-c",
    r#"command -v bash > /dev/null && exec bash -c "$0"; exec /bin/sh -c "$0""#,
];
/// The word of a wrapper in whose place the job's variables are named.
const ENV_WORD: &str = "{env}";
/// And the one in whose place what it starts is named.
const NAME_WORD: &str = "{container}";

/// What this machine offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The shell that runs commands.
    pub shell: PathBuf,
    /// The program that prepares and finalizes.
    pub stage: PathBuf,
    /// The variables that every job sees.
    pub env: Vec<(String, String)>,
    /// Those that only stages see: where to find what they fetch, and the rights to it.
    pub stage_env: Vec<(String, String)>,
    /// Milliseconds between the polite stop and the kill.
    pub grace_ms: u64,
    /// The most bytes of a step's log.
    pub log_bytes_max: u64,
    /// Where shims may make cgroups.
    pub cgroup_parent: Option<PathBuf>,
    /// Which boot of the machine this is, where that can be told.
    pub boot_id: Option<String>,
    /// The soft limit of open files that jobs get.
    pub open_files: Option<u64>,
    /// Whether a job can have mounts of its own without a user namespace.
    pub private_mounts: bool,
}

/// How long a stage may take, in seconds: what it does has bounds of its own, and this is for
/// whatever gets past them.
pub const STAGE_SECS_MAX: u64 = 24 * 60 * 60;

/// Why a step cannot be planned. Admission refuses such jobs, so this is news of a fault.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The command's expressions cannot be resolved.
    #[error("resolve the command: {0}")]
    Command(String),
}

/// The order for one step of a job. `prepared` is what its prepare step has reported.
///
/// # Errors
/// See [`PlanError`].
pub fn spec(
    name: &str,
    step: StepRef,
    definition: &Definition,
    prepared: Option<&PrepareReport>,
    layout: &Layout,
    host: &Host,
) -> Result<Spec, PlanError> {
    let paths = Paths {
        name,
        definition,
        prepared,
        layout,
    };
    let cwd = layout.job(name);
    let env = match step.kind {
        StepKind::Command => environment(&paths, step, host),
        StepKind::Prepare | StepKind::Finalize => stage_environment(&paths, step, host),
    };
    let what = match step.kind {
        StepKind::Command => paths.run(step, &env, host)?,
        StepKind::Prepare | StepKind::Finalize => paths.stage(step.kind, host),
    };
    Ok(Spec {
        format: Format::CURRENT,
        job: name.into(),
        step: step.kind.name().into(),
        attempt: step.attempt,
        argv: what.argv,
        plain: what.plain,
        env,
        log: LogSpec {
            path: cwd.join(what.log),
            bytes_max: host.log_bytes_max,
        },
        limit_ms: what.limit_ms,
        grace_ms: host.grace_ms,
        requires: what.requires,
        user: None,
        cgroup_parent: host.cgroup_parent.clone(),
        heartbeat: heartbeat(step, definition, &cwd),
        open_files: host.open_files,
        boot_id: host.boot_id.clone(),
        stage: step.kind.is_stage(),
        writable: mounts::writable(&what.mounts, cwd.clone(), definition, prepared),
        mounts: what.mounts,
        kill: what.kill,
        cwd,
    })
}

/// Whether a shell would do more than to search for the program: with `BASH_ENV` or a function
/// in the environment, or a search path that depends on the working folder (bash(1)).
fn is_configured(env: &[(String, String)]) -> bool {
    let is_relative = |path: &str| path.split(':').any(|folder| !folder.starts_with('/'));
    env.iter()
        .any(|(name, value)| name.starts_with("BASH_") || name == "PATH" && is_relative(value))
}

fn heartbeat(step: StepRef, definition: &Definition, cwd: &Path) -> Option<HeartbeatSpec> {
    let asked = Heartbeat::of(&definition.job.properties)?;
    (step.kind == StepKind::Command).then(|| HeartbeatSpec {
        path: cwd.join(HEARTBEAT_FILE),
        silence_ms: asked.silence_secs * 1000,
        kill_ms: asked.kill_secs.map(|kill| kill * 1000),
    })
}

fn limit_ms(definition: &Definition) -> Option<u64> {
    let timeout = definition.job.limits.as_ref()?.timeout?;
    Some(timeout.saturating_mul(1000))
}

/// What a step is, besides what all have in common.
struct What {
    argv: Vec<String>,
    plain: Vec<String>,
    log: &'static str,
    requires: Vec<Requirement>,
    mounts: Vec<InputMount>,
    kill: Vec<String>,
    limit_ms: Option<u64>,
}

/// A job with the paths that its names stand for.
struct Paths<'a> {
    name: &'a str,
    definition: &'a Definition,
    prepared: Option<&'a PrepareReport>,
    layout: &'a Layout,
}

impl Paths<'_> {
    /// The command itself.
    fn run(&self, step: StepRef, env: &[(String, String)], host: &Host) -> Result<What, PlanError> {
        let command = self.command()?;
        let words = |of: fn(&EnvironmentReport) -> &[String]| {
            let report = self.environment()?;
            Some(named(of(report), report, step)).filter(|words| !words.is_empty())
        };
        let wrapper = words(|report| &report.wrapper);
        let (argv, plain) = match &wrapper {
            Some(words) => {
                let argv = wrapped(words, command, &own_variables(env, host));
                // The search of execvp(3), where the program is not an absolute path.
                let is_absolute = argv.first().is_some_and(|program| program.starts_with('/'));
                let plain = if is_absolute {
                    Vec::new()
                } else {
                    argv.clone()
                };
                (argv, plain)
            }
            None => {
                let plain = plain_words(&command).filter(|_| !is_configured(env));
                let shell = host.shell.to_string_lossy().into_owned();
                let argv = vec![shell, "-c".into(), command];
                (argv, plain.unwrap_or_default())
            }
        };
        // A wrapper shows its own what they may see.
        let mounts = match wrapper {
            Some(_) => Vec::new(),
            None => mounts::of_inputs(self.definition, self.prepared, host.private_mounts),
        };
        Ok(What {
            argv,
            plain,
            log: STD_LOG,
            requires: self.data_required(),
            mounts,
            kill: words(|report| &report.kill).unwrap_or_default(),
            limit_ms: limit_ms(self.definition),
        })
    }

    fn stage(&self, kind: StepKind, host: &Host) -> What {
        let is_prepare = kind == StepKind::Prepare;
        What {
            argv: vec![host.stage.to_string_lossy().into_owned()],
            plain: Vec::new(),
            log: if is_prepare {
                PREPARE_LOG
            } else {
                FINALIZE_LOG
            },
            requires: if is_prepare {
                self.code_required()
            } else {
                Vec::new()
            },
            mounts: Vec::new(),
            kill: Vec::new(),
            limit_ms: Some(STAGE_SECS_MAX * 1000),
        }
    }

    fn cookie(&self, step: StepRef) -> String {
        let folder = self.layout.step(self.name, step);
        folder.to_string_lossy().into_owned()
    }

    /// `PATH` with the folders of the environment before it, where it has some.
    fn search_path(&self, host: &Host) -> Option<(String, String)> {
        let report = self
            .environment()
            .filter(|report| !report.path.is_empty())?;
        let is_path = |(name, _): &&(String, String)| name == PATH;
        let rest = report.variables.get(PATH);
        let rest = rest.or_else(|| host.env.iter().find(is_path).map(|(_, path)| path));
        let folders = report.path.iter().map(|folder| folder.to_string_lossy());
        let all: Vec<_> = folders
            .chain(rest.map(|rest| rest.as_str().into()))
            .collect();
        Some((PATH.into(), all.join(":")))
    }

    fn environment(&self) -> Option<&EnvironmentReport> {
        self.prepared.and_then(|report| report.environment.as_ref())
    }

    /// What a data input stands for in the command, as it was prepared. One that was not is its
    /// path, or its URI where it is passed on.
    fn data(&self, name: &str, path: &str) -> String {
        if let Some(input) = self.prepared.and_then(|report| report.inputs.get(name)) {
            return input.text.clone();
        }
        match classify_path(path) {
            PathForm::Local(path) => {
                let path = self.definition.base_path.join(path);
                let path: PathBuf = path.components().collect();
                path.to_string_lossy().into_owned()
            }
            PathForm::Uri(text) | PathForm::Asset(text) => text,
        }
    }

    fn output(&self, output: &str) -> String {
        if let Some(path) = self.prepared.and_then(|report| report.outputs.get(output)) {
            return path.clone();
        }
        let path = self.layout.output(self.name, output);
        path.to_string_lossy().into_owned()
    }

    fn command(&self) -> Result<String, PlanError> {
        let job = &self.definition.job;
        let failed = |reason: String| PlanError::Command(reason);
        let template = Template::parse(&job.command).map_err(|faults| {
            failed(
                faults
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; "),
            )
        })?;
        let resolve = |reference: &Reference| match reference.context {
            Context::Inputs => job.inputs.get(&reference.name).map(|input| match input {
                Input::Literal(literal) => literal.to_string(),
                Input::Data(data) => quoting::mark(&self.data(&reference.name, &data.path)),
            }),
            Context::Outputs => job
                .outputs
                .contains_key(&reference.name)
                .then(|| quoting::mark(&self.output(&reference.name))),
            _ => None,
        };
        let rendered = template.render(resolve);
        let rendered = rendered.map_err(|unresolved| failed(unresolved.to_string()))?;
        Ok(quoting::place(&rendered))
    }

    /// A rerun uses the snapshot: where the code came from may be gone.
    fn code_required(&self) -> Vec<Requirement> {
        let pinned = self.definition.pinned.as_ref();
        let has_snapshot = pinned.is_some_and(|pinned| pinned.snapshot.is_some());
        let required = (!has_snapshot).then(|| self.local("code"));
        required.into_iter().flatten().collect()
    }

    /// What the stage has made ready, or has found to be there, need not be looked for.
    fn data_required(&self) -> Vec<Requirement> {
        let prepared = |required: &Requirement| {
            let name = required.name.split('.').nth(1).unwrap_or_default();
            self.prepared
                .is_some_and(|report| report.inputs.contains_key(name))
        };
        self.local("inputs.")
            .filter(|required| !prepared(required))
            .collect()
    }

    /// The local files and folders that must be there, of fields that begin so.
    fn local(&self, field: &'static str) -> impl Iterator<Item = Requirement> {
        let all = local_paths(&self.definition.job, &self.definition.base_path);
        all.into_iter()
            .filter(move |one| one.field.starts_with(field) && !one.is_passed_on)
            .filter_map(required)
    }
}

fn required(local: LocalPath) -> Option<Requirement> {
    let PathForm::Local(path) = local.path else {
        return None;
    };
    let kind = match local.kind {
        PathKind::File => RequirementKind::File,
        PathKind::Folder => RequirementKind::Folder,
        PathKind::Any => RequirementKind::Any,
    };
    Some(Requirement {
        name: local.field,
        path,
        kind,
    })
}

/// The words of a wrapper or of its end with the name of what this very step starts.
fn named(words: &[String], report: &EnvironmentReport, step: StepRef) -> Vec<String> {
    let mut words = words.to_vec();
    if let Some(begin) = &report.container {
        let name = format!("{begin}-{}", step_name(step));
        let places = words.iter_mut().filter(|word| *word == NAME_WORD);
        places.for_each(|word| word.clone_from(&name));
    }
    words
}

/// A command behind a wrapper, which hands these variables on.
fn wrapped(wrapper: &[String], command: String, variables: &[&str]) -> Vec<String> {
    let mut argv = Vec::new();
    for word in wrapper {
        if word == ENV_WORD {
            let handed_on = variables.iter();
            argv.extend(handed_on.flat_map(|name| ["--env".into(), (*name).to_owned()]));
        } else {
            argv.push(word.clone());
        }
    }
    argv.extend(INNER_SHELL.map(String::from));
    argv.push(command);
    argv
}

/// The variables that are not this machine's: those of the job and about it.
fn own_variables<'a>(env: &'a [(String, String)], host: &Host) -> Vec<&'a str> {
    let is_own = |one: &&(String, String)| {
        !SHELL_VARIABLES.contains(&one.0.as_str()) && !host.env.contains(one)
    };
    let own = env.iter().filter(is_own);
    own.map(|(name, _)| name.as_str()).collect()
}

/// The environment of a stage: the machine's, what it needs to fetch, and the cookie. Nothing of
/// the job's own, which is for its command.
fn stage_environment(paths: &Paths<'_>, step: StepRef, host: &Host) -> Vec<(String, String)> {
    let mut env = host.env.clone();
    env.extend(host.stage_env.iter().cloned());
    env.push((COOKIE.into(), paths.cookie(step)));
    env
}

/// The whole environment (azureml.md §3): the machine's, Azure ML's as far as it has a meaning
/// here, the user's, which wins over both, and the cookie.
fn environment(paths: &Paths<'_>, step: StepRef, host: &Host) -> Vec<(String, String)> {
    let job = &paths.definition.job;
    let mut env: Vec<(String, String)> = host.env.clone();
    let mut set = |name: String, value: String| {
        env.retain(|(known, _)| *known != name);
        env.push((name, value));
    };
    set("SHLVL".into(), "0".into());
    if let Some(report) = paths.environment() {
        for (name, value) in &report.variables {
            set(name.clone(), value.clone());
        }
    }
    if let Some((name, value)) = paths.search_path(host) {
        set(name, value);
    }
    let of_rank = job.distribution.iter();
    let of_rank = of_rank.flat_map(|distribution| ranks::variables(paths.name, distribution));
    for (name, value) in azureml_variables(paths).into_iter().chain(of_rank) {
        set(name.into(), value);
    }
    for (name, input) in &job.inputs {
        match input {
            Input::Literal(literal) => {
                set(format!("AZUREML_PARAMETER_{name}"), literal.to_string())
            }
            Input::Data(data) => {
                let text = paths.data(name, &data.path);
                set(format!("AZURE_ML_INPUT_{name}"), text.clone());
                set(format!("AZUREML_DATAREFERENCE_{name}"), text);
            }
        }
    }
    for name in job.outputs.keys() {
        set(format!("AZURE_ML_OUTPUT_{name}"), paths.output(name));
        set(format!("AZUREML_DATAREFERENCE_{name}"), paths.output(name));
    }
    for (name, value) in &job.environment_variables {
        set(
            name.clone(),
            value.as_ref().map(ToString::to_string).unwrap_or_default(),
        );
    }
    if Heartbeat::of(&job.properties).is_some() {
        let path = paths.layout.job(paths.name).join(HEARTBEAT_FILE);
        set(
            HEARTBEAT_VARIABLE.into(),
            path.to_string_lossy().into_owned(),
        );
    }
    // As a shell leaves it to its command, whether there is one or not.
    let cwd = paths.layout.job(paths.name);
    set("PWD".into(), cwd.to_string_lossy().into_owned());
    set(COOKIE.into(), paths.cookie(step));
    env
}

fn azureml_variables(paths: &Paths<'_>) -> Vec<(&'static str, String)> {
    let cwd = paths.layout.job(paths.name).to_string_lossy().into_owned();
    let experiment = paths.definition.experiment_name.clone();
    vec![
        ("AZUREML_RUN_ID", paths.name.into()),
        ("AZUREML_ROOT_RUN_ID", paths.name.into()),
        ("AZUREML_EXPERIMENT_NAME", experiment.clone()),
        ("AZUREML_ARM_PROJECT_NAME", experiment.clone()),
        ("MLFLOW_EXPERIMENT_NAME", experiment),
        ("AZUREML_CR_EXECUTION_WORKING_DIR_PATH", cwd),
        ("AZUREML_CR_NODE_RANK", "0".into()),
        ("AZUREML_NODE_COUNT", "1".into()),
        ("AZUREML_PROCESS_NAME", "rank_0".into()),
        ("AZUREML_COMPUTE_USE_COMMON_RUNTIME", "true".into()),
    ]
}

#[cfg(test)]
mod tests;
