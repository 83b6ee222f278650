//! From a job to the orders for its stages, and whether it has any. Pure: what only the store
//! knows is asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proto::job::{DataInput, Environment, Input, Output, PathForm, classify_path};
use proto::stage::{
    Asset, FinalizeOrder, InputOrder, Others, OutputOrder, PrepareOrder, PrepareReport, StageOrder,
    StageSettings, Work,
};

use super::event::Definition;
use super::step::StepKind;
use crate::layout::Layout;

/// What the outputs of jobs are called in a path.
const JOB_OUTPUTS: &str = "azureml://jobs/";
const DIRECT: &str = "direct";

/// What is asked of whoever knows the machine: whether a job with this environment gets another
/// than the machine's own, or must be told that it does not.
pub type Provides<'a> = &'a dyn Fn(&Environment) -> bool;

/// What is asked of whoever knows the store: what an asset or a job's output stands for.
pub type Lookup<'a> = &'a dyn Fn(&str, &DataInput) -> Result<Asset, String>;

/// Whether a job needs a prepare step. One that has only literals, local data and the machine's
/// own environment does without: such data is read where it is.
#[must_use]
pub fn prepares(definition: &Definition, provides: Provides<'_>) -> bool {
    let job = &definition.job;
    let mut inputs = job.inputs.values();
    job.code.is_some()
        || inputs.any(|input| matches!(input, Input::Data(data) if is_staged(data)))
        || job.outputs.values().any(is_direct)
        || provides(&job.environment)
        || pinned_environment(definition).is_some()
}

/// What a rerun must have as its environment, or fail.
fn pinned_environment(definition: &Definition) -> Option<&String> {
    definition.pinned.as_ref()?.environment.as_ref()
}

/// Whether a job needs a finalize step: something it makes is to be brought somewhere, or becomes
/// an asset.
#[must_use]
pub fn finalizes(definition: &Definition) -> bool {
    let mut outputs = definition.job.outputs.values();
    outputs.any(|output| output.path.is_some() || output.name.is_some())
}

/// Whether an input must be made ready. An address that is passed on is not, nor is a local path
/// without a mode: it is read where it is.
fn is_staged(data: &DataInput) -> bool {
    let is_local = matches!(classify_path(&data.path), PathForm::Local(_));
    match data.mode.as_deref() {
        Some(DIRECT) => is_reference(&data.path),
        Some(_) => true,
        None => !is_local,
    }
}

/// A local file or folder that the command reads where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InPlace<'a> {
    /// The name of the input.
    pub name: &'a str,
    /// Where it is.
    pub path: PathBuf,
    /// Whether the command may not write to it: the mode is `ro_mount` where none is said. The
    /// whole file system is nobody's input to protect, as nothing would be left to write to.
    pub is_read_only: bool,
}

/// The local data that the command reads where it is.
pub fn in_place(definition: &Definition) -> impl Iterator<Item = InPlace<'_>> {
    let inputs = definition.job.inputs.iter();
    inputs.filter_map(|(name, input)| match input {
        Input::Data(data) if !is_staged(data) => match classify_path(&data.path) {
            PathForm::Local(path) => {
                let path: PathBuf = definition.base_path.join(path).components().collect();
                Some(InPlace {
                    name,
                    is_read_only: data.mode.is_none() && path.parent().is_some(),
                    path,
                })
            }
            _ => None,
        },
        _ => None,
    })
}

/// Whether the path is the name of something that must be looked up.
fn is_reference(path: &str) -> bool {
    match classify_path(path) {
        PathForm::Asset(_) => true,
        PathForm::Uri(uri) => uri.starts_with(JOB_OUTPUTS),
        PathForm::Local(_) => false,
    }
}

fn is_direct(output: &Output) -> bool {
    output.mode.as_deref() == Some(DIRECT) && output.path.is_some()
}

/// What an order is made from.
pub struct Source<'a> {
    /// The job's name.
    pub name: &'a str,
    /// What was submitted.
    pub definition: &'a Definition,
    /// What its prepare step has reported.
    pub prepared: Option<&'a PrepareReport>,
    /// Where everything is.
    pub layout: &'a Layout,
    /// What the configuration says.
    pub settings: &'a StageSettings,
    /// What the machine can provide.
    pub provides: Provides<'a>,
    /// Who else uses the cache: asked for only where something may be given up there.
    pub others: &'a dyn Fn() -> Option<Others>,
}

