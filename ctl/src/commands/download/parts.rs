//! Which files and folders of a job are downloaded, and where they go (azureml.md §4).

use std::path::{Path, PathBuf};

use proto::api::JobView;
use serde_json::Value;

use super::run::DownloadError;
use crate::output::print::say;

/// The folders of a job that are its artifacts.
const ARTIFACTS: [&str; 5] = [
    "user_logs",
    "system_logs",
    "azureml-logs",
    "logs",
    "outputs",
];
const ARTIFACTS_FOLDER: &str = "artifacts";
const OUTPUTS_FOLDER: &str = "named-outputs";

/// A file or folder and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub from: From,
    pub to: PathBuf,
}

/// Where a part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// On this machine.
    Here(PathBuf),
    /// This output is in a store.
    Store(String),
}

/// The parts that are there: the artifacts, or one output, or all of it.
///
/// # Errors
/// Why an output that is asked for cannot be had.
pub fn of(
    job: &JobView,
    folder: &Path,
    all: bool,
    output: Option<&str>,
) -> Result<Vec<Part>, DownloadError> {
    if let Some(output) = output {
        return Ok(vec![named(job, folder, output)?]);
    }
    let mut parts = artifacts(job, folder);
    let names: Vec<_> = outputs(job).map(|(name, _)| name).collect();
    for name in names.into_iter().filter(|_| all) {
        match named(job, folder, name) {
            // A job that failed may not have come so far.
            Err(error @ DownloadError::Unwritten { .. }) => say(&format!("note: {error}")),
            part => parts.push(part?),
        }
    }
    Ok(parts)
}

fn artifacts(job: &JobView, folder: &Path) -> Vec<Part> {
    let part = |name: &str| {
        let from = job.job_path.join(name);
        let to = folder.join(ARTIFACTS_FOLDER).join(name);
        from.is_dir().then_some(Part {
            from: From::Here(from),
            to,
        })
    };
    ARTIFACTS.into_iter().filter_map(part).collect()
}

fn outputs(job: &JobView) -> impl Iterator<Item = (&str, &Value)> {
    let all = job.outputs.as_object();
    all.into_iter()
        .flatten()
        .map(|(name, output)| (name.as_str(), output))
}

fn named(job: &JobView, folder: &Path, output: &str) -> Result<Part, DownloadError> {
    let name = job.name.clone();
    let Some((_, written)) = outputs(job).find(|(known, _)| *known == output) else {
        let known: Vec<_> = outputs(job).map(|(name, _)| name).collect();
        return Err(DownloadError::NoOutput {
            name,
            output: output.into(),
            known: known.join(", "),
        });
    };
    let uri = written.get("uri").and_then(Value::as_str);
    let uri = uri.unwrap_or_default();
    let output = output.to_owned();
    let to = folder.join(OUTPUTS_FOLDER).join(&output);
    let from = match local(uri) {
        None => From::Store(output),
        Some(path) if path.exists() => From::Here(path),
        Some(path) => return Err(DownloadError::Unwritten { name, output, path }),
    };
    Ok(Part { from, to })
}

/// The path of a `file://` URL; none for any other.
fn local(uri: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let mut rest = uri.strip_prefix("file://")?.bytes();
    let mut path = Vec::new();
    while let Some(byte) = rest.next() {
        path.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    let path = PathBuf::from(std::ffi::OsString::from_vec(path));
    path.is_absolute().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_of_this_machine_have_a_path() {
        assert_eq!(local("file:///a/b%20c%25"), Some("/a/b c%".into()));
        for other in [
            "s3://b/k",
            "file://a",
            "file:///%2",
            "file:///%zz",
            "/a",
            "",
        ] {
            assert_eq!(local(other), None, "{other}");
        }
    }
}
