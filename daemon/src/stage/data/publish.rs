//! An output goes to where its `path` says, all or nothing as far as the place allows. Nothing is
//! deleted, so whoever tries again completes it.

use std::fs;
use std::path::{Path, PathBuf};

use proto::stage::{OutputOrder, OutputReport, StageOrder};
use tokio::runtime::Runtime;

use super::cache::copy_with_room;
use super::cause::Patience;
use super::error::{DataError, io_of};
use super::local::{self, Shape, Tree};
use super::output::{self, Goal};
use super::place::{Address, Place};
use super::upload::Upload;
use crate::stage::meter::Meter;

/// What publishing needs.
pub(super) struct Publisher<'a> {
    pub(super) order: &'a StageOrder,
    pub(super) meter: &'a Meter,
    pub(super) runtime: &'a Runtime,
    pub(super) patience: Patience,
}

impl Publisher<'_> {
    /// Publishes one; with what the user should know.
    pub(super) fn publish(
        &self,
        name: &str,
        output: &OutputOrder,
    ) -> Result<(OutputReport, Option<String>), DataError> {
        let what = format!("outputs.{name}");
        let goal = output::goal(self.order, name, output)?;
        let written = self.order.folder.join(&output.path);
        if let (Goal::Goes { place, .. }, true) = (&goal, output::is_direct(output)) {
            return Ok((written_there(place, &output.output.kind)?, None));
        }
        let tree = written_tree(&written, &output.output.kind)?;
        let (bytes, files) = (tree.bytes(), tree.files.len() as u64);
        self.meter
            .begin(&format!("checking {what}"), Some(bytes), Some(files));
        let digest = Some(tree.digest(Some(self.meter))?);
        let path = match goal {
            Goal::Stays => written.to_string_lossy().into_owned(),
            Goal::Goes { text, place } => {
                self.meter
                    .begin(&format!("uploading {what}"), Some(bytes), Some(files));
                self.bring(&tree, &written, &text, place)?
            }
        };
        let report = OutputReport {
            path,
            digest,
            bytes,
            files,
        };
        Ok((report, tree.note(&what)))
    }

    fn bring(
        &self,
        tree: &Tree,
        written: &Path,
        text: &str,
        place: Place,
    ) -> Result<String, DataError> {
        let name = written.file_name().unwrap_or_default().to_string_lossy();
        let into_folder = is_file(tree) && text.ends_with('/');
        match place {
            Place::Local(path) => {
                let is_in = is_file(tree) && (into_folder || path.is_dir());
                let to = if is_in { path.join(&*name) } else { path };
                self.copy(tree, &to)?;
                Ok(to.to_string_lossy().into_owned())
            }
            Place::Store(mut address) => {
                if into_folder {
                    let above = address.path.trim_end_matches('/').to_owned();
                    address.path = format!("{above}/{name}");
                    address.shown = format!("{}/{name}", address.shown.trim_end_matches('/'));
                }
                self.upload(tree, &address)?;
                Ok(address.shown)
            }
            Place::Web(_) => Err(DataError::Form {
                path: place.shown(),
                why: "a web server takes no outputs".into(),
            }),
        }
    }

    /// Copies beside the goal first, so that the disk is full before anything has changed.
    fn copy(&self, tree: &Tree, to: &Path) -> Result<(), DataError> {
        let above = to.parent().unwrap_or(to);
        std::fs::create_dir_all(above).map_err(io_of("make the folder", above))?;
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let beside = above.join(format!(".{name}.{}.jobd", self.order.job));
        local::clear(&beside)?;
        if !is_file(tree) {
            std::fs::create_dir_all(&beside).map_err(io_of("make the folder", &beside))?;
        }
        let copied = copy_with_room(self.order, tree.bytes(), || tree.copy(&beside, self.meter));
        let moved = copied.and_then(|()| put_in_place(tree, &beside, to));
        drop(local::clear(&beside));
        moved
    }

    fn upload(&self, tree: &Tree, address: &Address) -> Result<(), DataError> {
        let upload = Upload::new(address, self.meter, self.patience)?;
        self.runtime.block_on(upload.send(tree))
    }
}

/// The command wrote it where it belongs. What is in a store is its own affair.
fn written_there(place: &Place, kind: &str) -> Result<OutputReport, DataError> {
    let tree = match place {
        Place::Local(path) => written_tree(path, kind)?,
        _ => Tree::default(),
    };
    Ok(OutputReport {
        path: place.shown(),
        digest: None,
        bytes: tree.bytes(),
        files: tree.files.len() as u64,
    })
}

fn is_file(tree: &Tree) -> bool {
    tree.files
        .first_key_value()
        .is_some_and(|(name, _)| name.as_os_str().is_empty())
}

/// What the command wrote. A folder may be empty, a file must be there.
fn written_tree(path: &Path, kind: &str) -> Result<Tree, DataError> {
    if Shape::of(kind) == Shape::File && !path.exists() {
        return Err(DataError::NotWritten(path.into()));
    }
    local::look(
        path,
        if kind == "mltable" {
            "uri_folder"
        } else {
            kind
        },
    )?;
    Tree::walk(path)
}

/// A whole folder at once where there is none yet, else file by file.
fn put_in_place(tree: &Tree, beside: &Path, to: &Path) -> Result<(), DataError> {
    if is_file(tree) || !to.exists() {
        return fs::rename(beside, to).map_err(io_of("write", to));
    }
    for name in &tree.folders {
        let path = to.join(name);
        std::fs::create_dir_all(&path).map_err(io_of("make the folder", &path))?;
    }
    for (done, name) in tree.files.keys().enumerate() {
        let path: PathBuf = to.join(name);
        let moved = fs::rename(beside.join(name), &path).map_err(io_of("write", &path));
        moved.map_err(|source| DataError::Partly {
            done,
            all: tree.files.len(),
            place: to.display().to_string(),
            source: Box::new(source),
        })?;
    }
    Ok(())
}