/// The order for a stage of a job; none for a command.
#[must_use]
pub fn order(kind: StepKind, source: &Source<'_>, lookup: Lookup<'_>) -> Option<StageOrder> {
    let work = match kind {
        StepKind::Prepare => Work::Prepare(Box::new(source.to_prepare(lookup))),
        StepKind::Finalize => Work::Finalize(FinalizeOrder {
            outputs: source.outputs(),
        }),
        StepKind::Command => return None,
    };
    Some(StageOrder {
        job: source.name.into(),
        folder: source.layout.job(source.name),
        base_path: source.definition.base_path.clone(),
        cache: source.layout.cache(),
        settings: source.settings.clone(),
        others: match &work {
            Work::Prepare(prepare) if prepare.environment.is_some() => (source.others)(),
            _ => None,
        },
        work,
    })
}

impl Source<'_> {
    fn to_prepare(&self, lookup: Lookup<'_>) -> PrepareOrder {
        let job = &self.definition.job;
        let pinned = self.definition.pinned.as_ref();
        let digest = |name: &String| pinned?.inputs.get(name).cloned();
        let data = job.inputs.iter().filter_map(|(name, input)| match input {
            Input::Data(data) if is_staged(data) => {
                Some((name.clone(), input_order(data, digest(name), lookup)))
            }
            _ => None,
        });
        let must_be = pinned_environment(self.definition).cloned();
        let environment = must_be.is_some() || (self.provides)(&job.environment);
        PrepareOrder {
            code: job.code.clone(),
            snapshot: pinned.and_then(|pinned| pinned.snapshot.clone()),
            inputs: data.collect(),
            outputs: self.outputs(),
            environment: environment.then(|| job.environment.clone()),
            resources: job.resources.clone(),
            read_in_place: in_place(self.definition).map(|one| one.path).collect(),
            environment_digest: must_be,
        }
    }

    fn outputs(&self) -> BTreeMap<String, OutputOrder> {
        let written = |name: &String| {
            let prepared = self.prepared.and_then(|report| report.outputs.get(name));
            prepared.map_or_else(|| self.layout.output(self.name, name), Into::into)
        };
        let order = |(name, output): (&String, &Output)| {
            let order = OutputOrder {
                output: output.clone(),
                path: written(name),
            };
            (name.clone(), order)
        };
        self.definition.job.outputs.iter().map(order).collect()
    }
}

fn input_order(data: &DataInput, digest: Option<String>, lookup: Lookup<'_>) -> InputOrder {
    InputOrder {
        input: data.clone(),
        resolved: is_reference(&data.path).then(|| lookup(&data.path, data)),
        digest,
    }
}

/// An output of a job, by the path that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobOutput<'a> {
    /// The job's name.
    pub job: &'a str,
    /// The output's name; `artifacts` is the job's folder itself.
    pub output: &'a str,
    /// A path below it; empty for all of it.
    pub path: &'a str,
}

/// The name of the output that is all that a job leaves.
pub const ARTIFACTS: &str = "artifacts";

