//! One request to a store or a web server, in one shape for both.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStoreExt};
use reqwest::header::{self, HeaderMap};
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::redact;
use super::store::Store;

/// Something to fetch.
#[derive(Debug, Clone)]
pub(super) enum Remote {
    /// A file of a web server.
    Web { client: reqwest::Client, url: Url },
    /// An object.
    Object { store: Store, path: Path },
}

/// Which of its contents a file has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) modified: Option<String>,
}

/// A request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ask<'a> {
    /// The first byte that is wanted.
    pub(super) from: u64,
    /// The version whose first bytes are there already.
    pub(super) same: Option<&'a Version>,
    /// The version that need not be sent.
    pub(super) unless: Option<&'a Version>,
}

/// Bytes on their way.
pub(super) struct Body {
    /// The first byte that comes.
    pub(super) start: u64,
    /// The length of the whole.
    pub(super) total: Option<u64>,
    pub(super) version: Version,
    /// What the server says of the whole content.
    pub(super) md5: Option<Md5>,
    pub(super) stream: Bytes,
}

/// An MD5, and how sure it is that it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Md5 {
    pub(super) digits: [u8; 16],
    /// An ETag that looks like it, which of an encrypted object is not the content's, or one that
    /// came with a part.
    pub(super) is_guess: bool,
}

pub(super) type Bytes = Pin<Box<dyn Stream<Item = Result<Vec<u8>, Cause>> + Send>>;

/// What either library sends, in one shape.
fn bytes<C: Into<Vec<u8>>, E>(
    stream: impl Stream<Item = Result<C, E>> + Send + 'static,
    cause: impl Fn(E) -> Cause + Send + 'static,
) -> Bytes {
    Box::pin(stream.map(move |chunk| chunk.map(Into::into).map_err(&cause)))
}

impl Version {
    /// Whether the rest of a file can be asked for: only with proof that it is of the same file.
    pub(super) fn is_proof(&self) -> bool {
        self.strong().is_some() || self.modified.is_some()
    }

    pub(super) fn is_known(&self) -> bool {
        self.etag.is_some() || self.modified.is_some()
    }

    /// Whether two ways to it told the same version: a listing has no quotes around an ETag.
    pub(super) fn is_same_as(&self, other: &Version) -> bool {
        let bare =
            |etag: &Option<String>| etag.as_ref().map(|etag| etag.trim_matches('"').to_owned());
        match (bare(&self.etag), bare(&other.etag)) {
            (Some(mine), Some(others)) => mine == others,
            _ => self.modified.is_some() && self.modified == other.modified,
        }
    }

    /// Whether nothing speaks against their being the same: not every server that sends a part
    /// has read `If-Range`.
    pub(super) fn may_be(&self, other: &Version) -> bool {
        let agree = |mine: &Option<String>, others: &Option<String>| match (mine, others) {
            (Some(mine), Some(others)) => mine == others,
            _ => true,
        };
        match self.strong() {
            Some(_) => agree(&self.etag, &other.etag),
            None => agree(&self.etag, &other.etag) && agree(&self.modified, &other.modified),
        }
    }

    fn strong(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| !etag.starts_with("W/"))
    }
}

impl Remote {
    /// Asks for it; nothing comes of the version that need not be sent.
    pub(super) fn open<'a>(
        &'a self,
        ask: Ask<'a>,
        wait: Duration,
    ) -> impl Future<Output = Result<Option<Body>, Cause>> + 'a {
        let request = async move {
            match self {
                Remote::Web { client, url } => Box::pin(web(client, url, ask)).await,
                Remote::Object { store, path } => Box::pin(object(store, path, ask)).await,
            }
        };
        async move {
            match tokio::time::timeout(wait, request).await {
                Ok(answer) => answer,
                Err(_) => Err(Cause::Stalled(wait.as_secs())),
            }
        }
    }
}

async fn web(client: &reqwest::Client, url: &Url, ask: Ask<'_>) -> Result<Option<Body>, Cause> {
    let response = client.get(url.clone()).headers(headers(ask)).send().await;
    let response = response.map_err(Cause::of_http)?;
    let is_part = response.status() == StatusCode::PARTIAL_CONTENT;
    let start = match response.status() {
        StatusCode::NOT_MODIFIED if ask.unless.is_some() => return Ok(None),
        StatusCode::RANGE_NOT_SATISFIABLE => return Err(Cause::Replaced),
        StatusCode::PARTIAL_CONTENT => ask.from,
        StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION => 0,
        status => {
            let has_secret = url.query().is_some() || url.password().is_some();
            let hint =
                (!has_secret).then_some("it is not public; put it where a datastore reaches it");
            return Err(Cause::of_status(status.as_u16(), hint));
        }
    };
    let headers = response.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    let total = match is_part {
        false => length,
        true => Some(total_of_range(text(header::CONTENT_RANGE), start)?),
    };
    let version = Version {
        etag: text(header::ETAG).map(str::to_owned),
        modified: text(header::LAST_MODIFIED).map(str::to_owned),
    };
    let md5 = said_md5(headers, is_part);
    let stream = bytes(response.bytes_stream(), Cause::of_http);
    Ok(Some(Body {
        start,
        total,
        version,
        md5,
        stream,
    }))
}

