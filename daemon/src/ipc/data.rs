//! The methods for registered assets.

use proto::api::{
    ApiError, CreateData, CreationContext, DATA_BYTES_MAX, Data, Empty, LIST_DATA_MAX,
    LIST_JOBS_DEFAULT, ListData, ListedData, ShownData,
};
use proto::job::{DATA_TYPES, PathForm, classify_path, has_secret, is_asset_name};

use super::page::Page;
use super::policy::Caller;
use super::service::Service;
use super::view::{WORKSPACE, rfc3339};
use crate::admission::user_name;
use crate::store::{AssetPage, NewAsset, Registered};

impl Service {
    pub(super) async fn create_data(
        &self,
        caller: Caller,
        create: CreateData,
    ) -> Result<ShownData, ApiError> {
        check(&create).map_err(|parameter| ApiError::InvalidParameter { parameter })?;
        let name = create.name.clone();
        let asset = NewAsset {
            name: create.name,
            version: create.version,
            kind: create.kind,
            path: create.path,
            description: create.description,
            tags: create.tags.unwrap_or_default(),
            created_by: user_name(caller.uid),
            uid: caller.uid,
            ..NewAsset::default()
        };
        let version = self.engine().register(asset).await?;
        self.show_data(name, Some(version)).await
    }

    pub(super) async fn show_data(
        &self,
        name: String,
        version: Option<String>,
    ) -> Result<ShownData, ApiError> {
        let (asked, of) = (name.clone(), version.clone());
        let found = self.read(move |reader| reader.asset(&asked, of.as_deref()));
        let found = found.await?.ok_or_else(|| missing(name, version))?;
        Ok(ShownData { data: view(&found) })
    }

    pub(super) async fn list_data(&self, list: ListData) -> Result<ListedData, ApiError> {
        let limit = list.max_results.unwrap_or(LIST_JOBS_DEFAULT);
        let limit = limit.clamp(1, LIST_DATA_MAX);
        let page = AssetPage {
            name: list.name,
            before: list.before,
            limit: limit + 1,
            archived: match (list.archived_only, list.include_archived) {
                (Some(true), _) => Some(true),
                (_, Some(true)) => None,
                _ => Some(false),
            },
        };
        let rows = self.read(move |reader| reader.assets(&page)).await?;
        let shown = that_fit(&rows[..rows.len().min(limit)]);
        let last = shown.len().checked_sub(1).and_then(|last| rows.get(last));
        Ok(ListedData {
            next_before: last.filter(|_| shown.len() < rows.len()).map(|row| row.id),
            data: shown,
        })
    }

    pub(super) async fn archive_data(
        &self,
        name: String,
        version: Option<String>,
        archived: bool,
    ) -> Result<Empty, ApiError> {
        let page = AssetPage {
            name: Some(name.clone()),
            limit: 1,
            ..AssetPage::default()
        };
        let of = version.clone();
        let is_there = self.read(move |reader| match (&page.name, of) {
            (Some(name), Some(version)) => Ok(reader.asset(name, Some(&version))?.is_some()),
            _ => Ok(!reader.assets(&page)?.is_empty()),
        });
        if !is_there.await? {
            return Err(missing(name, version));
        }
        let done = self.engine().set_asset_archived(name, version, archived);
        done.await.map(|_| Empty {})
    }
}

fn missing(name: String, version: Option<String>) -> ApiError {
    let name = match version {
        Some(version) => format!("{name}:{version}"),
        None => name,
    };
    ApiError::NoSuchAsset { name }
}

