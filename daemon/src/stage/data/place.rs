//! What a `path` of a job means. The text and the configuration decide; nothing is opened.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use proto::job::{PathForm, classify_path};
use proto::stage::{Datastore, StageSettings};
use reqwest::Url;

use super::error::DataError;
use super::redact;

/// Where data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// On this machine; absolute.
    Local(PathBuf),
    /// On a web server.
    Web(Url),
    /// In a store.
    Store(Address),
}

/// An object or a folder of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// What holds it.
    pub(super) bucket: Bucket,
    /// Its path there, without a slash at either end.
    pub(super) path: String,
    /// As people know it, without secrets.
    pub(super) shown: String,
}

/// A bucket or container and the way to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Bucket {
    pub(super) service: Service,
    /// Another endpoint than the vendor's.
    pub(super) endpoint: Option<String>,
    /// Where the credentials are, unless in the environment.
    pub(super) credentials_file: Option<PathBuf>,
}

/// Whose protocol it speaks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Service {
    /// Azure Blob Storage; `sas` is the query of the address.
    Azure {
        account: String,
        container: String,
        sas: Option<String>,
    },
    /// Amazon S3 and what is like it.
    S3 {
        bucket: String,
        region: Option<String>,
    },
    /// Google Cloud Storage.
    Gcs { bucket: String },
}

impl Place {
    /// For messages and reports: without secrets.
    pub(super) fn shown(&self) -> String {
        match self {
            Place::Local(path) => path.to_string_lossy().into_owned(),
            Place::Web(url) => redact::address(url.as_str()),
            Place::Store(address) => address.shown.clone(),
        }
    }

    /// The last part of its path, as a file's name; none where there is none.
    pub(super) fn file_name(&self) -> Option<String> {
        let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let name = match self {
            Place::Local(path) => path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned()),
            Place::Web(url) => last(&decoded(url.path())),
            Place::Store(address) => last(&address.path),
        };
        name.filter(|name| is_plain_name(name))
    }
}

fn is_plain_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(|c: char| c == '/' || c.is_control())
}

/// The place that a text means. `base` is the folder against which a local one resolves.
pub(super) fn find(text: &str, base: &Path, settings: &StageSettings) -> Result<Place, DataError> {
    if let Some(place) = mirrored(text, &settings.mirrors)? {
        return match classify_path(&place) {
            PathForm::Local(path) => Ok(Place::Local(path)),
            _ => uri(&place, settings),
        };
    }
    match classify_path(text) {
        PathForm::Local(path) => Ok(Place::Local(base.join(path).components().collect())),
        PathForm::Uri(text) => uri(&text, settings),
        PathForm::Asset(name) => Err(form(&name, "this asset was not looked up")),
    }
}

/// The place of the longest prefix. Neither user nor query go there: they are secrets of another.
fn mirrored(text: &str, mirrors: &BTreeMap<String, String>) -> Result<Option<String>, DataError> {
    let text = text
        .strip_prefix("azureml:")
        .filter(|rest| !rest.starts_with("//"))
        .unwrap_or(text);
    let ends = |prefix: &str, rest: &str| {
        rest.is_empty() || prefix.ends_with('/') || rest.starts_with(['/', '?', '#'])
    };
    let fits = mirrors.iter().filter_map(|(prefix, place)| {
        let rest = text.strip_prefix(prefix.as_str())?;
        ends(prefix, rest).then_some((prefix.len(), place, rest))
    });
    let Some((_, place, rest)) = fits.max_by_key(|(length, ..)| *length) else {
        return Ok(None);
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let rest = rest.trim_matches('/');
    let is_folder = matches!(classify_path(place), PathForm::Local(_));
    // Only among web servers is a name written in percent signs on both sides.
    let is_web = |text: &str| text.starts_with("http://") || text.starts_with("https://");
    let rest = match is_web(text) && !is_web(place) {
        true => decoded(rest),
        false => rest.into(),
    };
    if is_folder {
        inside(&rest, text)?;
    }
    let trimmed = place.trim_end_matches('/');
    Ok(Some(match rest.is_empty() {
        true => place.clone(),
        false => format!("{trimmed}/{rest}"),
    }))
}

/// A path that stays where it is put.
fn inside(path: &str, whole: &str) -> Result<PathBuf, DataError> {
    let parts = Path::new(path).components();
    if parts
        .clone()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        && !path.contains('\0')
    {
        return Ok(parts.collect());
    }
    Err(form(whole, "`..` would leave the place"))
}

fn uri(text: &str, settings: &StageSettings) -> Result<Place, DataError> {
    let (scheme, rest) = text.split_once("://").unwrap_or((text, ""));
    let bare = rest.split('#').next().unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => web(text),
        "wasb" | "wasbs" | "abfs" | "abfss" => azure(text, bare),
        "s3" | "s3a" => bucket(text, bare, |bucket| Service::S3 {
            bucket,
            region: None,
        }),
        "gs" => bucket(text, bare, |bucket| Service::Gcs { bucket }),
        "azureml" => azureml(text, rest, settings),
        "adl" => Err(form(
            text,
            "Data Lake Storage Gen1 is no more; give `mirrors:` of the configuration a place for adl://",
        )),
        _ => Err(form(
            text,
            "known are local paths, file:, http(s)://, wasbs://, abfss://, s3://, gs:// and \
             azureml://datastores/NAME/paths/…; `mirrors:` of the configuration can map others",
        )),
    }
}