fn headers(ask: Ask<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put = |name, value: &str| {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    };
    // What a server packs has no length to compare with, and no part to go on from.
    put(header::ACCEPT_ENCODING, "identity");
    if let (true, Some(same)) = (ask.from > 0, ask.same) {
        put(header::RANGE, &format!("bytes={}-", ask.from));
        if let Some(proof) = same.strong().or(same.modified.as_deref()) {
            put(header::IF_RANGE, proof);
        }
    }
    if let Some(unless) = ask.unless {
        match (&unless.etag, &unless.modified) {
            (Some(etag), _) => put(header::IF_NONE_MATCH, etag),
            (None, Some(modified)) => put(header::IF_MODIFIED_SINCE, modified),
            (None, None) => {}
        }
    }
    headers
}

/// `bytes START-END/TOTAL`.
fn total_of_range(text: Option<&str>, start: u64) -> Result<u64, Cause> {
    let parsed = text.and_then(|text| {
        let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, _) = range.split_once('-')?;
        Some((first.parse::<u64>().ok()?, total.parse::<u64>().ok()?))
    });
    match parsed {
        Some((first, total)) if first == start => Ok(total),
        _ => Err(Cause::Replaced),
    }
}

/// `Content-MD5`, or the ETag of a server that speaks S3. Beside a part, the first may be of it.
fn said_md5(headers: &HeaderMap, is_part: bool) -> Option<Md5> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let said = text("content-md5").and_then(base64_md5).map(|digits| Md5 {
        digits,
        is_guess: is_part,
    });
    let is_s3 = text("x-amz-request-id").is_some();
    said.or_else(|| is_s3.then(|| etag_md5(text("etag")?)).flatten())
}

/// 32 digits in quotes.
fn etag_md5(etag: &str) -> Option<Md5> {
    let hex = etag.strip_prefix('"')?.strip_suffix('"')?;
    if hex.len() != 32 || !hex.is_ascii() {
        return None;
    }
    let mut digits = [0; 16];
    for (digit, at) in digits.iter_mut().zip((0..32).step_by(2)) {
        *digit = u8::from_str_radix(&hex[at..at + 2], 16).ok()?;
    }
    Some(Md5 {
        digits,
        is_guess: true,
    })
}

/// 16 bytes in base64: 22 letters and `==`.
fn base64_md5(text: &str) -> Option<[u8; 16]> {
    let text = text
        .trim()
        .strip_suffix("==")
        .filter(|text| text.len() == 22)?;
    let mut bits = 0_u32;
    let mut held = 0;
    let mut bytes = Vec::with_capacity(17);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    bytes.try_into().ok()
}

async fn object(store: &Store, path: &Path, ask: Ask<'_>) -> Result<Option<Body>, Cause> {
    let etag = |version: Option<&Version>| version.and_then(|version| version.etag.clone());
    let options = GetOptions {
        range: (ask.from > 0).then_some(GetRange::Offset(ask.from)),
        if_match: (ask.from > 0).then(|| etag(ask.same)).flatten(),
        if_none_match: etag(ask.unless),
        ..GetOptions::default()
    };
    let got = match store.objects.get_opts(path, options).await {
        Ok(got) => got,
        Err(object_store::Error::NotModified { .. }) => return Ok(None),
        Err(error) => return Err(of_store(store, &error, ask)),
    };
    let version = Version {
        etag: got.meta.e_tag.clone(),
        modified: Some(got.meta.last_modified.to_rfc2822()),
    };
    let md5 = store
        .has_md5_etags
        .then(|| got.meta.e_tag.as_deref().and_then(etag_md5))
        .flatten();
    let (start, total) = (got.range.start, Some(got.meta.size));
    let anonymous = store.anonymous;
    let stream = bytes(got.into_stream(), move |error| {
        Cause::of_store(&error, anonymous)
    });
    Ok(Some(Body {
        start,
        total,
        version,
        md5,
        stream,
    }))
}

