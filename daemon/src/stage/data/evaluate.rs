//! The modes `eval_mount` and `eval_download` of an MLTable: the job gets the files that the table
//! names instead of the folder with the table. They are for tables whose data lies elsewhere.
//!
//! Azure's documentation says nothing of names: what lies below the table's folder keeps its path
//! there, anything else has its own name.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use globset::GlobMatcher;
use proto::stage::{InputReport, Mount};

use super::error::{DataError, io_of};
use super::local::{self, Tree};
use super::mltable::{self, Location, MLTABLE_BYTES_MAX, Source};
use super::place::{self, Place};
use super::provide::{Data, Request, check_digest, make_folder};
use crate::sys::atomic;

/// The name of the table in its folder.
const TABLE: &str = "MLTable";
/// Where a file or folder is until it is whole.
pub(super) const SCRATCH: &str = ".evaluating";

impl Data<'_> {
    /// Brings what a table names; `path` is the table's folder as the job has it.
    pub(super) fn evaluate(
        &mut self,
        path: &str,
        request: &Request<'_>,
        is_copy: bool,
    ) -> Result<InputReport, DataError> {
        make_folder(&request.target)?;
        let text = self.table(path, request)?;
        let sources = mltable::sources(&text).map_err(|why| refused(request, why))?;
        for source in sources {
            self.bring_source(path, request, source)?;
        }
        let tree = Tree::walk(&request.target)?;
        let digest = tree.digest(None)?;
        check_digest(request, &digest)?;
        let mount = (!is_copy && self.can_mount(request)).then(|| Mount {
            source: request.target.clone(),
            target: request.target.clone(),
        });
        Ok(InputReport {
            digest: Some(digest),
            bytes: Some(tree.bytes()),
            mount,
            ..self.report(request, &request.target)
        })
    }

    fn table(&mut self, path: &str, request: &Request<'_>) -> Result<Vec<u8>, DataError> {
        let file = match &request.place {
            Place::Local(folder) => {
                local::look(folder, request.kind)?;
                folder.join(TABLE)
            }
            _ => {
                let place = self.find(&below(path, Path::new(TABLE)))?;
                self.fetch(request, "uri_file", place, None)?
            }
        };
        let opened = File::open(&file).map_err(io_of("read", &file))?;
        atomic::read_file_bounded(&opened, MLTABLE_BYTES_MAX)
            .map_err(|error| refused(request, error.to_string()))
    }

    fn bring_source(
        &mut self,
        path: &str,
        request: &Request<'_>,
        source: Source,
    ) -> Result<(), DataError> {
        match source {
            Source::File(location) => self.bring(path, request, "uri_file", location, None),
            Source::Folder(location) => self.bring(path, request, "uri_folder", location, None),
            Source::Pattern(pattern) => {
                let folder = Location::Beside(PathBuf::new());
                self.bring(path, request, "uri_folder", folder, Some(&pattern))
            }
        }
    }

    fn bring(
        &mut self,
        path: &str,
        request: &Request<'_>,
        kind: &str,
        location: Location,
        only: Option<&GlobMatcher>,
    ) -> Result<(), DataError> {
        let (place, at) = match (location, &request.place) {
            (Location::Beside(at), Place::Local(folder)) => (Place::Local(folder.join(&at)), at),
            (Location::Beside(at), _) => (self.find(&below(path, &at))?, at),
            (Location::Local(file), Place::Local(_)) => named(Place::Local(file), request)?,
            (Location::Local(file), _) => {
                let file = file.display();
                let why = format!("a table from elsewhere names {file} of this machine");
                return Err(refused(request, why));
            }
            (Location::Uri(uri), _) => named(self.find(&uri)?, request)?,
        };
        let to = request.target.join(&at);
        if to.symlink_metadata().is_ok() && kind == "uri_file" {
            return Err(refused(request, format!("it names {} twice", at.display())));
        }
        let brought = self.fetch(request, kind, place, only)?;
        if let Some(only) = only
            && Tree::walk(&brought)?.files.is_empty()
        {
            let why = format!("no file is like `{}`", only.glob());
            return Err(refused(request, why));
        }
        make_folder(to.parent().unwrap_or(&request.target))?;
        // A folder that is there holds a part of this one already, or is the target itself.
        match to.is_dir() {
            true => merge(&brought, &to),
            false => fs::rename(&brought, &to).map_err(io_of("move to", &to)),
        }
    }

    /// Brings one file or folder, as the job's own, to where nobody looks for it.
    fn fetch(
        &mut self,
        request: &Request<'_>,
        kind: &str,
        place: Place,
        only: Option<&GlobMatcher>,
    ) -> Result<PathBuf, DataError> {
        let target = request.scratch(SCRATCH);
        local::clear(&target)?;
        let one = Request {
            name: request.name,
            what: request.what.clone(),
            kind,
            place,
            target,
            version: None,
            digest: None,
            only,
        };
        let report = self.make(&one, true)?;
        Ok(PathBuf::from(report.text))
    }

    fn find(&self, text: &str) -> Result<Place, DataError> {
        place::find(text, &self.order.base_path, &self.order.settings)
    }
}

/// What is at a path below a folder, which may be an address with a query.
fn below(folder: &str, path: &Path) -> String {
    let (folder, query) = match folder.find('?').filter(|_| folder.contains("://")) {
        Some(at) => folder.split_at(at),
        None => (folder, ""),
    };
    format!("{}/{}{query}", folder.trim_end_matches('/'), path.display())
}

/// What lies elsewhere is called as it is there.
fn named(place: Place, request: &Request<'_>) -> Result<(Place, PathBuf), DataError> {
    match place.file_name() {
        Some(name) => Ok((place, name.into())),
        None => Err(refused(request, format!("{} has no name", place.shown()))),
    }
}

/// Moves what is in a folder into another; what is there already is the same.
fn merge(from: &Path, to: &Path) -> Result<(), DataError> {
    for entry in fs::read_dir(from).map_err(io_of("list", from))? {
        let entry = entry.map_err(io_of("list", from))?;
        let goal = to.join(entry.file_name());
        if goal.is_dir() {
            merge(&entry.path(), &goal)?;
        } else {
            fs::rename(entry.path(), &goal).map_err(io_of("move to", &goal))?;
        }
    }
    local::clear(from)
}

fn refused(request: &Request<'_>, why: String) -> DataError {
    DataError::Form {
        path: below(&request.place.shown(), Path::new(TABLE)),
        why,
    }
}