/// What is wrong with an asset that asks to be registered.
fn check(create: &CreateData) -> Result<(), String> {
    for (what, text) in [
        ("name", Some(&create.name)),
        ("version", create.version.as_ref()),
    ] {
        if text.is_some_and(|text| !is_asset_name(text)) {
            return Err(format!(
                "{what}: letters, digits, _, - and . are allowed, the first a letter or digit"
            ));
        }
    }
    if !DATA_TYPES.contains(&create.kind.as_str()) {
        return Err(format!("type: one of {} is needed", DATA_TYPES.join(", ")));
    }
    let is_whole = match classify_path(&create.path) {
        PathForm::Local(path) => path.is_absolute() && create.path.starts_with('/'),
        PathForm::Uri(_) => true,
        PathForm::Asset(_) => false,
    };
    if !is_whole || create.path.contains('\0') {
        return Err("path: an absolute path or a URI is needed".into());
    }
    if has_secret(&create.path) {
        return Err(
            "path: it must hold no token or password: everybody who lists data sees it".into(),
        );
    }
    if text_bytes(create) > DATA_BYTES_MAX {
        return Err(format!(
            "path, description and tags: {DATA_BYTES_MAX} bytes are allowed in all"
        ));
    }
    Ok(())
}

fn text_bytes(create: &CreateData) -> usize {
    let tags = create.tags.iter().flatten();
    let tags: usize = tags.map(|(key, value)| key.len() + value.len()).sum();
    create.path.len() + create.description.as_ref().map_or(0, String::len) + tags
}

/// As many of them as fit into a frame; one fits always.
fn that_fit(rows: &[Registered]) -> Vec<Data> {
    let mut page = Page::new(rows.len());
    let all = rows.iter().map(view);
    all.take_while(|data| page.takes(data)).collect()
}

fn view(registered: &Registered) -> Data {
    let Registered { version, asset, .. } = registered;
    let created_at = rfc3339(registered.created_at);
    let (job, output) = asset.made_by.clone().unzip();
    Data {
        id: format!("{WORKSPACE}/data/{}/versions/{version}", asset.name),
        name: asset.name.clone(),
        version: version.clone(),
        kind: asset.kind.clone(),
        path: asset.path.clone(),
        description: asset.description.clone(),
        tags: asset.tags.clone(),
        creation_context: CreationContext {
            created_at: created_at.clone(),
            created_by: asset.created_by.clone(),
            created_by_type: "User".into(),
            last_modified_at: created_at,
        },
        archived: registered.archived,
        digest: asset.digest.clone(),
        bytes: asset.bytes,
        job,
        output,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::frame::FRAME_BYTES_MAX;

    type Change = fn(&mut CreateData);

    fn create(change: impl FnOnce(&mut CreateData)) -> Result<(), String> {
        let mut create = CreateData {
            name: "iris".into(),
            kind: "uri_file".into(),
            path: "/data/iris.csv".into(),
            ..CreateData::default()
        };
        change(&mut create);
        check(&create)
    }

    #[test]
    fn what_cannot_be_registered_is_refused() {
        create(|_| {}).unwrap();
        create(|one| one.path = "azureml://datastores/d/paths/p".into()).unwrap();
        create(|one| one.version = Some("1.0-b".into())).unwrap();
        let refused: [(&str, Change); 6] = [
            ("name", |one| one.name = "../x".into()),
            ("version", |one| one.version = Some(String::new())),
            ("type", |one| one.kind = "folder".into()),
            ("path", |one| one.path = "iris.csv".into()),
            ("path", |one| one.path = "azureml:other:1".into()),
            ("path, description", |one| {
                one.description = Some("x".repeat(DATA_BYTES_MAX));
            }),
        ];
        for (expected, change) in refused {
            let message = create(change).unwrap_err();
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn a_page_fits_into_a_frame() {
        let row = Registered {
            id: 1,
            version: "1".into(),
            asset: NewAsset {
                // Each byte is six in JSON.
                description: Some("\u{1}".repeat(DATA_BYTES_MAX)),
                ..NewAsset::default()
            },
            created_at: 0,
            archived: false,
        };
        let shown = that_fit(&vec![row; 9]);
        assert_eq!(shown.len(), 1);
        assert!(serde_json::to_vec(&shown).unwrap().len() < FRAME_BYTES_MAX);
    }
}
