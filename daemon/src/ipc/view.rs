//! A stored job as clients see it: Azure ML's attributes under Azure ML's names.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use proto::api::{CreationContext, JobSummary, JobView, Provenance};
use proto::job::{CommandJob, redacted};
use proto::outcome::Outcome;
use proto::stage::PrepareReport;
use proto::status::Status;
use serde::Serialize;
use serde_json::{Value, json};

use crate::core::{Job, stage_order};
use crate::layout::{FINALIZE_LOG, Layout, PREPARE_LOG, STD_LOG};
use crate::store::{Reports, Row};

/// The workspace in which all local jobs are, in the form of an ARM id.
pub(super) const WORKSPACE: &str = "/subscriptions/local/resourceGroups/local/providers/Microsoft.MachineLearningServices/workspaces/local";

/// RFC 3339 in UTC of microseconds since the Unix epoch.
#[must_use]
pub fn rfc3339(micros: i64) -> String {
    // Any stored time was taken from a clock, far inside the range.
    Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |time| time.to_string())
}

/// A row of a list.
#[must_use]
pub fn summary(row: &Row) -> JobSummary {
    let Row {
        job,
        definition,
        archived,
        ..
    } = row;
    let times = Times::of(job);
    JobSummary {
        name: job.name.clone(),
        display_name: definition
            .job
            .display_name
            .clone()
            .unwrap_or_else(|| job.name.clone()),
        experiment_name: definition.experiment_name.clone(),
        kind: "command".into(),
        status: job.status,
        created_at: rfc3339(times.created),
        started_at: times.started.map(rfc3339),
        ended_at: times.ended.map(rfc3339),
        exit_code: outcome(job).map(Outcome::exit_code),
        archived: *archived,
    }
}

/// The whole job.
#[must_use]
pub fn job(row: &Row, reports: &Reports, layout: &Layout) -> JobView {
    let Row {
        job,
        definition,
        archived,
        ..
    } = row;
    let written = &definition.job.without_secrets();
    let times = Times::of(job);
    let folder = layout.job(&job.name);
    let studio_url = file_url(&folder);
    let end = job.end.as_ref();
    JobView {
        id: format!("{WORKSPACE}/jobs/{}", job.name),
        name: job.name.clone(),
        kind: "command".into(),
        status: job.status,
        display_name: written
            .display_name
            .clone()
            .unwrap_or_else(|| job.name.clone()),
        experiment_name: definition.experiment_name.clone(),
        description: written.description.clone(),
        tags: value(&written.tags),
        properties: properties(row, reports),
        command: written.command.clone(),
        code: written.code.clone(),
        environment: value(&written.environment),
        environment_variables: value(&written.environment_variables),
        compute: written.compute.clone(),
        resources: written.resources.as_ref().map(value),
        limits: written.limits.as_ref().map(value),
        distribution: written.distribution.as_ref().map(value),
        inputs: value(&written.inputs),
        outputs: outputs(row, written, reports, layout),
        services: services(row, &studio_url),
        identity: written.identity.as_ref().map(value),
        queue_settings: written.queue_settings.as_ref().map(value),
        parent_job_name: written.parent_job_name.clone(),
        creation_context: CreationContext {
            created_at: rfc3339(times.created),
            created_by: definition.created_by.clone(),
            created_by_type: "User".into(),
            last_modified_at: rfc3339(times.changed),
        },
        base_path: definition.base_path.clone(),
        log_files: log_files(&folder),
        parameters: BTreeMap::new(),
        studio_url,
        job_path: folder,
        started_at: times.started.map(rfc3339),
        ended_at: times.ended.map(rfc3339),
        duration_ms: end.and_then(|end| end.duration_ms),
        outcome: outcome(job).cloned(),
        exit_code: outcome(job).map(Outcome::exit_code),
        error: outcome(job).and_then(Outcome::error_document),
        waiting_reason: job.held.clone(),
        pruned_at: row.pruned_at.map(rfc3339),
        notes: notes(row, reports),
        rerun_of: definition.pinned.as_ref().map(|pinned| pinned.job.clone()),
        provenance: provenance(row, reports),
        history: job.history.clone(),
        archived: *archived,
        log_bytes_dropped: end.map_or(0, |end| end.log_bytes_dropped),
    }
}

struct Times {
    created: i64,
    started: Option<i64>,
    ended: Option<i64>,
    changed: i64,
}

