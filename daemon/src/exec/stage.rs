//! What goes into a stage and what comes out of it: its order and its report, files of the step's
//! folder.

use std::io;
use std::path::{Path, PathBuf};

use proto::job::{DataInput, PathForm, classify_path};
use proto::stage::{
    Asset, Failure, ORDER_FILE, Others, REPORT_FILE, STAGE_RECORD_BYTES_MAX, StageOrder,
    StageReport,
};

use crate::core::stage_order::{ARTIFACTS, JobOutput, job_output};
use crate::core::{JobId, StepEnd};
use crate::layout::Layout;
use crate::store::{Reader, Row, StoreError};
use crate::sys::{atomic, clock};

/// Writes the order into a step's folder, which is new.
///
/// # Errors
/// What the file system says, and an order that is too long to be read.
pub fn write_order(folder: &Path, order: &StageOrder) -> io::Result<()> {
    let bytes = serde_json::to_vec(order)?;
    if bytes.len() as u64 > STAGE_RECORD_BYTES_MAX {
        let reason = format!("the order has more than {STAGE_RECORD_BYTES_MAX} bytes");
        return Err(io::Error::other(reason));
    }
    atomic::write_new(&folder.join(ORDER_FILE), &bytes).map(drop)
}

/// Jobs that an order names at most as users of the cache.
pub const OTHERS_MAX: usize = 10_000;

/// Who else uses the cache of a user now. Where the store cannot tell, or there are too many,
/// nothing is given up.
#[must_use]
pub fn others(reader: &Reader, uid: u32) -> Option<Others> {
    // The moment comes first: who is not among them has ended before it, or begins after it.
    let at_ms = clock::monotonic_ms();
    let jobs = reader.begun(uid, OTHERS_MAX + 1);
    let jobs = jobs.inspect_err(|error| tracing::warn!(%error, "who uses the cache is not known"));
    let jobs = jobs.ok().filter(|jobs| jobs.len() <= OTHERS_MAX)?;
    Some(Others { at_ms, jobs })
}

/// The end of a step with what it reports, where it is a stage.
#[must_use]
pub fn with_report(folder: &Path, end: StepEnd) -> StepEnd {
    match end {
        StepEnd::Exit(exit) => match read_report(folder) {
            Found::Report(report) => StepEnd::Staged(exit, report),
            // Killed before it could say anything; its end tells enough.
            Found::Empty | Found::None => StepEnd::Exit(exit),
            Found::Unreadable(reason) => {
                let field = "report".into();
                let failed = StageReport::Failed(Failure { field, reason });
                StepEnd::Staged(exit, Box::new(failed))
            }
        },
        other => other,
    }
}

/// What a stage has reported, and done.
#[must_use]
pub fn done(folder: &Path) -> Option<Box<StageReport>> {
    match read_report(folder) {
        Found::Report(report) if !matches!(*report, StageReport::Failed(_)) => Some(report),
        _ => None,
    }
}

enum Found {
    Report(Box<StageReport>),
    /// The supervisor made it, and nothing came.
    Empty,
    /// It is no stage, or of a release that had none.
    None,
    Unreadable(String),
}

fn read_report(folder: &Path) -> Found {
    match atomic::read_bounded(&folder.join(REPORT_FILE), STAGE_RECORD_BYTES_MAX) {
        Ok(None) => Found::None,
        Ok(Some(bytes)) if bytes.is_empty() => Found::Empty,
        Ok(Some(bytes)) => match serde_json::from_slice(&bytes) {
            Ok(report) => Found::Report(Box::new(report)),
            Err(error) => Found::Unreadable(error.to_string()),
        },
        Err(error) => Found::Unreadable(error.to_string()),
    }
}

/// Knows what the names of data stand for.
pub struct Assets<'a> {
    /// The store.
    pub reader: &'a Reader,
    /// Where jobs are.
    pub layout: &'a Layout,
    /// Who asks.
    pub uid: u32,
}

