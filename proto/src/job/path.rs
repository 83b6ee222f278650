//! The paths of data and code (azureml.md §1.5): what each form refers to, so that client and
//! daemon agree.

use std::path::{Path, PathBuf};

use super::{CommandJob, Input};

/// What a path of a job file refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathForm {
    /// A file or folder of this machine; relative to the job file's folder where not absolute.
    Local(PathBuf),
    /// A URI, as a program would open it.
    Uri(String),
    /// A registered asset: `NAME:VERSION`, `NAME@LABEL`, `NAME` or an ARM id.
    Asset(String),
}

/// What a local path must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// Either.
    Any,
}

impl PathKind {
    /// What data of that type must be.
    pub fn of_data(kind: &str) -> PathKind {
        match kind {
            "uri_file" => PathKind::File,
            "uri_folder" | "mltable" => PathKind::Folder,
            _ => PathKind::Any,
        }
    }
}

/// A path of a job with the field that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPath {
    /// The field, such as `inputs.data.path`.
    pub field: String,
    /// What it refers to; a local one is joined with the base path.
    pub path: PathForm,
    /// What a local one must be.
    pub kind: PathKind,
    /// The job gets the address only (`mode: direct`): nothing need be there.
    pub is_passed_on: bool,
}

/// Tells the forms of a path apart. Dumps of the SDK put `azureml:` before local paths and
/// URIs; that prefix is seen through.
pub fn classify_path(text: &str) -> PathForm {
    let Some(rest) = text.strip_prefix("azureml:") else {
        return plain(text);
    };
    if rest.starts_with("//") {
        return PathForm::Uri(text.into());
    }
    if rest.starts_with("/subscriptions/") {
        return PathForm::Asset(rest.into());
    }
    match plain(rest) {
        PathForm::Local(path) if is_asset(rest) => {
            PathForm::Asset(path.to_string_lossy().into_owned())
        }
        form => form,
    }
}

/// Whether what follows `azureml:` names an asset. `data.csv` is rather a file beside the job,
/// whose name got the prefix in a dump, than an asset of that name without a version.
fn is_asset(rest: &str) -> bool {
    let versioned = rest.contains([':', '@']);
    !rest.contains('/') && !rest.starts_with("file:") && (versioned || !rest.contains('.'))
}

fn plain(text: &str) -> PathForm {
    if let Some(path) = text.strip_prefix("file:") {
        let path = path
            .strip_prefix("//localhost/")
            .map(|rest| format!("/{rest}"))
            .unwrap_or_else(|| path.into());
        return PathForm::Local(path.strip_prefix("//").unwrap_or(&path).into());
    }
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    if text.contains("://") || scheme == Some("runs") || text.starts_with("git+") {
        return PathForm::Uri(text.into());
    }
    let is_name = |name: &str| !name.is_empty() && !name.contains(['/', '.', ' ']);
    match text.split_once(':') {
        Some((name, version)) if is_name(name) && !version.is_empty() && !version.contains('/') => {
            PathForm::Asset(text.into())
        }
        _ => PathForm::Local(text.into()),
    }
}

/// The paths of a job's code and data. `base` is the folder of the job file.
pub fn local_paths(job: &CommandJob, base: &Path) -> Vec<LocalPath> {
    let code = job.code.iter().map(|code| LocalPath {
        field: "code".into(),
        path: resolve(code, base),
        kind: PathKind::Any,
        is_passed_on: false,
    });
    let data = job.inputs.iter().filter_map(|(name, input)| match input {
        Input::Literal(_) => None,
        Input::Data(data) => Some(LocalPath {
            field: format!("inputs.{name}.path"),
            path: resolve(&data.path, base),
            kind: PathKind::of_data(&data.kind),
            is_passed_on: data.mode.as_deref() == Some("direct"),
        }),
    });
    code.chain(data).collect()
}

fn resolve(text: &str, base: &Path) -> PathForm {
    match classify_path(text) {
        // Without the `.` of `./data`, which says nothing in a message.
        PathForm::Local(path) => PathForm::Local(base.join(path).components().collect()),
        form => form,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let local = |path: &str| PathForm::Local(path.into());
        let uri = |text: &str| PathForm::Uri(text.into());
        let asset = |text: &str| PathForm::Asset(text.into());
        for text in [
            "./data",
            "data/a.csv",
            "data",
            "/abs/none",
            "../x",
            ".",
            "a b:c",
            "trial.csv",
            "./a:1",
            "dir/a:1",
        ] {
            assert_eq!(classify_path(text), local(text), "{text}");
        }
        assert_eq!(classify_path("file:./data"), local("./data"));
        assert_eq!(classify_path("file:///abs/x"), local("/abs/x"));
        assert_eq!(classify_path("file://localhost/abs"), local("/abs"));
        for text in [
            "https://h/x.csv",
            "wasbs://c@a.blob.core.windows.net/p",
            "abfss://f@a/p",
            "azureml://datastores/d/paths/p",
            "azureml://registries/r/data/d/versions/1",
            "azureml://jobs/J/outputs/artifacts/paths/model/",
            "runs:/abc/model",
            "s3://b/k",
            "gs://b/k",
            "ftp://x/y",
            "git+https://x/y",
        ] {
            assert_eq!(classify_path(text), uri(text), "{text}");
        }
        assert_eq!(classify_path("azureml:d:1"), asset("d:1"));
        assert_eq!(classify_path("d:1"), asset("d:1"));
        assert_eq!(classify_path("azureml:d@latest"), asset("d@latest"));
        assert_eq!(classify_path("azureml:d"), asset("d"));
        let arm = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/data/d/versions/1";
        assert_eq!(classify_path(&format!("azureml:{arm}")), asset(arm));
    }

    #[test]
    fn the_prefix_of_dumps_is_seen_through() {
        assert_eq!(
            classify_path("azureml:./data"),
            PathForm::Local("./data".into())
        );
        assert_eq!(
            classify_path("azureml:data/a.csv"),
            PathForm::Local("data/a.csv".into())
        );
        assert_eq!(
            classify_path("azureml:trial.csv"),
            PathForm::Local("trial.csv".into())
        );
        assert_eq!(
            classify_path("azureml:my.data:1"),
            PathForm::Asset("my.data:1".into())
        );
        assert_eq!(
            classify_path("azureml:/abs/x"),
            PathForm::Local("/abs/x".into())
        );
        assert_eq!(
            classify_path("azureml:https://x.y/z.csv"),
            PathForm::Uri("https://x.y/z.csv".into())
        );
        assert_eq!(
            classify_path("azureml:wasbs://x@y/z"),
            PathForm::Uri("wasbs://x@y/z".into())
        );
    }
}
