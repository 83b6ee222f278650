//! One file comes into the cache: asked for only if it has changed, resumed after a cut, tried
//! again within bounds, verified before it counts.

use std::time::Duration;

use futures_util::StreamExt;

use super::cache::{Blob, Cache, Record};
use super::cause::{Cause, Patience, Tries};
use super::error::DataError;
use super::partial::{Claim, Partial};
use super::remote::{Ask, Body, Remote, Version};
use crate::stage::meter::Meter;

/// A file to fetch.
pub(super) struct Item {
    /// Its name in the cache.
    pub(super) key: String,
    /// As people know it, without secrets.
    pub(super) shown: String,
    pub(super) remote: Remote,
    /// The version that a listing has just told.
    pub(super) listed: Option<Version>,
    /// It is all there is to fetch: its length is the whole length.
    pub(super) is_alone: bool,
}

/// What fetching needs.
pub(super) struct Fetcher<'a> {
    pub(super) cache: &'a Cache,
    pub(super) meter: &'a Meter,
    pub(super) patience: Patience,
    /// `inputs.NAME`.
    pub(super) what: &'a str,
}

/// What the tries before tell the next one.
struct Learned {
    /// The hash of what did not fit an ETag that looks like an MD5.
    doubtful: Option<String>,
    /// How long to wait for the next byte.
    wait: Duration,
    /// Bytes that are still to come, as far as that is known.
    missing: u64,
}

/// Why a try brought nothing.
enum Failed {
    /// The store: another try may help.
    Store(Cause),
    /// This machine: it does not.
    Here(DataError),
}

impl From<Cause> for Failed {
    fn from(cause: Cause) -> Failed {
        Failed::Store(cause)
    }
}

impl From<DataError> for Failed {
    fn from(error: DataError) -> Failed {
        Failed::Here(error)
    }
}