/// A part behind the end is asked for only where the file has become another.
fn of_store(store: &Store, error: &object_store::Error, ask: Ask<'_>) -> Cause {
    match Cause::of_store(error, store.anonymous) {
        Cause::Status(416) if ask.from > 0 => Cause::Replaced,
        cause => cause,
    }
}

/// A file of a folder in a store.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    /// Relative to the folder.
    pub(super) name: String,
    pub(super) path: Path,
    pub(super) bytes: u64,
    pub(super) version: Version,
}

/// The most files of one input in a store.
pub const LISTED_FILES_MAX: usize = 1_000_000;

/// Everything below a folder of a store; each wait for a page is bounded.
pub(super) async fn list(
    store: &Store,
    folder: &Path,
    wait: Duration,
) -> Result<Vec<Listed>, Cause> {
    let prefix = (!folder.is_root()).then_some(folder);
    let mut pages = store.objects.list(prefix);
    let mut found: Vec<Listed> = Vec::new();
    loop {
        let next = tokio::time::timeout(wait, pages.next()).await;
        let meta = match next.map_err(|_| Cause::Stalled(wait.as_secs()))? {
            None => return Ok(files_only(found)),
            Some(meta) => meta.map_err(|error| Cause::of_store(&error, store.anonymous))?,
        };
        let Some(parts) = meta.location.prefix_match(folder) else {
            continue;
        };
        let name: Vec<_> = parts.map(|part| part.as_ref().to_owned()).collect();
        if found.len() >= LISTED_FILES_MAX {
            return Err(Cause::Other(format!("more than {LISTED_FILES_MAX} files")));
        }
        if name.is_empty() {
            continue;
        }
        found.push(Listed {
            name: name.join("/"),
            bytes: meta.size,
            version: Version {
                etag: meta.e_tag,
                modified: Some(meta.last_modified.to_rfc2822()),
            },
            path: meta.location,
        });
    }
}

/// Without the empty objects that some stores keep for a folder.
fn files_only(mut found: Vec<Listed>) -> Vec<Listed> {
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let folders: std::collections::HashSet<String> = found
        .iter()
        .flat_map(|file| {
            file.name
                .match_indices('/')
                .map(|(at, _)| file.name[..at].to_owned())
        })
        .collect();
    found.retain(|file| file.bytes > 0 || !folders.contains(&file.name));
    found
}

/// The length of the object of this very name, if there is one.
pub(super) async fn length(
    store: &Store,
    path: &Path,
    wait: Duration,
) -> Result<Option<u64>, Cause> {
    if path.is_root() {
        return Ok(None);
    }
    match tokio::time::timeout(wait, store.objects.head(path)).await {
        Err(_) => Err(Cause::Stalled(wait.as_secs())),
        Ok(Ok(meta)) => Ok(Some(meta.size)),
        Ok(Err(object_store::Error::NotFound { .. })) => Ok(None),
        Ok(Err(error)) => Err(Cause::of_store(&error, store.anonymous)),
    }
}

/// Whether there is anything below this name.
pub(super) async fn is_folder(store: &Store, path: &Path, wait: Duration) -> bool {
    let mut below = store.objects.list(Some(path)).filter(|found| {
        let is_below = found.as_ref().is_ok_and(|found| found.location != *path);
        std::future::ready(is_below)
    });
    matches!(tokio::time::timeout(wait, below.next()).await, Ok(Some(_)))
}

/// The name of a path in a store; what cannot be one is refused.
pub(super) fn path_of(text: &str) -> Result<Path, Cause> {
    Path::parse(text).map_err(|error| Cause::Other(redact::text(&error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_md5_is_read_where_it_is_one() {
        let empty = [
            0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8,
            0x42, 0x7e,
        ];
        assert_eq!(base64_md5("1B2M2Y8AsgTpgAmY7PhCfg=="), Some(empty));
        assert_eq!(base64_md5("1B2M2Y8AsgTpgAmY7PhCfg"), None);
        let etag = etag_md5("\"d41d8cd98f00b204e9800998ecf8427e\"").unwrap();
        assert_eq!((etag.digits, etag.is_guess), (empty, true));
        assert!(etag_md5("\"d41d8cd98f00b204e9800998ecf8427e-2\"").is_none());
        assert!(etag_md5("W/\"d41d8cd98f00b204e9800998ecf8427e\"").is_none());
    }

    #[test]
    fn the_rest_must_begin_where_the_first_part_ended() {
        assert_eq!(total_of_range(Some("bytes 5-9/10"), 5), Ok(10));
        assert!(total_of_range(Some("bytes 4-9/10"), 5).is_err());
        assert!(total_of_range(None, 5).is_err());
    }
}
