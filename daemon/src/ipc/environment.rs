//! The methods for the registry of environments: a folder that the configuration names.

use std::sync::Arc;

use proto::api::{ApiError, ListedEnvironments, ShowEnvironment, ShownEnvironment};

use super::service::Service;
use crate::stage;

impl Service {
    pub(super) async fn list_environments(&self) -> Result<ListedEnvironments, ApiError> {
        let settings = Arc::clone(self.settings());
        let found = blocking(move || stage::list(&settings)).await?;
        Ok(ListedEnvironments {
            environments: found.environments,
            refused: found.refused,
        })
    }

    pub(super) async fn show_environment(
        &self,
        show: ShowEnvironment,
    ) -> Result<ShownEnvironment, ApiError> {
        let settings = Arc::clone(self.settings());
        let ShowEnvironment { name, version } = show;
        let asked = name.clone();
        let found = blocking(move || stage::show(&settings, &asked, version.as_deref()));
        let environment = found.await?.map_err(|error| ApiError::NoSuchEnvironment {
            name,
            reason: error.to_string(),
        })?;
        Ok(ShownEnvironment { environment })
    }
}

/// Reads files on a thread that may block.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let joined = tokio::task::spawn_blocking(read).await;
    joined.map_err(|error| ApiError::Unavailable {
        reason: error.to_string(),
    })
}
