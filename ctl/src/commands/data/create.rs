//! `data create`: registers data from a file or from options. The daemon opens no path of the
//! user's, so a local one is looked at here.

use std::path::{Path, PathBuf};

use proto::api::{CreateData, Data};
use proto::diagnostic::{Diagnostic, Span};
use proto::job::{self, DataAsset, PathForm, PathKind, classify_path};

use crate::args::DataCreateArgs;
use crate::commands::submission::tell;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::job_file::JobFile;
use crate::local_data;
use crate::output::print::say;
use crate::output::{Emit, print};

/// What messages call options without a file.
const OPTIONS_NAME: &str = "<options>";
/// A file that holds nothing yet.
const NOTHING: &str = "{}";

/// Registers data and prints its name and version.
pub fn run(endpoint: &Endpoint, args: &DataCreateArgs) -> Result<Ending, Error> {
    let file = match read(args)? {
        Ok(file) => file,
        Err(message) => {
            say(&message);
            return Ok(Ending::OwnError);
        }
    };
    let (asset, mut findings) = file.job_text().read_data_asset();
    let create = match asset.map(|asset| placed(asset, &file.folder)) {
        Some(Ok(create)) => Some(create),
        Some(Err(finding)) => {
            let mut found = [*finding];
            job::place(&mut found, &file.job_text());
            findings.extend(found);
            None
        }
        None => None,
    };
    if !findings.is_empty() {
        tell(&findings, &[file], args.output.output)?;
    }
    let Some(create) = create else {
        return Ok(Ending::OwnError);
    };
    let data = endpoint.connect_or_start()?.call(&create)?.data;
    shown(&data, args)
}

fn shown(data: &Data, args: &DataCreateArgs) -> Result<Ending, Error> {
    if args.output.is_for_people() {
        print::stdout(&format!("{}:{}\n", data.name, data.version))?;
    } else {
        args.output.emit(data, |_| String::new())?;
    }
    Ok(Ending::Done)
}

/// The file with the options in place; options alone are a file that holds nothing else.
fn read(args: &DataCreateArgs) -> Result<Result<JobFile, String>, Error> {
    let cwd = std::env::current_dir().map_err(Error::Cwd)?;
    let path = args.path.as_ref().map(|path| match classify_path(path) {
        PathForm::Local(local) => whole(&cwd, &local).display().to_string(),
        _ => path.clone(),
    });
    let overrides = args.overrides(path);
    let file = match args.file() {
        Some(file) => match JobFile::read(file) {
            Ok(file) => file,
            Err((name, error)) => return Ok(Err(format!("{name}: {error}"))),
        },
        None => JobFile {
            name: OPTIONS_NAME.into(),
            text: NOTHING.into(),
            folder: cwd,
            overrides: Vec::new(),
        },
    };
    Ok(Ok(JobFile { overrides, ..file }))
}

fn whole(base: &Path, path: &Path) -> PathBuf {
    base.join(path).components().collect()
}

/// The call, unless a local path is not there or is of another kind.
fn placed(asset: DataAsset, base: &Path) -> Result<CreateData, Box<Diagnostic>> {
    let mut path = asset.path;
    if let PathForm::Local(local) = classify_path(&path) {
        let local = whole(base, &local);
        let objection = local_data::objection(&local, PathKind::of_data(&asset.kind));
        if let Some((code, message, help)) = objection {
            let mut finding = Diagnostic::error(code, Span::default(), message).with_help(help);
            finding.path = "path".into();
            return Err(Box::new(finding));
        }
        path = local.display().to_string();
    }
    Ok(CreateData {
        name: asset.name,
        version: asset.version,
        kind: asset.kind,
        path,
        description: asset.description,
        tags: Some(asset.tags).filter(|tags| !tags.is_empty()),
    })
}
