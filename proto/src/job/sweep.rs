//! The sweep job (azureml.md §7): one command tried with many values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::field::Field;
use super::limits::seconds;
use super::name::Owner;
use super::references::Names;
use super::task::Task;
use super::{
    EarlyTermination, Fields, Hyperparameter, QueueSettings, Resources, Sampling, notes,
    search_space,
};
use crate::diagnostic::Severity;

/// Trials of a sweep at most (Azure ML's documentation of `limits.max_total_trials`).
pub const TRIALS_MAX: i64 = 1000;

/// A sweep job as the user wrote it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepJob {
    /// What it has in common with other jobs.
    #[serde(flatten)]
    pub base: Base,
    /// What every trial runs.
    pub trial: Trial,
    /// How it is searched.
    #[serde(flatten)]
    pub sweep: Sweep,
    /// The resources of every trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Tier and priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_settings: Option<QueueSettings>,
}

/// What every trial runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The command and what belongs to it.
    #[serde(flatten)]
    pub task: Task,
    /// Tier and priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_settings: Option<QueueSettings>,
}

/// How a space is searched, for jobs and for steps of pipelines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// Hyperparameters by name.
    pub search_space: BTreeMap<String, Hyperparameter>,
    /// How values are chosen.
    pub sampling_algorithm: Sampling,
    /// What is better.
    pub objective: Objective,
    /// How many trials, and for how long.
    pub limits: SweepLimits,
    /// Which trials end early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_termination: Option<EarlyTermination>,
}

/// What a sweep looks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// Which way is better.
    pub goal: Goal,
    /// The metric that trials report, by its exact name.
    pub primary_metric: String,
}

/// Which way a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// Less is better.
    Minimize,
    /// More is better.
    Maximize,
}

/// How many trials, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepLimits {
    /// Trials in all: 1 to [`TRIALS_MAX`].
    pub max_total_trials: u32,
    /// Trials at the same time; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent_trials: Option<u32>,
    /// Seconds of the whole sweep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Seconds of one trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_timeout: Option<u64>,
}

const KEYS: &[&str] = &[
    "$schema",
    "type",
    "name",
    "display_name",
    "experiment_name",
    "description",
    "tags",
    "properties",
    "compute",
    "inputs",
    "outputs",
    "identity",
    "services",
    "parent_job_name",
    "trial",
    "search_space",
    "sampling_algorithm",
    "objective",
    "limits",
    "early_termination",
    "resources",
    "queue_settings",
    // Read-only: dropped.
    "id",
    "status",
    "log_files",
    "creation_context",
    "parameters",
];
const TRIAL_KEYS: &[&str] = &[
    "command",
    "code",
    "environment",
    "environment_variables",
    "distribution",
    "resources",
    "queue_settings",
];

impl SweepJob {
    /// Reads a sweep job.
    pub(super) fn read(root: &Field<'_>) -> Option<SweepJob> {
        let fields = root.fields(KEYS)?;
        let base = Base::read(&fields, Owner::Job);
        let resources = fields.read("resources", Resources::read);
        let queue_settings = fields.read("queue_settings", QueueSettings::read);
        notes::note_base(&fields);
        fields
            .get("resources")
            .inspect(|field| notes::note_resources(field, resources.as_ref()));
        let sweep = Sweep::read(&fields);
        let trial = fields.require("trial", "write `trial:` with `command` and `environment`");
        let trial = trial.and_then(|trial| Trial::read(&trial, &fields, base.compute.as_deref()));
        Some(SweepJob {
            base,
            trial: trial?,
            sweep: sweep?,
            resources,
            queue_settings,
        })
    }
}

impl Trial {
    fn read(field: &Field<'_>, sweep: &Fields<'_>, compute: Option<&str>) -> Option<Trial> {
        let fields = field.fields(TRIAL_KEYS)?;
        let task = Task::read(&fields);
        let search_space = Some(
            sweep
                .get("search_space")
                .map(|map| map.keys())
                .unwrap_or_default(),
        );
        task.check_references(
            &fields,
            &Names {
                search_space,
                ..Names::of(sweep)
            },
        );
        notes::note_task(&fields, &task, compute);
        Some(Trial {
            task,
            queue_settings: fields.read("queue_settings", QueueSettings::read),
        })
    }
}

impl Sweep {
    /// Reads the keys of a search; `None` when one that must be there is missing or wrong.
    pub(super) fn read(fields: &Fields<'_>) -> Option<Sweep> {
        let space = fields.require(
            "search_space",
            "write a distribution for every hyperparameter",
        );
        let search_space = space.as_ref().and_then(search_space::read_all);
        let sampling = fields.require("sampling_algorithm", "write random, grid or bayesian");
        let sampling_algorithm = sampling.and_then(|sampling| Sampling::read(&sampling));
        if let (Some(space), Some(sampling)) = (&space, &sampling_algorithm) {
            sampling.check(space);
        }
        let objective = fields.require("objective", "write {goal: minimize, primary_metric: NAME}");
        let objective = objective.and_then(|objective| Objective::read(&objective));
        let limits = fields.require("limits", "write {max_total_trials: N}");
        let limits = limits.and_then(|limits| SweepLimits::read(&limits));
        let early_termination = fields.read("early_termination", EarlyTermination::read);
        Some(Sweep {
            search_space: search_space?,
            sampling_algorithm: sampling_algorithm?,
            objective: objective?,
            limits: limits?,
            early_termination,
        })
    }
}

impl Objective {
    fn read(field: &Field<'_>) -> Option<Objective> {
        let fields = field.fields(&["goal", "primary_metric"])?;
        let goal = fields.require("goal", "write minimize or maximize");
        let goal = goal.and_then(|goal| goal.word(&["minimize", "maximize"]));
        let metric = fields.require("primary_metric", "write the name that trials report");
        let primary_metric = metric.and_then(|metric| metric.filled_text());
        let goal = if goal? == "minimize" {
            Goal::Minimize
        } else {
            Goal::Maximize
        };
        Some(Objective {
            goal,
            primary_metric: primary_metric?,
        })
    }
}

impl SweepLimits {
    fn read(field: &Field<'_>) -> Option<SweepLimits> {
        let fields = field.fields(&[
            "max_total_trials",
            "max_concurrent_trials",
            "timeout",
            "trial_timeout",
        ])?;
        let total = fields.require("max_total_trials", "write a number from 1 to 1000");
        let total: Option<u32> = total.and_then(|total| total.integer_within(1, TRIALS_MAX));
        let concurrent = fields.read("max_concurrent_trials", |count| {
            count.integer_within(1, TRIALS_MAX)
        });
        if let (Some(total), Some(field)) = (
            total,
            fields
                .get("max_concurrent_trials")
                .filter(|_| concurrent > total),
        ) {
            let message =
                format!("no more than the {total} trials there are can run at the same time");
            field.report(Severity::Warning, "out-of-range", message, "");
        }
        Some(SweepLimits {
            max_total_trials: total?,
            max_concurrent_trials: concurrent,
            timeout: fields.read("timeout", seconds),
            trial_timeout: fields.read("trial_timeout", seconds),
        })
    }
}
