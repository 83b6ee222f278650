//! `dump`: a job as an Azure ML job file.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use proto::api::Dump;

use crate::args::DumpArgs;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::print;

/// Writes the job to a file or to standard output.
pub fn run(endpoint: &Endpoint, args: &DumpArgs) -> Result<Ending, Error> {
    let (name, file) = args.name_and_file();
    let dumped = endpoint.connect_or_start()?.call(&Dump { name })?;
    match file {
        Some(path) if path.as_os_str() != "-" => write(&path, &dumped.yaml, args.force)?,
        _ => print::stdout(&dumped.yaml)?,
    }
    Ok(Ending::Done)
}

fn write(path: &Path, yaml: &str, force: bool) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(yaml.as_bytes()));
    written.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists {
            path: path.to_owned(),
        },
        _ => Error::Write {
            path: path.to_owned(),
            source,
        },
    })
}
