//! A file or folder comes from a store or a web server into the job's folder, by way of the cache.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use globset::GlobMatcher;
use sha2::{Digest, Sha256};

use super::cache::{Blob, Cache};
use super::cause::{Cause, Patience, Tries};
use super::digest::{self, hex};
use super::error::{DataError, io_of};
use super::fetch::{Fetcher, Item};
use super::local::{self, Shape};
use super::place::{Address, Place};
use super::remote::{self, Listed, Remote};
use super::store::{self, Store, Use};
use crate::stage::meter::Meter;
use crate::sys::folder;

/// Files that are fetched at once.
const FETCHED_AT_ONCE: usize = 8;
/// What a job may do with a copy of its own.
const COPY_MODE: u32 = 0o644;

/// What came.
pub(super) struct Gathered {
    /// The file or folder in the job's folder.
    pub(super) path: PathBuf,
    pub(super) digest: String,
    pub(super) bytes: u64,
}

/// What is wanted.
pub(super) struct Wanted<'a> {
    /// `inputs.NAME`.
    pub(super) what: &'a str,
    /// The type of the input.
    pub(super) kind: &'a str,
    /// The folder for it; it is there and empty.
    pub(super) target: &'a Path,
    /// The name of a file whose address has none.
    pub(super) name: &'a str,
    /// The job may write to it: it gets a copy, not a link.
    pub(super) is_copy: bool,
    /// Of a folder, only the files with such a path in it.
    pub(super) only: Option<&'a GlobMatcher>,
}

/// What gathering needs.
pub(super) struct Gatherer<'a> {
    pub(super) cache: &'a Cache,
    pub(super) meter: &'a Meter,
    pub(super) patience: Patience,
}

