//! The methods that take an ended job up again: as a new job, or where its finalization failed.

use std::sync::Arc;

use proto::api::{ApiError, Rerunning, Retrying, SubmittedJob};

use super::policy::Caller;
use super::service::Service;
use crate::admission;
use crate::engine::SubmitAnswer;

impl Service {
    /// Submits a job again with exactly what it used.
    pub(super) async fn rerun(&self, caller: Caller, name: String) -> Result<Rerunning, ApiError> {
        let row = self.row(caller, name).await?;
        let (id, full) = (row.job.id, row.job.name.clone());
        let reports = self.read(move |reader| reader.reports(id)).await?;
        let assets = self.read(move |reader| reader.assets_of(&full)).await?;
        let made_by = assets.into_iter().filter_map(|one| one.asset.made_by);
        let registered: Vec<String> = made_by.map(|(_, output)| output).collect();
        let settings = Arc::clone(self.settings());
        let again = move || {
            let prepared = reports.prepared.as_ref();
            admission::rerun(&row, prepared, &registered, caller.uid, &settings)
        };
        // It looks for the environments of this machine.
        let candidate = tokio::task::spawn_blocking(again).await;
        let candidate = candidate.map_err(|error| ApiError::Unavailable {
            reason: error.to_string(),
        })?;
        let notes = candidate.definition.notes.clone();
        let admitted = self.engine().submit(vec![candidate]).await?;
        let name = match admitted {
            SubmitAnswer::Admitted(names) => names.into_iter().next(),
            SubmitAnswer::Known => None,
        };
        let name = name.ok_or_else(|| ApiError::Unavailable {
            reason: "the job got no name".into(),
        })?;
        Ok(Rerunning {
            job: SubmittedJob { name, notes },
        })
    }

    /// Finalizes a job once more.
    pub(super) async fn retry_finalize(
        &self,
        caller: Caller,
        name: String,
    ) -> Result<Retrying, ApiError> {
        let job = self.row(caller, name).await?.job;
        if !job.status.is_terminal() {
            return Err(ApiError::BadStatus {
                name: job.name,
                status: job.status.to_string(),
                reason: "it has not ended".into(),
            });
        }
        self.engine().retry_finalize(job.id).await?;
        Ok(Retrying { name: job.name })
    }
}
