//! The one door for all data of a stage.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use globset::GlobMatcher;
use proto::stage::{InputOrder, InputReport, Mount, OutputOrder, OutputReport, StageOrder};
use tokio::runtime::{Builder, Runtime};

use super::cache::{Cache, copy_with_room};
use super::cause::Patience;
use super::error::{DataError, io_of};
use super::evaluate::SCRATCH;
use super::gather::{Gatherer, Wanted};
use super::local::{self, Tree};
use super::place::{self, Place};
use super::{mount, output, publish};
use crate::stage::meter::Meter;
use crate::sys::folder;

/// Everything that moves data for one stage.
pub struct Data<'a> {
    pub(super) order: &'a StageOrder,
    meter: &'a Meter,
    runtime: Runtime,
    patience: Patience,
    can_mount: OnceCell<bool>,
    notes: Vec<String>,
}

/// An input while it is made ready.
pub(super) struct Request<'a> {
    pub(super) name: &'a str,
    /// `inputs.NAME`.
    pub(super) what: String,
    pub(super) kind: &'a str,
    pub(super) place: Place,
    /// A folder for it in the job's folder.
    pub(super) target: PathBuf,
    pub(super) version: Option<String>,
    /// The digest that it must have.
    pub(super) digest: Option<&'a str>,
    /// Of a folder, only the files with such a path in it.
    pub(super) only: Option<&'a GlobMatcher>,
}

impl Request<'_> {
    /// A folder beside the target, for what is on its way there.
    pub(super) fn scratch(&self, suffix: &str) -> PathBuf {
        let mut path = self.target.clone().into_os_string();
        path.push(suffix);
        path.into()
    }
}

