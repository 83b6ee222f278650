//! The verb: looks at everything before it writes anything.

use std::io;
use std::path::PathBuf;

use proto::api::{JobView, Show};
use proto::status::Status;

use super::copy::Copying;
use super::fetch::fetch;
use super::parts::{self, From};
use crate::args::DownloadArgs;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::print;

/// Why nothing, or not all, was downloaded.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The job may still write.
    #[error("job {name} is {status}: it can be downloaded when it has ended")]
    NotEnded { name: String, status: Status },
    /// Its folders are gone.
    #[error("job {name} was pruned at {at}: nothing of it is left to download")]
    Pruned { name: String, at: String },
    /// It has no such output.
    #[error("job {name} has no output {output:?}; its outputs are: {known}")]
    NoOutput {
        name: String,
        output: String,
        known: String,
    },
    /// The job has not written it.
    #[error("output {output} of job {name} is not there: {} does not exist", path.display())]
    Unwritten {
        name: String,
        output: String,
        path: PathBuf,
    },
    /// It was brought to a store, and cannot be had from there.
    #[error("job {job} could not get output {output}; `jobctl show {job}` has the reason")]
    Fetch { output: String, job: String },
    /// Links may lead to the same over and over.
    #[error("there are more than {max} files and folders; nothing was written")]
    TooMany { max: usize },
    /// Something cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// Something cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// Something else is in its place.
    #[error("{} exists and differs; nothing was written; choose another folder with --path", path.display())]
    Differs { path: PathBuf },
}

/// Downloads a job and prints the folder where it is then.
pub fn run(endpoint: &Endpoint, args: DownloadArgs) -> Result<Ending, Error> {
    let (all, output) = (args.all, args.output_name);
    let name = args.name.name();
    let job = endpoint.connect_or_start()?.call(&Show { name })?.job;
    check(&job)?;
    let folder = args.path.join(&job.name);
    let parts = parts::of(&job, &folder, all, output.as_deref())?;
    let mut places = Vec::new();
    for part in parts {
        places.push(match part.from {
            From::Here(from) => (from, part.to),
            From::Store(output) => (fetch(endpoint, &job, &output)?, part.to),
        });
    }
    let mut copying = Copying::default();
    for (from, to) in &places {
        copying.compare(from, to)?;
    }
    for (from, to) in &places {
        copying.copy(from, to)?;
    }
    copying.finish();
    print::stdout(&format!("{}\n", folder.display()))?;
    Ok(Ending::Done)
}

fn check(job: &JobView) -> Result<(), DownloadError> {
    let name = job.name.clone();
    if !job.status.is_terminal() && job.status != Status::NotResponding {
        let status = job.status;
        return Err(DownloadError::NotEnded { name, status });
    }
    match job.pruned_at.clone() {
        Some(at) => Err(DownloadError::Pruned { name, at }),
        None => Ok(()),
    }
}