impl Fetcher<'_> {
    /// The content of a file.
    pub(super) async fn fetch(&self, item: &Item) -> Result<Blob, DataError> {
        let before = self.cache.record(&item.key);
        if let Some(blob) = before
            .as_ref()
            .and_then(|known| self.as_listed(item, known))
        {
            self.meter.bytes(blob.bytes);
            return Ok(blob);
        }
        let partial = match self.claim(item).await? {
            Claim::Partial(partial) => partial,
            Claim::Failed(told) => return Err(failed(item, Cause::Other(told))),
        };
        let known = self.cache.record(&item.key);
        let asked_meanwhile =
            known.as_ref().map(|known| known.checks) != before.as_ref().map(|known| known.checks);
        let held = known.and_then(|known| Some((self.cache.get(&known)?, known)));
        match held {
            Some((blob, known)) if asked_meanwhile => {
                partial.discard();
                self.meter.bytes(known.bytes);
                Ok(blob)
            }
            held => self.refresh(item, partial, held).await,
        }
    }

    /// The content in the cache, where the listing says that it is the one in the store.
    fn as_listed(&self, item: &Item, known: &Record) -> Option<Blob> {
        let is_current = known.version.is_same_as(item.listed.as_ref()?);
        is_current.then(|| self.cache.get(known)).flatten()
    }

    async fn claim(&self, item: &Item) -> Result<Claim, DataError> {
        let mut has_waited = false;
        let claim = Partial::claim(self.cache.partial(&item.key), || {
            if !has_waited && item.is_alone {
                let what = format!("waiting for {}, which another job downloads", self.what);
                self.meter.begin(&what, None, None);
            }
            has_waited = true;
        })
        .await?;
        if has_waited && item.is_alone {
            let what = format!("downloading {}", self.what);
            self.meter.begin(&what, None, None);
        }
        Ok(claim)
    }

    /// What the store has now; `held` is what the cache has.
    async fn refresh(
        &self,
        item: &Item,
        mut partial: Partial,
        held: Option<(Blob, Record)>,
    ) -> Result<Blob, DataError> {
        let known = held.as_ref().map(|(_, known)| &known.version);
        let known = known.filter(|version| version.is_known());
        let come = self.download(item, &mut partial, known).await;
        match (come, held) {
            (Ok(Some(sha256)), _) => {
                let version = partial.version().clone();
                let (file, turn) = partial.into_file();
                let kept = self.cache.keep(&item.key, file, &sha256, version);
                drop(turn);
                kept
            }
            (Ok(None), Some((blob, known))) => {
                partial.discard();
                self.cache.confirm(&item.key, &known)?;
                self.meter.bytes(known.bytes);
                Ok(blob)
            }
            (Ok(None), None) => Err(failed(item, Cause::Replaced)),
            (Err(error), _) => {
                if let DataError::Store { cause, .. } = &error
                    && cause.is_passing()
                {
                    partial.tell_failure(&cause.to_string());
                }
                let is_full = matches!(error, DataError::Io { .. });
                if is_full || partial.length() == 0 {
                    partial.discard();
                }
                Err(error)
            }
        }
    }

    /// Tries until it is there: its hash, or none where it is what the cache has.
    async fn download(
        &self,
        item: &Item,
        partial: &mut Partial,
        known: Option<&Version>,
    ) -> Result<Option<String>, DataError> {
        let mut tries = Tries::default();
        let mut learned = Learned {
            doubtful: None,
            wait: self.patience.first_try(),
            missing: 0,
        };
        loop {
            let before = partial.length();
            let cause = match self.attempt(item, partial, known, &mut learned).await {
                Ok(come) => return Ok(come),
                Err(Failed::Here(error)) if self.cache.makes_room(&error, learned.missing) => {
                    partial.cut_back()?;
                    continue;
                }
                Err(Failed::Here(error)) => return Err(error),
                Err(Failed::Store(cause)) => cause,
            };
            if matches!(cause, Cause::Stalled(_)) {
                learned.wait = self.patience.stall;
            }
            let has_waited = partial.last.elapsed() >= self.patience.stall;
            let cause = match cause {
                Cause::Stalled(_) if has_waited => Err(cause),
                cause => tries
                    .failed(cause.clone(), partial.length() > before)
                    .map(|pause| (cause, pause)),
            };
            let (cause, pause) = cause.map_err(|cause| self.given_up(item, cause))?;
            println!("{}: {cause}; trying again", item.shown);
            tokio::time::sleep(pause).await;
        }
    }

    fn given_up(&self, item: &Item, cause: Cause) -> DataError {
        match cause {
            Cause::Stalled(_) => failed(item, self.patience.stalled()),
            cause => failed(item, cause),
        }
    }

    async fn attempt(
        &self,
        item: &Item,
        partial: &mut Partial,
        known: Option<&Version>,
        learned: &mut Learned,
    ) -> Result<Option<String>, Failed> {
        let version = partial.version().clone();
        let ask = Ask {
            from: match version.is_proof() {
                true => partial.length(),
                false => 0,
            },
            same: Some(&version),
            unless: known,
        };
        let mut body = match item.remote.open(ask, learned.wait).await {
            Ok(None) => return Ok(None),
            Ok(Some(body)) => body,
            Err(Cause::Replaced) => {
                partial.restart(Version::default())?;
                return Err(Cause::Replaced.into());
            }
            Err(cause) => return Err(cause.into()),
        };
        self.align(partial, &body)?;
        if item.is_alone {
            self.meter.expected(body.total, Some(1));
        }
        let missing = body
            .total
            .unwrap_or_default()
            .saturating_sub(partial.length());
        learned.missing = missing;
        self.cache.make_room(missing);
        self.receive(partial, &mut body, learned.wait).await?;
        verify(partial, &body, &mut learned.doubtful)
            .await
            .map(Some)
    }

    /// Makes the file end where the body starts.
    fn align(&self, partial: &mut Partial, body: &Body) -> Result<(), Failed> {
        if body.start == 0 {
            partial.restart(body.version.clone())?;
        } else if body.start != partial.length() || !partial.version().may_be(&body.version) {
            partial.restart(Version::default())?;
            return Err(Cause::Replaced.into());
        }
        self.meter.bytes(partial.news());
        Ok(())
    }

    async fn receive(
        &self,
        partial: &mut Partial,
        body: &mut Body,
        wait: Duration,
    ) -> Result<(), Failed> {
        loop {
            match tokio::time::timeout(wait, body.stream.next()).await {
                Err(_) => return Err(Cause::Stalled(wait.as_secs()).into()),
                Ok(None) => return Ok(()),
                Ok(Some(chunk)) => partial.write(&chunk?)?,
            }
            self.meter.bytes(partial.news());
        }
    }
}

fn failed(item: &Item, cause: Cause) -> DataError {
    DataError::Store {
        what: "download",
        place: item.shown.clone(),
        cause,
    }
}

/// Whether what came is what was said; answers its hash. An ETag only looks like an MD5: two
/// fetches that agree with each other outweigh it.
async fn verify(
    partial: &mut Partial,
    body: &Body,
    doubtful: &mut Option<String>,
) -> Result<String, Failed> {
    let got = partial.length();
    if let Some(wanted) = body.total.filter(|total| *total != got) {
        if got > wanted {
            partial.restart(Version::default())?;
        }
        return Err(Cause::Length { wanted, got }.into());
    }
    let (sha256, md5) = partial.hashes(body.md5.is_some()).await?;
    let agrees = |said: &super::remote::Md5| {
        said.digits == md5 || said.is_guess && doubtful.as_ref() == Some(&sha256)
    };
    if body.md5.as_ref().is_none_or(agrees) {
        return Ok(sha256);
    }
    *doubtful = Some(sha256);
    partial.restart(Version::default())?;
    Err(Cause::Md5.into())
}
