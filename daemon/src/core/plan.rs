//! From a job to the orders for its steps. Pure: what must be known of the machine comes in as
//! [`Host`], what is found missing on disk is the shim's to say.

use std::path::{Path, PathBuf};

use proto::expression::{Context, Reference, Template};
use proto::job::{Heartbeat, Input, LocalPath, PathForm, PathKind, classify_path, local_paths};
use proto::record::{Format, HeartbeatSpec, LogSpec, Requirement, RequirementKind, Spec};

use super::event::Definition;
use super::step::{StepKind, StepRef};
use super::words::plain_words;
use crate::layout::{Layout, PREPARE_LOG, STD_LOG};

/// The environment variable that tells which step a process belongs to: every process of a step
/// carries it, whatever it forked or detached. Its value is the step's folder, so that jobs of
/// the same name under two daemons are told apart.
pub const COOKIE: &str = "JOBD_STEP";

/// The environment variable that names the file whose change is a beat of a job's heartbeat.
const HEARTBEAT_VARIABLE: &str = "JOBD_HEARTBEAT";
/// Its name in the working folder.
const HEARTBEAT_FILE: &str = ".heartbeat";

/// Copies the code into the working folder: `$1` is the file or folder, `$2` the working folder.
/// Runs as the job's user, so it reads what the user may read.
const PREPARE_SCRIPT: &str = r#"if [ -d "$1" ]; then exec cp -R -- "$1/." "$2/"; fi
exec cp -- "$1" "$2/""#;

/// What this machine offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The shell that runs commands.
    pub shell: PathBuf,
    /// The variables that every job sees.
    pub env: Vec<(String, String)>,
    /// Milliseconds between the polite stop and the kill.
    pub grace_ms: u64,
    /// The most bytes of a step's log.
    pub log_bytes_max: u64,
    /// Where shims may make cgroups.
    pub cgroup_parent: Option<PathBuf>,
    /// The soft limit of open files that jobs get.
    pub open_files: Option<u64>,
}

/// Why a step cannot be planned. Admission refuses such jobs, so this is news of a fault.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The command's expressions cannot be resolved.
    #[error("resolve the command: {0}")]
    Command(String),
    /// The job has nothing to prepare.
    #[error("prepare a job without code")]
    NoCode,
}

/// Whether a job needs a prepare step.
#[must_use]
pub fn prepares(definition: &Definition) -> bool {
    definition.job.code.is_some()
}

/// The order for one step of a job.
///
/// # Errors
/// See [`PlanError`].
pub fn spec(
    name: &str,
    step: StepRef,
    definition: &Definition,
    layout: &Layout,
    host: &Host,
) -> Result<Spec, PlanError> {
    let paths = Paths {
        name,
        definition,
        layout,
    };
    let cwd = layout.job(name);
    let mut plain = Vec::new();
    let (argv, log, requires, limit_ms) = match step.kind {
        StepKind::Prepare => (
            paths.prepare_argv()?,
            PREPARE_LOG,
            paths.code_required(),
            None,
        ),
        StepKind::Command => {
            let shell = host.shell.to_string_lossy().into_owned();
            let command = paths.command()?;
            plain = plain_words(&command).unwrap_or_default();
            let argv = vec![shell, "-c".into(), command];
            (argv, STD_LOG, paths.data_required(), limit_ms(definition))
        }
    };
    let env = environment(&paths, step, host);
    Ok(Spec {
        format: Format::CURRENT,
        job: name.into(),
        step: step.kind.name().into(),
        attempt: step.attempt,
        argv,
        plain: if is_configured(&env) {
            Vec::new()
        } else {
            plain
        },
        env,
        log: LogSpec {
            path: cwd.join(log),
            bytes_max: host.log_bytes_max,
        },
        limit_ms,
        grace_ms: host.grace_ms,
        requires,
        user: None,
        cgroup_parent: host.cgroup_parent.clone(),
        heartbeat: heartbeat(step, definition, &cwd),
        open_files: host.open_files,
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

/// A job with the paths that its names stand for.
struct Paths<'a> {
    name: &'a str,
    definition: &'a Definition,
    layout: &'a Layout,
}

impl Paths<'_> {
    /// What a data input stands for in the command: its path, or its URI where it is passed on.
    fn data(&self, path: &str) -> String {
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
        self.layout
            .output(self.name, output)
            .to_string_lossy()
            .into_owned()
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
                Input::Data(data) => self.data(&data.path),
            }),
            Context::Outputs => job
                .outputs
                .contains_key(&reference.name)
                .then(|| self.output(&reference.name)),
            _ => None,
        };
        template
            .render(resolve)
            .map_err(|unresolved| failed(unresolved.to_string()))
    }

    fn prepare_argv(&self) -> Result<Vec<String>, PlanError> {
        let code = self.code_path().ok_or(PlanError::NoCode)?;
        let cwd = self.layout.job(self.name);
        Ok(vec![
            "/bin/sh".into(),
            "-c".into(),
            PREPARE_SCRIPT.into(),
            "prepare".into(),
            code.to_string_lossy().into_owned(),
            cwd.to_string_lossy().into_owned(),
        ])
    }

    fn code_path(&self) -> Option<PathBuf> {
        self.local("code").next().map(|required| required.path)
    }

    fn code_required(&self) -> Vec<Requirement> {
        self.local("code").collect()
    }

    fn data_required(&self) -> Vec<Requirement> {
        self.local("inputs.").collect()
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
    for (name, value) in azureml_variables(paths) {
        set(name.into(), value);
    }
    for (name, input) in &job.inputs {
        match input {
            Input::Literal(literal) => {
                set(format!("AZUREML_PARAMETER_{name}"), literal.to_string())
            }
            Input::Data(data) => {
                set(format!("AZURE_ML_INPUT_{name}"), paths.data(&data.path));
                set(
                    format!("AZUREML_DATAREFERENCE_{name}"),
                    paths.data(&data.path),
                );
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
    let folder = paths.layout.step(paths.name, step);
    set(COOKIE.into(), folder.to_string_lossy().into_owned());
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
