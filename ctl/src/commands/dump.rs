//! `dump`: a job as an Azure ML job file.

use proto::api::Dump;

use super::save::save;
use crate::args::DumpArgs;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// Writes the job to a file or to standard output.
pub fn run(endpoint: &Endpoint, args: &DumpArgs) -> Result<Ending, Error> {
    let (name, file) = args.name_and_file();
    let dumped = endpoint.connect_or_start()?.call(&Dump { name })?;
    save(file.as_deref(), &dumped.yaml, args.force)?;
    Ok(Ending::Done)
}
