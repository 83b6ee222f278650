//! Files go to a store: several at once, large ones in parts, and every length is looked up when
//! all are there. What failed is told with how far it came; another try writes the same again.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Take};
use std::path::Path as FilePath;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::cause::{Cause, Patience};
use super::error::{DataError, io_of};
use super::local::{Found, Tree};
use super::place::Address;
use super::remote;
use super::store::{self, Store, Use};
use crate::stage::meter::Meter;

/// Files and parts of them that are sent at once: with more, each has less of a slow way.
const SENT_AT_ONCE: usize = 4;
/// The bytes of a part; a file that has no more is sent whole.
const PART_BYTES: u64 = 8 << 20;
/// Files of an upload that are asked for one by one when all are there; of more, a listing is quicker.
const ASKED_FOR_EACH: usize = 100;
/// The parts that a store allows, with some to spare.
const PARTS: u64 = 9_000;
/// Beyond this a file does not fit in parts that fit in memory.
pub const UPLOAD_BYTES_MAX: u64 = PARTS * (512 << 20);
/// Bytes a second of one request at least. Nobody tells how much of it has gone, so what takes
/// longer has stalled.
const SEND_RATE: u64 = 32 << 10;

/// An upload under way.
pub(super) struct Upload<'a> {
    address: &'a Address,
    store: Store,
    meter: &'a Meter,
    patience: Patience,
    /// Who sends contents has one.
    turns: Semaphore,
    /// A file could not be sent: nothing more is begun.
    is_over: Cell<bool>,
}

/// A file, and what it is to be called.
type Named<'t> = (Path, &'t Found);

