//! Files go to a store: several at once, large ones in parts, and every length is looked up when
//! all are there. What failed is told with how far it came; another try writes the same again.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path as FilePath;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload, WriteMultipart};

use super::cause::{Cause, Patience};
use super::error::{DataError, io_of};
use super::local::{Found, Tree};
use super::place::Address;
use super::remote;
use super::store::{self, Store, Use};
use crate::stage::meter::Meter;

/// Files that are sent at once.
const SENT_AT_ONCE: usize = 4;
/// The bytes of a part; a file that has no more is sent whole.
const PART_BYTES: u64 = 8 << 20;
/// Parts of a file that are sent at once.
const PARTS_AT_ONCE: usize = 4;
/// The parts that a store allows, with some to spare.
const PARTS: u64 = 9_000;
/// Beyond this a file does not fit in parts that fit in memory.
pub const UPLOAD_BYTES_MAX: u64 = PARTS * (512 << 20);

/// What uploading needs.
pub(super) struct Uploader<'a> {
    pub(super) meter: &'a Meter,
    pub(super) patience: Patience,
}

impl Uploader<'_> {
    /// Uploads all of it.
    pub(super) async fn upload(&self, tree: &Tree, address: &Address) -> Result<(), DataError> {
        let store = store::open(&address.bucket, self.patience, Use::Write)?;
        let mut files = Vec::new();
        for (name, file) in &tree.files {
            files.push((object_path(address, name)?, file));
        }
        let mut sending = stream::iter(&files)
            .map(|(path, file)| self.send(&store, path, file, address))
            .buffer_unordered(SENT_AT_ONCE);
        let mut done = 0;
        while let Some(sent) = sending.next().await {
            sent.map_err(|source| partly(done, files.len(), address, source))?;
            done += 1;
            self.meter.file();
        }
        self.verify(&store, &files, address).await
    }

    async fn send(
        &self,
        store: &Store,
        path: &Path,
        file: &Found,
        address: &Address,
    ) -> Result<(), DataError> {
        if file.bytes > UPLOAD_BYTES_MAX {
            return Err(DataError::Form {
                path: file.path.display().to_string(),
                why: format!("it has more than {UPLOAD_BYTES_MAX} bytes"),
            });
        }
        let open = File::open(&file.path).map_err(io_of("read", &file.path))?;
        match file.bytes <= PART_BYTES {
            true => self.send_whole(store, path, open, file, address).await,
            false => self.send_parts(store, path, open, file, address).await,
        }
    }

    async fn send_whole(
        &self,
        store: &Store,
        path: &Path,
        mut open: File,
        file: &Found,
        address: &Address,
    ) -> Result<(), DataError> {
        let mut bytes = Vec::new();
        let read = open.read_to_end(&mut bytes);
        read.map_err(io_of("read", &file.path))?;
        let length = bytes.len() as u64;
        let put = store.objects.put(path, PutPayload::from(bytes));
        let put = self.within(put).await;
        put.map_err(|cause| failed(address, path, cause(store)))?;
        self.meter.bytes(length);
        Ok(())
    }

    async fn send_parts(
        &self,
        store: &Store,
        path: &Path,
        mut open: File,
        file: &Found,
        address: &Address,
    ) -> Result<(), DataError> {
        let refused = |cause: Why| failed(address, path, cause(store));
        let part_bytes = PART_BYTES.max(file.bytes.div_ceil(PARTS));
        let part_bytes = usize::try_from(part_bytes).unwrap_or(usize::MAX);
        let upload = self.within(store.objects.put_multipart(path)).await;
        let upload = upload.map_err(refused)?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, part_bytes);
        let mut part = Vec::new();
        loop {
            part.clear();
            let read = (&mut open).take(part_bytes as u64).read_to_end(&mut part);
            if read.map_err(io_of("read", &file.path))? == 0 {
                break;
            }
            let room = self.within(parts.wait_for_capacity(PARTS_AT_ONCE)).await;
            room.map_err(refused)?;
            parts.write(&part);
            self.meter.bytes(part.len() as u64);
        }
        let whole = self.within(parts.finish()).await;
        whole.map(drop).map_err(refused)
    }

    /// The library bounds each request; this bounds what it does with them.
    async fn within<T>(
        &self,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Why> {
        let longest = self.patience.stall * 2 + Duration::from_secs(1);
        match tokio::time::timeout(longest, request).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(Box::new(move |store: &Store| {
                Cause::of_store(&error, store.anonymous)
            })),
            Err(_) => {
                let stalled = self.patience.stalled();
                Err(Box::new(move |_: &Store| stalled.clone()))
            }
        }
    }

    /// Whether the store has all of them, each as long as it is.
    async fn verify(
        &self,
        store: &Store,
        files: &[(Path, &Found)],
        address: &Address,
    ) -> Result<(), DataError> {
        let wait = self.patience.stall;
        let folder = remote::path_of(&address.path).map_err(|cause| looked(address, cause))?;
        let lengths: HashMap<Path, u64> = match files {
            [(path, _)] if *path == folder => {
                let head = self.within(store.objects.head(path)).await;
                let head = head.map_err(|cause| looked(address, cause(store)))?;
                [(path.clone(), head.size)].into()
            }
            _ => {
                let listed = remote::list(store, &folder, wait).await;
                let listed = listed.map_err(|cause| looked(address, cause))?;
                listed
                    .into_iter()
                    .map(|file| (file.path, file.bytes))
                    .collect()
            }
        };
        let wrong = files.iter().find_map(|(path, file)| {
            let got = lengths.get(path).copied().unwrap_or_default();
            (got != file.bytes).then_some((path, file.bytes, got))
        });
        match wrong {
            None => Ok(()),
            Some((path, wanted, got)) => Err(failed(address, path, Cause::Length { wanted, got })),
        }
    }
}

/// The cause, once it is known whose credentials were used.
type Why = Box<dyn Fn(&Store) -> Cause>;

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

fn failed(address: &Address, path: &Path, cause: Cause) -> DataError {
    let place = match path.as_ref().strip_prefix(&address.path) {
        Some("") | None => address.shown.clone(),
        Some(rest) => format!("{}{rest}", address.shown.trim_end_matches('/')),
    };
    DataError::Store {
        what: "upload",
        place,
        cause,
    }
}

fn looked(address: &Address, cause: Cause) -> DataError {
    DataError::Store {
        what: "verify",
        place: address.shown.clone(),
        cause,
    }
}

fn partly(done: usize, all: usize, address: &Address, source: DataError) -> DataError {
    DataError::Partly {
        done,
        all,
        place: address.shown.clone(),
        source: Box::new(source),
    }
}