impl Times {
    fn of(job: &Job) -> Times {
        let at = |wanted: fn(Status) -> bool| {
            job.history
                .iter()
                .find(|entry| wanted(entry.status))
                .map(|entry| entry.at)
        };
        let last = job.history.last();
        Times {
            created: job.history.first().map_or(0, |entry| entry.at),
            started: at(|status| status == Status::Running),
            ended: last
                .filter(|last| last.status.is_terminal())
                .map(|last| last.at),
            changed: last.map_or(0, |last| last.at),
        }
    }
}

fn outcome(job: &Job) -> Option<&Outcome> {
    job.end.as_ref().map(|end| &end.outcome)
}

fn value<T: Serialize>(part: &T) -> Value {
    // Parts of a job that was read from JSON have a JSON form.
    serde_json::to_value(part).unwrap_or(Value::Null)
}

fn file_url(path: &Path) -> String {
    let mut url = String::from("file://");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                url.push(char::from(*byte));
            }
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    url
}

/// The logs that are there.
fn log_files(folder: &Path) -> BTreeMap<String, String> {
    [STD_LOG, PREPARE_LOG, FINALIZE_LOG]
        .into_iter()
        .map(|name| (name, folder.join(name)))
        .filter(|(_, path)| path.exists())
        .map(|(name, path)| (name.to_owned(), file_url(&path)))
        .collect()
}

/// What the job was given, and what the snapshot of its code says of itself (azureml.md §1.1).
fn properties(row: &Row, reports: &Reports) -> Value {
    let mut all = value(&row.definition.job.properties);
    let code = reports
        .prepared
        .as_ref()
        .and_then(|report| report.code.as_ref());
    if let (Value::Object(map), Some(code)) = (&mut all, code) {
        for (name, text) in &code.properties {
            map.entry(name).or_insert_with(|| text.clone().into());
        }
    }
    all
}

fn notes(row: &Row, reports: &Reports) -> Vec<String> {
    let prepared = reports.prepared.iter().flat_map(|report| &report.notes);
    let finalized = reports.finalized.iter().flat_map(|report| &report.notes);
    let own = row.definition.notes.iter();
    own.chain(prepared).chain(finalized).cloned().collect()
}

/// What ran, exactly; nothing where there is nothing to tell.
fn provenance(row: &Row, reports: &Reports) -> Option<Provenance> {
    let Reports {
        prepared,
        finalized,
    } = reports.clone();
    let in_place = stage_order::in_place(&row.definition);
    let in_place: BTreeMap<_, _> = in_place
        .map(|one| (one.name.to_owned(), one.path))
        .collect();
    let is_known = prepared.is_some() || finalized.is_some() || !in_place.is_empty();
    is_known.then_some(Provenance {
        prepared: prepared.map(PrepareReport::without_secrets),
        finalized,
        in_place,
    })
}

/// Where an output is: where it was brought, where the job writes it, or where it would.
fn output_url(row: &Row, reports: &Reports, layout: &Layout, name: &str) -> String {
    let published = reports
        .finalized
        .as_ref()
        .and_then(|report| report.outputs.get(name));
    let prepared = reports
        .prepared
        .as_ref()
        .and_then(|report| report.outputs.get(name));
    let place = published.map(|report| &report.path).or(prepared);
    match place {
        Some(uri) if !uri.starts_with('/') => redacted(uri),
        Some(path) => file_url(Path::new(path)),
        None => file_url(&layout.output(&row.job.name, name)),
    }
}

/// The outputs as written, each with the folder or file where it is.
fn outputs(row: &Row, written: &CommandJob, reports: &Reports, layout: &Layout) -> Value {
    let mut all = serde_json::Map::new();
    for (name, output) in &written.outputs {
        let mut shown = value(output);
        if let Value::Object(map) = &mut shown {
            map.insert("uri".into(), output_url(row, reports, layout, name).into());
        }
        all.insert(name.clone(), shown);
    }
    Value::Object(all)
}

/// The services as written, and `Studio`, whose endpoint scripts ask for.
fn services(row: &Row, studio_url: &str) -> Value {
    let mut all = match row.definition.job.services.as_ref().map(value) {
        Some(Value::Object(map)) => map,
        _ => serde_json::Map::new(),
    };
    all.insert(
        "Studio".into(),
        json!({ "type": "Studio", "endpoint": studio_url }),
    );
    Value::Object(all)
}
