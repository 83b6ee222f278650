//! Which assets come from a job, and under which version one is registered.

use proto::api::ApiError;
use proto::stage::{Failure, FinalizeReport, StageReport};

use super::batch::Batch;
use crate::core::{Core, Definition, Event, Job, StepEnd};
use crate::store::{NewAsset, Store, StoreError, Write, number};

/// The outputs that the job file gives a name, where they are now.
#[must_use]
pub fn new_assets(job: &Job, definition: &Definition, report: &FinalizeReport) -> Vec<NewAsset> {
    let outputs = definition.job.outputs.iter();
    let named = outputs.filter_map(|(key, output)| {
        let name = output.name.clone()?;
        let found = report.outputs.get(key)?;
        Some(NewAsset {
            name,
            version: output.version.clone(),
            kind: output.kind.clone(),
            path: found.path.clone(),
            digest: found.digest.clone(),
            bytes: Some(found.bytes),
            created_by: definition.created_by.clone(),
            uid: job.uid,
            made_by: Some((job.name.clone(), key.clone())),
            ..NewAsset::default()
        })
    });
    named.collect()
}

/// What a finalized job has made becomes assets in the commit that ends the job. Where one cannot,
/// the finalization has failed.
pub(super) fn of_outputs(
    core: &Core,
    store: &Store,
    batch: &mut Batch,
    event: Event,
    at: i64,
) -> Event {
    let Event::Ended(id, step, StepEnd::Staged(exit, report)) = event else {
        return event;
    };
    let live = core.job(id);
    let live = live.filter(|job| job.active.is_some_and(|active| active.step == step));
    let registered = match (live, &*report) {
        (Some(job), StageReport::Finalized(report)) if job.cancel.is_none() => {
            register(store, batch, job, report, at)
        }
        _ => Ok(()),
    };
    let report = match registered {
        Ok(()) => report,
        Err(failure) => Box::new(StageReport::Failed(failure)),
    };
    Event::Ended(id, step, StepEnd::Staged(exit, report))
}

/// Registers what a job has made, all or nothing.
///
/// # Errors
/// Which output cannot be registered, and why.
fn register(
    store: &Store,
    batch: &mut Batch,
    job: &Job,
    report: &FinalizeReport,
    at: i64,
) -> Result<(), Failure> {
    let failed = |reason: String| Failure {
        field: "outputs".into(),
        reason,
    };
    let definition = store.definition(job.id);
    let definition = definition.map_err(|error| failed(error.to_string()))?;
    let definition = definition.ok_or_else(|| failed("the job is not in the store".into()))?;
    let before = batch.writes.len();
    for asset in new_assets(job, &definition, report) {
        match version(store, batch, &asset) {
            Ok(version) => batch.writes.push(Write::Register(version, asset, at)),
            Err(error) => {
                batch.writes.truncate(before);
                let output = asset.made_by.map_or_else(String::new, |(_, output)| output);
                return Err(Failure {
                    field: format!("outputs.{output}"),
                    reason: refused(&error),
                });
            }
        }
    }
    Ok(())
}

fn refused(error: &ApiError) -> String {
    match error {
        ApiError::AssetExists { name, version } => {
            format!("version {version} of {name} is registered already")
        }
        other => other.to_string(),
    }
}

/// The version that an asset gets: the one it asks for if that is free, or the next number.
///
/// # Errors
/// `AssetExists`, or `Unavailable` when the store cannot be read.
pub(super) fn version(store: &Store, batch: &Batch, asset: &NewAsset) -> Result<String, ApiError> {
    let version = match &asset.version {
        Some(version) => version.clone(),
        None => next(store, batch, &asset.name).map_err(super::run::unavailable)?,
    };
    let is_stored = store.has_asset(&asset.name, &version);
    let is_taken = is_stored.map_err(super::run::unavailable)?
        || batch.versions_of(&asset.name).any(|one| one == version);
    if is_taken {
        return Err(ApiError::AssetExists {
            name: asset.name.clone(),
            version,
        });
    }
    Ok(version)
}

fn next(store: &Store, batch: &Batch, name: &str) -> Result<String, StoreError> {
    let waiting = batch.versions_of(name).filter_map(number).max();
    let last = store.last_number(name)?.max(waiting.unwrap_or(0));
    Ok((last + 1).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::NewJob;
    use proto::stage::OutputReport;
    use std::sync::Arc;

    #[test]
    fn outputs_with_a_name_become_assets() {
        let definition: Definition = serde_json::from_value(serde_json::json!({
            "job": {
                "command": "x", "environment": "azureml:e:1",
                "outputs": {
                    "model": { "type": "custom_model", "name": "iris" },
                    "rest": { "type": "uri_folder" },
                    "unmade": { "type": "uri_file", "name": "none" },
                },
            },
            "base_path": "/", "experiment_name": "e", "created_by": "ann",
        }))
        .unwrap();
        let new = NewJob {
            name: "calm".into(),
            uid: 7,
            priority: proto::job::limits::Priority::Medium,
            prepares: false,
            finalizes: true,
            limit_secs: None,
            spool_key: None,
            definition: Arc::new(definition.clone()),
        };
        let output = OutputReport {
            path: "/jobs/calm/named-outputs/model".into(),
            digest: Some("sha256:0".into()),
            bytes: 3,
            files: 1,
        };
        let report = FinalizeReport {
            outputs: [("model".into(), output.clone()), ("rest".into(), output)].into(),
            ..FinalizeReport::default()
        };
        let made = new_assets(&Job::new(1, &new, 5), &definition, &report);
        let expected = NewAsset {
            name: "iris".into(),
            kind: "custom_model".into(),
            path: "/jobs/calm/named-outputs/model".into(),
            digest: Some("sha256:0".into()),
            bytes: Some(3),
            created_by: "ann".into(),
            uid: 7,
            made_by: Some(("calm".into(), "model".into())),
            ..NewAsset::default()
        };
        assert_eq!(made, [expected]);
    }
}