impl<'a> Upload<'a> {
    /// Makes it ready. Nothing is asked of the store yet.
    pub(super) fn new(
        address: &'a Address,
        meter: &'a Meter,
        patience: Patience,
    ) -> Result<Upload<'a>, DataError> {
        Ok(Upload {
            address,
            store: store::open(&address.bucket, patience, Use::Write)?,
            meter,
            patience,
            turns: Semaphore::new(SENT_AT_ONCE),
            is_over: Cell::new(false),
        })
    }

    /// Uploads all of it.
    pub(super) async fn send(&self, tree: &Tree) -> Result<(), DataError> {
        let mut files: Vec<Named<'_>> = Vec::new();
        for (name, file) in &tree.files {
            files.push((object_path(self.address, name)?, file));
        }
        let mut sending = stream::iter(&files)
            .map(|named| self.send_file(named))
            .buffer_unordered(SENT_AT_ONCE);
        let (mut done, mut failed) = (0, None);
        while let Some(sent) = sending.next().await {
            match sent {
                Ok(true) => {
                    done += 1;
                    self.meter.file();
                }
                Ok(false) => {}
                Err(error) => {
                    self.is_over.set(true);
                    failed = failed.or(Some(error));
                }
            }
        }
        match failed {
            None => self.verify(&files).await,
            Some(source) => Err(partly(done, files.len(), self.address, source)),
        }
    }

    /// Sends a file; false where it was given up since another one has failed.
    async fn send_file(&self, named: &Named<'_>) -> Result<bool, DataError> {
        let (_, file) = named;
        if self.is_over.get() {
            return Ok(false);
        }
        if file.bytes > UPLOAD_BYTES_MAX {
            return Err(DataError::Form {
                path: file.path.display().to_string(),
                why: format!("it has more than {UPLOAD_BYTES_MAX} bytes"),
            });
        }
        let open = File::open(&file.path).map_err(io_of("read", &file.path))?;
        let open = open.take(file.bytes);
        match file.bytes <= PART_BYTES {
            true => self.send_whole(named, open).await.map(|()| true),
            false => self.send_in_parts(named, open).await,
        }
    }

    /// Waits until one may send. Nobody closes that.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    async fn send_whole(
        &self,
        (path, file): &Named<'_>,
        mut open: Take<File>,
    ) -> Result<(), DataError> {
        let _turn = self.turn().await;
        let bytes = next_part(&mut open, PART_BYTES, file)?;
        let length = bytes.len() as u64;
        let put = self.store.objects.put(path, PutPayload::from(bytes));
        let put = self.within(length, put).await;
        put.map_err(|cause| failed("upload", self.address, path, cause))?;
        self.meter.bytes(length);
        Ok(())
    }

    /// What is not ended is given up: a store keeps the parts, unseen, and has them paid for.
    async fn send_in_parts(&self, named: &Named<'_>, open: Take<File>) -> Result<bool, DataError> {
        let (path, _) = named;
        let refused = |cause| failed("upload", self.address, path, cause);
        let upload = self.within(0, self.store.objects.put_multipart(path)).await;
        let mut upload = upload.map_err(refused)?;
        let ended = match self.send_parts(named, open, &mut *upload).await {
            Ok(true) => {
                let ended = self.within(PART_BYTES, upload.complete()).await;
                ended.map(|_| true).map_err(refused)
            }
            ended => ended,
        };
        if !matches!(ended, Ok(true))
            && let Err(cause) = self.within(0, upload.abort()).await
        {
            let stays = refused(cause);
            println!("note: parts of a file may stay in the store: {stays}");
        }
        ended
    }

    async fn send_parts(
        &self,
        (path, file): &Named<'_>,
        open: Take<File>,
        upload: &mut dyn MultipartUpload,
    ) -> Result<bool, DataError> {
        let part_bytes = PART_BYTES.max(file.bytes.div_ceil(PARTS));
        let parts = stream::try_unfold((open, upload), |(mut open, upload)| async {
            let turn = self.turn().await;
            let part = match self.is_over.get() {
                true => Vec::new(),
                false => next_part(&mut open, part_bytes, file)?,
            };
            if part.is_empty() {
                return Ok(None);
            }
            let length = part.len() as u64;
            let put = upload.put_part(PutPayload::from(part));
            let sending = async move {
                let _turn = turn;
                let put = self.within(length, put).await;
                put.map_err(|cause| failed("upload", self.address, path, cause))?;
                self.meter.bytes(length);
                Ok::<_, DataError>(())
            };
            Ok(Some((sending, (open, upload))))
        });
        let sent = parts.try_buffer_unordered(SENT_AT_ONCE);
        sent.try_collect::<()>().await?;
        Ok(!self.is_over.get())
    }

    /// The library tries again; this bounds what it does with a request that carries so many bytes.
    async fn within<T>(
        &self,
        bytes: u64,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Cause> {
        let longest = self.patience.stall * 2 + Duration::from_secs(1 + bytes / SEND_RATE);
        match tokio::time::timeout(longest, request).await {
            Ok(done) => done.map_err(|error| Cause::of_store(&error, self.store.anonymous)),
            Err(_) => Err(Cause::Stalled(longest.as_secs())),
        }
    }

    /// Whether the store has all of them, each as long as it is.
    async fn verify(&self, files: &[Named<'_>]) -> Result<(), DataError> {
        let listed = match files.len() > ASKED_FOR_EACH {
            true => self.listed(2 * files.len()).await,
            false => HashMap::new(),
        };
        stream::iter(files)
            .map(|named| self.verify_file(named, listed.get(&named.0).copied()))
            .buffer_unordered(SENT_AT_ONCE)
            .try_collect()
            .await
    }

    async fn verify_file(
        &self,
        (path, file): &Named<'_>,
        listed: Option<u64>,
    ) -> Result<(), DataError> {
        let got = match listed {
            Some(bytes) => Ok(bytes),
            None => {
                let head = self.within(0, self.store.objects.head(path)).await;
                head.map(|meta| meta.size)
            }
        };
        let checked = got.and_then(|got| match got == file.bytes {
            true => Ok(()),
            false => Err(Cause::Length {
                wanted: file.bytes,
                got,
            }),
        });
        checked.map_err(|cause| failed("verify", self.address, path, cause))
    }

    /// The lengths of what is in the folder. Others may have filled it, so only so much is looked
    /// at; and who may write there may not be allowed to list it. The rest is asked for.
    async fn listed(&self, most: usize) -> HashMap<Path, u64> {
        let folder = remote::path_of(&self.address.path).unwrap_or_default();
        let prefix = (!folder.is_root()).then_some(&folder);
        let mut pages = self.store.objects.list(prefix).take(most);
        let mut lengths = HashMap::new();
        while let Ok(Some(Ok(meta))) = tokio::time::timeout(self.patience.stall, pages.next()).await
        {
            lengths.insert(meta.location, meta.size);
        }
        lengths
    }
}

/// The next bytes of a file; none at its end.
fn next_part(open: &mut Take<File>, bytes: u64, file: &Found) -> Result<Vec<u8>, DataError> {
    let mut part = Vec::new();
    let read = open.take(bytes).read_to_end(&mut part);
    read.map_err(io_of("read", &file.path))?;
    Ok(part)
}

fn object_path(address: &Address, name: &FilePath) -> Result<Path, DataError> {
    let refused = |why: String| DataError::Form {
        path: name.display().to_string(),
        why,
    };
    let text = name
        .to_str()
        .ok_or_else(|| refused("its name is not UTF-8, which a store needs".into()))?;
    let path = match (address.path.is_empty(), text.is_empty()) {
        (_, true) => address.path.clone(),
        (true, _) => text.to_owned(),
        _ => format!("{}/{text}", address.path),
    };
    remote::path_of(&path).map_err(|cause| refused(cause.to_string()))
}

fn failed(what: &'static str, address: &Address, path: &Path, cause: Cause) -> DataError {
    let place = match path.as_ref().strip_prefix(&address.path) {
        Some("") | None => address.shown.clone(),
        Some(rest) => format!("{}{rest}", address.shown.trim_end_matches('/')),
    };
    DataError::Store { what, place, cause }
}

fn partly(done: usize, all: usize, address: &Address, source: DataError) -> DataError {
    DataError::Partly {
        done,
        all,
        place: address.shown.clone(),
        source: Box::new(source),
    }
}