impl Assets<'_> {
    /// What a path stands for.
    ///
    /// # Errors
    /// Why it stands for nothing, as a lowercase fragment.
    pub fn find(&self, path: &str, input: &DataInput) -> Result<Asset, String> {
        if let Some(output) = job_output(path) {
            return self.output(output, input);
        }
        match classify_path(path) {
            PathForm::Asset(name) => self.registered(&name),
            _ => Err(format!("{path} names no output of a job")),
        }
    }

    fn registered(&self, text: &str) -> Result<Asset, String> {
        let (name, version) = asset_name(text)?;
        let found = self.reader.asset(name, version);
        let found = found.map_err(|error| error.to_string())?;
        let found = found.ok_or_else(|| match version {
            Some(version) => format!("no asset {name} of version {version} is registered"),
            None => format!("no asset {name} is registered"),
        })?;
        if let Some((job, _)) = &found.asset.made_by {
            self.check_kept(job, &found.asset.path)?;
        }
        Ok(Asset {
            name: name.into(),
            version: found.version,
            kind: found.asset.kind,
            path: found.asset.path,
        })
    }

    /// What lies in the folder of the job that made it goes with that.
    fn check_kept(&self, job: &str, path: &str) -> Result<(), String> {
        if !Path::new(path).starts_with(self.layout.job(job)) {
            return Ok(());
        }
        let row = self.reader.named(job).map_err(|error| error.to_string())?;
        match row.is_some_and(|row| row.pruned_at.is_some()) {
            true => Err(format!(
                "it was in the folders of job {job}, which were given up"
            )),
            false => Ok(()),
        }
    }

    fn output(&self, output: JobOutput<'_>, input: &DataInput) -> Result<Asset, String> {
        let JobOutput {
            job: name,
            output,
            path,
        } = output;
        let unreadable = |error: StoreError| error.to_string();
        let row = self.reader.named(name).map_err(unreadable)?;
        let row = row
            .filter(|row| row.job.uid == self.uid)
            .ok_or_else(|| format!("there is no job {name}"))?;
        if row.pruned_at.is_some() {
            return Err(format!("the folders of job {name} were given up"));
        }
        let (root, kind) = match self.root(&row, output).map_err(unreadable)? {
            Some(found) => found,
            None => return Err(format!("job {name} has no output {output}")),
        };
        Ok(Asset {
            name: String::new(),
            version: String::new(),
            kind: if path.is_empty() {
                kind
            } else {
                input.kind.clone()
            },
            path: joined(&root, path),
        })
    }

    /// Where an output is, and of which type.
    fn root(&self, row: &Row, output: &str) -> Result<Option<(String, String)>, StoreError> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let name = &row.job.name;
        let Some(written) = row.definition.job.outputs.get(output) else {
            let folder = text(self.layout.job(name));
            return Ok((output == ARTIFACTS).then(|| (folder, "uri_folder".into())));
        };
        let id: JobId = row.job.id;
        let reports = self.reader.reports(id)?;
        let published = reports.finalized.as_ref();
        let published = published.and_then(|report| report.outputs.get(output));
        let prepared = reports.prepared.as_ref();
        let prepared = prepared.and_then(|report| report.outputs.get(output));
        let root = published
            .map(|report| report.path.clone())
            .or_else(|| prepared.cloned())
            .unwrap_or_else(|| text(self.layout.output(name, output)));
        Ok(Some((root, written.kind.clone())))
    }
}

/// The name and version in `NAME:VERSION`, `NAME@latest`, `NAME` or the id of an ARM resource; no
/// version is the newest.
fn asset_name(text: &str) -> Result<(&str, Option<&str>), String> {
    if let Some((name, version)) = text.split_once("/versions/") {
        let name = name.rsplit('/').next().unwrap_or(name);
        return Ok((name, Some(version)));
    }
    if let Some((name, label)) = text.split_once('@') {
        return match label {
            "latest" => Ok((name, None)),
            _ => Err(format!("{text}: the only label is latest")),
        };
    }
    let (name, version) = text
        .split_once(':')
        .map_or((text, None), |(name, version)| (name, Some(version)));
    Ok((name, version))
}

fn joined(root: &str, path: &str) -> String {
    if path.is_empty() {
        return root.into();
    }
    format!("{}/{path}", root.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::{asset_name, joined};

    #[test]
    fn names_of_assets() {
        let arm = "/subscriptions/s/resourceGroups/g/providers/m/workspaces/w/data/d/versions/1";
        for (text, expected) in [
            ("d:1", Ok(("d", Some("1")))),
            ("d@latest", Ok(("d", None))),
            ("d", Ok(("d", None))),
            (arm, Ok(("d", Some("1")))),
            ("d@prod", Err("d@prod: the only label is latest".to_owned())),
        ] {
            assert_eq!(asset_name(text), expected, "{text}");
        }
        assert_eq!(joined("s3://b/k/", "a/b"), "s3://b/k/a/b");
        assert_eq!(joined("/out", ""), "/out");
    }
}
