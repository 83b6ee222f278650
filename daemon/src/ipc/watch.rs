//! `Watch`: the status of some jobs now, and each change of it, until all have ended.

use std::collections::{HashMap, VecDeque};

use proto::api::{ApiError, Changed};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::service::Service;
use crate::core::JobId;
use crate::engine::Change;

/// A watch under way.
pub struct Watching {
    changes: Receiver<Change>,
    /// What has not been told yet.
    pending: VecDeque<Change>,
    /// The jobs that have not ended, as far as was told, with the last status.
    open: HashMap<JobId, Option<Change>>,
    /// Changes were missed.
    behind: bool,
}

impl Watching {
    /// Begins: listens first and looks then, so nothing is missed in between.
    pub async fn begin(service: &Service, ids: Vec<JobId>) -> Result<Watching, ApiError> {
        let changes = service.engine().changes();
        let open = ids.iter().map(|id| (*id, None)).collect();
        let mut watching = Watching {
            changes,
            pending: VecDeque::new(),
            open,
            behind: false,
        };
        watching.look(service, ids).await?;
        Ok(watching)
    }

    /// The next change, and whether more may follow; none when all have been told.
    pub async fn next(&mut self, service: &Service) -> Result<Option<(Changed, bool)>, ApiError> {
        loop {
            if let Some(change) = self.pending.pop_front() {
                if let Some(told) = self.tell(service, change) {
                    return Ok(Some(told));
                }
                continue;
            }
            if self.open.is_empty() {
                return Ok(None);
            }
            // Remembered, because whoever waits for us may give up in the midst of the look.
            if self.behind {
                let ids = self.open.keys().copied().collect();
                self.look(service, ids).await?;
                self.behind = false;
                continue;
            }
            match self.changes.recv().await {
                Ok(change) => self.pending.push_back(change),
                // Too slow for the channel: look at the jobs themselves.
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => {
                    return Err(ApiError::Unavailable {
                        reason: "the daemon is shutting down".into(),
                    });
                }
            }
        }
    }

    fn tell(&mut self, service: &Service, change: Change) -> Option<(Changed, bool)> {
        let last = self.open.get_mut(&change.id)?;
        if last.as_ref() == Some(&change) {
            return None;
        }
        *last = Some(change.clone());
        if change.status.is_terminal() {
            self.open.remove(&change.id);
        }
        let told = Changed {
            job_path: service.layout().job(&change.name),
            name: change.name,
            status: change.status,
            exit_code: change.exit_code,
            message: change.message,
        };
        Some((told, !self.open.is_empty()))
    }

    async fn look(&mut self, service: &Service, ids: Vec<JobId>) -> Result<(), ApiError> {
        let now = service
            .read(move |reader| {
                let mut found = Vec::new();
                for id in ids {
                    found.extend(reader.job(id)?.map(|row| Change::of(&row.job)));
                }
                Ok(found)
            })
            .await?;
        self.pending.extend(now);
        Ok(())
    }
}
