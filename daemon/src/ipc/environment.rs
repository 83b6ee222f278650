//! The methods for the registry of environments: a folder that the configuration names.

use std::sync::Arc;

use proto::api::{
    ApiError, LIST_ENVIRONMENTS_MAX, LIST_JOBS_DEFAULT, ListEnvironments, ListedEnvironments,
    ShowEnvironment, ShownEnvironment,
};

use super::page::Page;
use super::service::Service;
use crate::stage;

impl Service {
    pub(super) async fn list_environments(
        &self,
        list: ListEnvironments,
    ) -> Result<ListedEnvironments, ApiError> {
        let settings = Arc::clone(self.settings());
        let found = blocking(move || stage::list(&settings)).await?;
        let all = ListedEnvironments {
            environments: found.environments,
            refused: found.refused,
            next_from: None,
        };
        Ok(page_of(all, &list))
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

/// A page of both lists, one after the other.
fn page_of(all: ListedEnvironments, list: &ListEnvironments) -> ListedEnvironments {
    let limit = list.max_results.unwrap_or(LIST_JOBS_DEFAULT);
    let mut page = Page::new(limit.clamp(1, LIST_ENVIRONMENTS_MAX));
    let from = list.from.unwrap_or(0);
    let known = all.environments.len();
    let total = known + all.refused.len();
    let environments = all.environments.into_iter().skip(from);
    let environments: Vec<_> = environments.take_while(|one| page.takes(one)).collect();
    let refused = all.refused.into_iter().skip(from.saturating_sub(known));
    let refused: Vec<_> = refused.take_while(|one| page.takes(one)).collect();
    let next = from.saturating_add(environments.len() + refused.len());
    ListedEnvironments {
        environments,
        refused,
        next_from: (next < total).then_some(next),
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_pages_are_the_whole_list() {
        let environment = |name: &str| json!({"name": name, "versions": [], "backend": "host"});
        let refusal = |file: &str| json!({"file": file, "reason": "x"});
        let environments = ["a", "b", "c"].map(environment);
        let refused = ["d", "e"].map(refusal);
        let all = json!({"environments": environments, "refused": refused});
        let all: ListedEnvironments = serde_json::from_value(all).unwrap();
        for max_results in [None, Some(0), Some(1), Some(2), Some(4), Some(5)] {
            let (mut environments, mut refused, mut from) = (Vec::new(), Vec::new(), None);
            loop {
                let list = ListEnvironments { max_results, from };
                let page = page_of(all.clone(), &list);
                let count = page.environments.len() + page.refused.len();
                assert!(count > 0 && count <= max_results.unwrap_or(5).max(1));
                environments.extend(page.environments);
                refused.extend(page.refused);
                from = page.next_from;
                if from.is_none() {
                    break;
                }
            }
            assert_eq!((&environments, &refused), (&all.environments, &all.refused));
        }
        let list = ListEnvironments {
            from: Some(usize::MAX),
            ..ListEnvironments::default()
        };
        assert_eq!(page_of(all, &list), ListedEnvironments::default());
    }
}