impl Gatherer<'_> {
    /// Brings what is at a place that is not of this machine.
    pub(super) async fn gather(
        &self,
        place: &Place,
        wanted: &Wanted<'_>,
    ) -> Result<Gathered, DataError> {
        self.meter
            .begin(&format!("downloading {}", wanted.what), None, None);
        match place {
            Place::Web(url) => {
                if Shape::of(wanted.kind) == Shape::Folder {
                    return Err(no_folder_of_the_web(place, wanted.kind));
                }
                let client = store::web_client(self.patience)?;
                let remote = Remote::Web {
                    client,
                    url: url.clone(),
                };
                self.file(place, &format!("web {url}"), remote, wanted)
                    .await
            }
            Place::Store(address) => self.out_of_store(place, address, wanted).await,
            Place::Local(path) => Err(DataError::Missing(path.display().to_string())),
        }
    }

    async fn out_of_store(
        &self,
        place: &Place,
        address: &Address,
        wanted: &Wanted<'_>,
    ) -> Result<Gathered, DataError> {
        let failed = |cause| failed("look at", &address.shown, cause);
        let store = store::open(&address.bucket, self.patience, Use::Read)?;
        let path = remote::path_of(&address.path).map_err(failed)?;
        let wait = self.patience.stall;
        let is_file = match Shape::of(wanted.kind) {
            Shape::File => true,
            Shape::Folder => false,
            Shape::Any => {
                let length = self
                    .patiently(|wait| remote::length(&store, &path, wait))
                    .await;
                match length.map_err(failed)? {
                    // An empty object may stand for a folder.
                    Some(0) => !remote::is_folder(&store, &path, wait).await,
                    length => length.is_some(),
                }
            }
        };
        let name = named(address);
        if is_file {
            let remote = Remote::Object {
                store: store.clone(),
                path: path.clone(),
            };
            let file = self.file(place, &name, remote, wanted).await;
            let is_doubtful = match &file {
                Ok(file) => file.bytes == 0,
                Err(error) => error.is_not_found(),
            };
            if is_doubtful && remote::is_folder(&store, &path, wait).await {
                return Err(another_kind(address, "a folder", wanted, "a file"));
            }
            return file;
        }
        let listed = self
            .patiently(|wait| remote::list(&store, &path, wait))
            .await;
        let listed = listed.map_err(failed)?;
        if listed.is_empty() {
            return Err(match remote::length(&store, &path, wait).await {
                Ok(Some(_)) => another_kind(address, "a file", wanted, "a folder"),
                _ => failed(Cause::NotFound),
            });
        }
        let is_wanted = |file: &Listed| wanted.only.is_none_or(|only| only.is_match(&file.name));
        let listed = listed.into_iter().filter(is_wanted).collect();
        self.folder(&store, &name, listed, address, wanted).await
    }

    /// Tries what is quick again, within bounds.
    async fn patiently<T, F>(&self, ask: impl Fn(Duration) -> F) -> Result<T, Cause>
    where
        F: Future<Output = Result<T, Cause>>,
    {
        let begun = Instant::now();
        let mut tries = Tries::default();
        let mut wait = self.patience.first_try();
        loop {
            let cause = match ask(wait).await {
                Ok(answer) => return Ok(answer),
                Err(Cause::Stalled(_)) if begun.elapsed() >= self.patience.stall => {
                    return Err(self.patience.stalled());
                }
                Err(cause) => cause,
            };
            if matches!(cause, Cause::Stalled(_)) {
                wait = self.patience.stall;
            }
            let pause = tries.failed(cause, false)?;
            tokio::time::sleep(pause).await;
        }
    }

    fn fetcher<'a>(&'a self, what: &'a str) -> Fetcher<'a> {
        Fetcher {
            cache: self.cache,
            meter: self.meter,
            patience: self.patience,
            what,
        }
    }

    async fn file(
        &self,
        place: &Place,
        name: &str,
        remote: Remote,
        wanted: &Wanted<'_>,
    ) -> Result<Gathered, DataError> {
        let item = Item {
            key: key(name),
            shown: place.shown(),
            remote,
            listed: None,
            is_alone: true,
        };
        let blob = self.fetcher(wanted.what).fetch(&item).await?;
        self.meter.file();
        let file_name = place.file_name();
        let path = wanted
            .target
            .join(file_name.as_deref().unwrap_or(wanted.name));
        self.lay(&blob, &path, wanted.is_copy).await?;
        Ok(Gathered {
            path,
            digest: digest::named(&blob.sha256),
            bytes: blob.bytes,
        })
    }

    async fn folder(
        &self,
        store: &Store,
        name: &str,
        listed: Vec<Listed>,
        address: &Address,
        wanted: &Wanted<'_>,
    ) -> Result<Gathered, DataError> {
        let bytes = listed.iter().map(|file| file.bytes).sum();
        self.meter.expected(Some(bytes), Some(listed.len() as u64));
        let fetcher = self.fetcher(wanted.what);
        let fetched: BTreeMap<PathBuf, String> = stream::iter(&listed)
            .map(|file| async {
                let item = Item {
                    key: key(&format!("{name}/{}", file.name)),
                    shown: format!("{}/{}", address.shown.trim_end_matches('/'), file.name),
                    remote: Remote::Object {
                        store: store.clone(),
                        path: file.path.clone(),
                    },
                    listed: Some(file.version.clone()),
                    is_alone: false,
                };
                let blob = fetcher.fetch(&item).await?;
                self.lay(&blob, &wanted.target.join(&file.name), wanted.is_copy)
                    .await?;
                self.meter.file();
                Ok::<_, DataError>((PathBuf::from(&file.name), blob.sha256.clone()))
            })
            .buffer_unordered(FETCHED_AT_ONCE)
            .try_collect()
            .await?;
        Ok(Gathered {
            path: wanted.target.into(),
            digest: digest::of_tree(&fetched),
            bytes,
        })
    }

    /// Gives the job a content. A link costs nothing and outlives what the cache gives up. What
    /// nobody uses makes room for a copy on a full disk.
    pub(super) async fn lay(
        &self,
        blob: &Blob,
        path: &Path,
        is_copy: bool,
    ) -> Result<(), DataError> {
        if let Some(above) = path.parent() {
            folder::make_all(above).map_err(io_of("make the folder", above))?;
        }
        if !is_copy && std::fs::hard_link(&blob.path, path).is_ok() {
            return Ok(());
        }
        let mode = if is_copy { COPY_MODE } else { 0o444 };
        loop {
            match copy(&blob.path, path, mode).await {
                Err(error) if self.cache.makes_room(&error, blob.bytes) => {}
                copied => return copied,
            }
        }
    }

    /// The content of this digest, if the cache has it.
    pub(super) async fn of_digest(
        &self,
        place: &Place,
        digest: &str,
        wanted: &Wanted<'_>,
    ) -> Result<Option<Gathered>, DataError> {
        let hash = digest.strip_prefix("sha256:").unwrap_or(digest);
        let is_file = Shape::of(wanted.kind) == Shape::File;
        let Some(blob) = is_file.then(|| self.cache.get_by_hash(hash)).flatten() else {
            return Ok(None);
        };
        let file_name = place.file_name();
        let path = wanted
            .target
            .join(file_name.as_deref().unwrap_or(wanted.name));
        self.lay(&blob, &path, wanted.is_copy).await?;
        Ok(Some(Gathered {
            path,
            digest: digest::named(hash),
            bytes: blob.bytes,
        }))
    }
}

/// Between the pieces others have a look at the bytes that they are waiting for.
async fn copy(from: &Path, to: &Path, mode: u32) -> Result<(), DataError> {
    let mut copying = local::Copying::begin(from, to, mode)?;
    while copying.piece()? > 0 {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// What an address is called in the cache, the same with whatever credentials.
fn named(address: &Address) -> String {
    use super::place::Service;
    let endpoint = address.bucket.endpoint.as_deref().unwrap_or_default();
    let bucket = match &address.bucket.service {
        Service::Azure {
            account, container, ..
        } => format!("azure {account}/{container}"),
        Service::S3 { bucket, .. } => format!("s3 {bucket}"),
        Service::Gcs { bucket } => format!("gs {bucket}"),
    };
    format!("{endpoint} {bucket}/{}", address.path)
}

fn key(name: &str) -> String {
    hex(&Sha256::digest(name.as_bytes()))
}

fn another_kind(
    address: &Address,
    found: &'static str,
    wanted: &Wanted<'_>,
    needed: &'static str,
) -> DataError {
    DataError::Kind {
        path: address.shown.clone(),
        found,
        kind: wanted.kind.into(),
        wanted: needed,
    }
}

fn failed(what: &'static str, place: &str, cause: Cause) -> DataError {
    DataError::Store {
        what,
        place: place.into(),
        cause,
    }
}

fn no_folder_of_the_web(place: &Place, kind: &str) -> DataError {
    DataError::Form {
        path: place.shown(),
        why: format!(
            "a web server cannot list a folder, which {kind} needs; use `type: uri_file`, a \
             datastore, or `mirrors:` of the configuration"
        ),
    }
}