/// Reads `azureml://jobs/JOB/outputs/OUTPUT[/paths/PATH]`; none where it is not one, or leads out
/// of the output.
#[must_use]
pub fn job_output(path: &str) -> Option<JobOutput<'_>> {
    let (job, rest) = path.strip_prefix(JOB_OUTPUTS)?.split_once("/outputs/")?;
    let (output, path) = match rest.split_once('/') {
        None => (rest, ""),
        Some((output, "")) => (output, ""),
        Some((output, rest)) => (output, rest.strip_prefix("paths/")?),
    };
    let is_inside = !path.starts_with('/') && path.split('/').all(|part| part != "..");
    let is_name = |name: &str| !name.is_empty() && !name.contains('/');
    (is_inside && is_name(job) && is_name(output)).then_some(JobOutput { job, output, path })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::pinned::Pinned;

    fn definition(rest: &str) -> Definition {
        let yaml = format!("command: x\n{rest}\n");
        let reading = proto::job::read(yaml.as_bytes(), None);
        let Some(proto::job::Job::Command(job)) = reading.job else {
            panic!("{:?}", reading.diagnostics)
        };
        Definition {
            job,
            base_path: "/home/me".into(),
            experiment_name: "e".into(),
            created_by: "me".into(),
            notes: Vec::new(),
            pinned: None,
        }
    }

    fn staged(rest: &str) -> bool {
        let rest = format!("environment: azureml:e:1\n{rest}");
        prepares(&definition(&rest), &|_| false)
    }

    #[test]
    fn only_what_must_be_made_ready_costs_a_step() {
        let input = |fields: &str| staged(&format!("inputs: {{x: {{type: uri_file, {fields}}}}}"));
        assert!(!staged("inputs: {x: 1}\noutputs: {y: }"));
        assert!(!input("path: ./a.csv"));
        assert!(!input("path: ./a.csv, mode: direct"));
        assert!(!input("path: 'https://h/a.csv', mode: direct"));
        assert!(input("path: ./a.csv, mode: download"));
        assert!(input("path: ./a.csv, mode: ro_mount"));
        assert!(input("path: 'https://h/a.csv'"));
        assert!(input("path: 'azureml:a:1', mode: direct"));
        assert!(input("path: 'azureml://jobs/j/outputs/o', mode: direct"));
        assert!(staged("code: ./src"));
        assert!(staged("outputs: {y: {path: 's3://b/k', mode: direct}}"));
        assert!(!staged("outputs: {y: {path: 's3://b/k'}}"));
    }

    #[test]
    fn a_rerun_looks_for_its_environment_wherever_that_is_gone() {
        let mut definition = definition("environment: azureml:gone:1");
        definition.pinned = Some(Pinned {
            environment: Some("sha256:e".into()),
            ..Pinned::default()
        });
        assert!(prepares(&definition, &|_| false));
        let source = Source {
            name: "j",
            definition: &definition,
            prepared: None,
            layout: &Layout::new("/state".into()),
            settings: &StageSettings::default(),
            provides: &|_| false,
            others: &|| None,
        };
        let prepare = source.to_prepare(&|_, _| Err(String::new()));
        assert_eq!(prepare.environment_digest.as_deref(), Some("sha256:e"));
        assert!(prepare.environment.is_some());
    }

    #[test]
    fn an_environment_that_can_be_had_costs_a_step() {
        assert!(prepares(&definition("environment: azureml:e:1"), &|_| true));
    }

    #[test]
    fn what_is_read_where_it_is_is_told_to_whoever_makes_a_container() {
        let definition = definition(
            "environment: azureml:e:1\ninputs: {a: {path: ./a}, b: {path: ./b, mode: download}}",
        );
        let source = Source {
            name: "j",
            definition: &definition,
            prepared: None,
            layout: &Layout::new("/state".into()),
            settings: &StageSettings::default(),
            provides: &|_| true,
            others: &|| None,
        };
        let prepare = source.to_prepare(&|_, _| Err(String::new()));
        assert_eq!(prepare.read_in_place, [PathBuf::from("/home/me/a")]);
    }

    #[test]
    fn what_is_to_be_published_or_registered_is_finalized() {
        let finalized = |output: &str| {
            finalizes(&definition(&format!(
                "environment: azureml:e:1\noutputs: {{y: {output}}}"
            )))
        };
        assert!(!finalized(""));
        assert!(!finalized("{mode: upload}"));
        assert!(finalized("{name: model}"));
        assert!(finalized("{path: ./out}"));
    }

    #[test]
    fn outputs_of_jobs() {
        let found = |job, output, path| Some(JobOutput { job, output, path });
        for (path, expected) in [
            ("azureml://jobs/j/outputs/o", found("j", "o", "")),
            ("azureml://jobs/j/outputs/o/", found("j", "o", "")),
            (
                "azureml://jobs/j/outputs/artifacts/paths/outputs/m/",
                found("j", "artifacts", "outputs/m/"),
            ),
            ("azureml://jobs/j/outputs/o/paths/", found("j", "o", "")),
            ("azureml://jobs/j/outputs/o/paths/../../x", None),
            ("azureml://jobs/j/outputs/o/paths//etc", None),
            ("azureml://jobs//outputs/o", None),
            ("azureml://jobs/a/b/outputs/o", None),
            ("azureml://datastores/d/paths/p", None),
        ] {
            assert_eq!(job_output(path), expected, "{path}");
        }
    }
}