impl<'a> Data<'a> {
    /// Makes it ready. Nothing is opened yet.
    ///
    /// # Errors
    /// When there can be no runtime for requests.
    pub fn new(order: &'a StageOrder, meter: &'a Meter) -> Result<Data<'a>, DataError> {
        // Who comes second has what the first one chose, which is the same.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Data {
            order,
            meter,
            runtime: runtime.map_err(|error| DataError::Client(error.to_string()))?,
            patience: Patience::new(order.settings.stall_secs),
            can_mount: OnceCell::new(),
            notes: Vec::new(),
        })
    }

    /// Makes an input ready, as its mode says.
    ///
    /// # Errors
    /// See [`DataError`].
    pub fn provide(&mut self, name: &str, input: &InputOrder) -> Result<InputReport, DataError> {
        let target = self.order.folder.join("inputs").join(name);
        // What an earlier try left is not taken for what this one brings.
        local::clear(&target)?;
        let (path, version) = match &input.resolved {
            Some(Err(reason)) => return Err(DataError::Unresolved(reason.clone())),
            Some(Ok(asset)) => {
                let version = Some(asset.version.clone()).filter(|version| !version.is_empty());
                (asset.path.as_str(), version)
            }
            None => (input.input.path.as_str(), None),
        };
        let mode = input.input.mode.as_deref().unwrap_or("ro_mount");
        if mode == "direct" {
            return Ok(self.passed_on(path, version));
        }
        let request = Request {
            name,
            what: format!("inputs.{name}"),
            kind: &input.input.kind,
            place: place::find(path, &self.order.base_path, &self.order.settings)?,
            target,
            version,
            digest: input.digest.as_deref(),
            only: None,
        };
        let is_copy = matches!(mode, "download" | "eval_download");
        let provided = match mode.starts_with("eval_") {
            true => self.evaluate(path, &request, is_copy),
            false => self.make(&request, is_copy),
        };
        drop(local::clear(&request.scratch(SCRATCH)));
        if provided.is_err() {
            // What is half done is not taken for good, and a full disk gets its room back.
            drop(local::clear(&request.target));
        }
        provided
    }

    /// An address is passed on as it is; a path must lead there from the job's own folder.
    fn passed_on(&self, path: &str, version: Option<String>) -> InputReport {
        let text = match proto::job::classify_path(path) {
            proto::job::PathForm::Local(local) => {
                let path: PathBuf = self.order.base_path.join(local).components().collect();
                path.to_string_lossy().into_owned()
            }
            _ => path.to_owned(),
        };
        InputReport {
            source: super::redact::address(&text),
            text,
            digest: None,
            version,
            bytes: None,
            mount: None,
        }
    }

    pub(super) fn make(
        &mut self,
        request: &Request<'_>,
        is_copy: bool,
    ) -> Result<InputReport, DataError> {
        match &request.place {
            Place::Local(source) if is_copy => self.copy(request, source),
            Place::Local(source) => self.show(request, source),
            _ => self.gather(request, is_copy),
        }
    }

    pub(super) fn report(&self, request: &Request<'_>, path: &Path) -> InputReport {
        InputReport {
            text: path.to_string_lossy().into_owned(),
            source: request.place.shown(),
            digest: None,
            version: request.version.clone(),
            bytes: None,
            mount: None,
        }
    }

    /// A copy of what is on this machine.
    fn copy(&mut self, request: &Request<'_>, source: &Path) -> Result<InputReport, DataError> {
        let metadata = local::look(source, request.kind)?;
        let mut tree = Tree::walk(source)?;
        if let Some(only) = request.only {
            tree.keep(only);
        }
        self.notes.extend(tree.note(&request.what));
        make_folder(&request.target)?;
        let path = match metadata.is_file() {
            true => request.target.join(self.file_name(request)),
            false => request.target.clone(),
        };
        let (bytes, files) = (Some(tree.bytes()), Some(tree.files.len() as u64));
        let what = format!("copying {}", request.what);
        copy_with_room(self.order, tree.bytes(), || {
            self.meter.begin(&what, bytes, files);
            tree.copy(&path, self.meter)
        })?;
        let digest = Tree::walk(&path)?.digest(None)?;
        check_digest(request, &digest)?;
        Ok(InputReport {
            digest: Some(digest),
            bytes,
            ..self.report(request, &path)
        })
    }

    /// What is on this machine, to be read only.
    fn show(&mut self, request: &Request<'_>, source: &Path) -> Result<InputReport, DataError> {
        let metadata = local::look(source, request.kind)?;
        let is_file = metadata.is_file();
        let mut digest = None;
        if request.digest.is_some() {
            let tree = Tree::walk(source)?;
            let bytes = Some(tree.bytes());
            self.meter
                .begin(&format!("checking {}", request.what), bytes, None);
            let found = tree.digest(Some(self.meter))?;
            check_digest(request, &found)?;
            digest = Some(found);
        }
        let path = match is_file {
            true => request.target.join(self.file_name(request)),
            false => request.target.clone(),
        };
        let mount = self.mount_or_link(request, source, &path, is_file)?;
        Ok(InputReport {
            digest,
            bytes: is_file.then_some(metadata.len()),
            mount,
            ..self.report(request, &path)
        })
    }

    fn file_name(&self, request: &Request<'_>) -> String {
        let name = request.place.file_name();
        name.unwrap_or_else(|| request.name.to_owned())
    }

    fn mount_or_link(
        &mut self,
        request: &Request<'_>,
        source: &Path,
        path: &Path,
        is_file: bool,
    ) -> Result<Option<Mount>, DataError> {
        let above = path.parent().unwrap_or(path);
        make_folder(above)?;
        if !self.can_mount(request) {
            std::os::unix::fs::symlink(source, path).map_err(io_of("link", path))?;
            return Ok(None);
        }
        match is_file {
            true => std::fs::write(path, b"").map_err(io_of("write", path))?,
            false => make_folder(path)?,
        }
        Ok(Some(Mount {
            source: source.into(),
            target: path.into(),
        }))
    }

    /// Tells the user once for each input what a job could do.
    pub(super) fn can_mount(&mut self, request: &Request<'_>) -> bool {
        let folder = &self.order.folder;
        let can = *self.can_mount.get_or_init(|| mount::is_permitted(folder));
        if !can {
            let what = &request.what;
            self.notes.push(format!(
                "{what}: this machine permits no private mounts, so nothing but its own \
                 permissions keeps the job from writing to it"
            ));
        }
        can
    }

    /// What is not on this machine.
    fn gather(&mut self, request: &Request<'_>, is_copy: bool) -> Result<InputReport, DataError> {
        make_folder(&request.target)?;
        let cache = Cache::of(self.order)?;
        let gatherer = Gatherer {
            cache: &cache,
            meter: self.meter,
            patience: self.patience,
        };
        let wanted = Wanted {
            what: &request.what,
            kind: request.kind,
            target: &request.target,
            name: request.name,
            is_copy,
            only: request.only,
        };
        let gathered = self.runtime.block_on(async {
            if let Some(digest) = request.digest
                && let Some(held) = gatherer.of_digest(&request.place, digest, &wanted).await?
            {
                return Ok(held);
            }
            gatherer.gather(&request.place, &wanted).await
        });
        cache.trim();
        let gathered = gathered?;
        check_digest(request, &gathered.digest)?;
        if request.kind == "mltable" {
            local::check_mltable(&gathered.path)?;
        }
        // Its own place is its source: it is there already, and only shall not be written to.
        let mount = (!is_copy && self.can_mount(request)).then(|| Mount {
            source: gathered.path.clone(),
            target: gathered.path.clone(),
        });
        Ok(InputReport {
            digest: Some(gathered.digest),
            bytes: Some(gathered.bytes),
            mount,
            ..self.report(request, &gathered.path)
        })
    }

    /// Makes the place that an output is written to; answers what it is called in the command.
    ///
    /// # Errors
    /// See [`DataError`].
    pub fn make_output(&mut self, name: &str, output: &OutputOrder) -> Result<String, DataError> {
        output::make(self.order, name, output)
    }

    /// Brings an output to where its `path` says.
    ///
    /// # Errors
    /// See [`DataError`].
    pub fn publish(&mut self, name: &str, output: &OutputOrder) -> Result<OutputReport, DataError> {
        let publisher = publish::Publisher {
            order: self.order,
            meter: self.meter,
            runtime: &self.runtime,
            patience: self.patience,
        };
        let (report, note) = publisher.publish(name, output)?;
        self.notes.extend(note);
        Ok(report)
    }

    /// What the user should know.
    #[must_use]
    pub fn into_notes(self) -> Vec<String> {
        self.notes
    }
}

pub(super) fn check_digest(request: &Request<'_>, found: &str) -> Result<(), DataError> {
    match request.digest {
        Some(wanted) if wanted != found => Err(DataError::Changed {
            path: request.place.shown(),
            wanted: wanted.into(),
            found: found.into(),
        }),
        _ => Ok(()),
    }
}

pub(super) fn make_folder(path: &Path) -> Result<(), DataError> {
    folder::make_all(path).map_err(io_of("make the folder", path))
}