fn form(path: &str, why: &str) -> DataError {
    DataError::Form {
        path: redact::address(path),
        why: why.into(),
    }
}

/// An address of a web server; those of Azure's blobs are a store.
fn web(text: &str) -> Result<Place, DataError> {
    let url = Url::parse(text).map_err(|error| form(text, &error.to_string()))?;
    let host = url.host_str().unwrap_or_default();
    let account = [".blob.core.windows.net", ".dfs.core.windows.net"]
        .iter()
        .find_map(|suffix| host.strip_suffix(suffix));
    let path = decoded(url.path());
    match (account, path.trim_matches('/').split_once('/')) {
        (Some(account), Some((container, path))) => Ok(Place::Store(Address {
            bucket: Bucket {
                service: Service::Azure {
                    account: account.into(),
                    container: container.into(),
                    sas: url.query().map(str::to_owned),
                },
                endpoint: None,
                credentials_file: None,
            },
            path: path.into(),
            shown: redact::address(text),
        })),
        _ => Ok(Place::Web(url)),
    }
}

/// `CONTAINER@ACCOUNT.blob.core.windows.net/PATH`.
fn azure(text: &str, rest: &str) -> Result<Place, DataError> {
    let (rest, sas) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query.to_owned())),
        None => (rest, None),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (container, host) = authority.split_once('@').unwrap_or_default();
    let account = host.split(['.', ':']).next().unwrap_or_default();
    if container.is_empty() || account.is_empty() {
        let why = "write wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PATH";
        return Err(form(text, why));
    }
    Ok(Place::Store(Address {
        bucket: Bucket {
            service: Service::Azure {
                account: account.into(),
                container: container.into(),
                sas,
            },
            endpoint: None,
            credentials_file: None,
        },
        path: path.trim_matches('/').into(),
        shown: redact::address(text),
    }))
}

/// `BUCKET/PATH`.
fn bucket(text: &str, rest: &str, service: fn(String) -> Service) -> Result<Place, DataError> {
    let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() || bucket.contains('@') {
        return Err(form(text, "write s3://BUCKET/PATH or gs://BUCKET/PATH"));
    }
    Ok(Place::Store(Address {
        bucket: Bucket {
            service: service(bucket.into()),
            endpoint: None,
            credentials_file: None,
        },
        path: path.trim_matches('/').into(),
        shown: redact::address(text),
    }))
}

/// `datastores/NAME/paths/PATH`, or the same below `subscriptions/…`.
fn azureml(text: &str, rest: &str, settings: &StageSettings) -> Result<Place, DataError> {
    let long = rest.find("/datastores/").map(|at| &rest[at + 1..]);
    let short = long.unwrap_or(rest);
    let Some(named) = short.strip_prefix("datastores/") else {
        let why = "known are azureml://datastores/NAME/paths/… and its long form, \
                   azureml:NAME:VERSION and azureml://jobs/NAME/outputs/…";
        return Err(form(text, why));
    };
    let (name, path) = named.split_once('/').unwrap_or((named, "paths"));
    let Some(path) = path.strip_prefix("paths") else {
        return Err(form(text, "write azureml://datastores/NAME/paths/PATH"));
    };
    datastore(name, path.trim_matches('/'), text, settings)
}

/// A path of a datastore.
fn datastore(
    name: &str,
    path: &str,
    text: &str,
    settings: &StageSettings,
) -> Result<Place, DataError> {
    let Some(datastore) = settings.datastores.get(name) else {
        let names: Vec<_> = settings.datastores.keys().map(String::as_str).collect();
        return Err(DataError::Datastore {
            name: name.into(),
            known: match names.is_empty() {
                true => "it has none: add it under `datastores:`".into(),
                false => format!("it has {}", names.join(", ")),
            },
        });
    };
    let below = inside(path, text)?;
    let (service, endpoint, credentials_file) = match datastore.clone() {
        Datastore::Folder { path } => return Ok(Place::Local(path.join(below))),
        Datastore::AzureBlob {
            account,
            container,
            endpoint,
            credentials_file,
        } => {
            let service = Service::Azure {
                account,
                container,
                sas: None,
            };
            (service, endpoint, credentials_file)
        }
        Datastore::S3 {
            bucket,
            region,
            endpoint,
            credentials_file,
        } => (Service::S3 { bucket, region }, endpoint, credentials_file),
        Datastore::Gcs {
            bucket,
            endpoint,
            credentials_file,
        } => (Service::Gcs { bucket }, endpoint, credentials_file),
    };
    Ok(Place::Store(Address {
        bucket: Bucket {
            service,
            endpoint,
            credentials_file,
        },
        path: path.into(),
        shown: redact::address(text),
    }))
}

/// `%20` and the like as what they stand for; what is no such thing stays.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = (*byte == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        plain.push(code.unwrap_or(*byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8(plain).unwrap_or_else(|_| text.into())
}
