//! `restore`: shows archived jobs in lists again.

use proto::api::Restore;

use super::each;
use crate::args::NamesArg;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// Restores each job.
pub fn run(endpoint: &Endpoint, args: NamesArg) -> Result<Ending, Error> {
    let mut client = endpoint.connect_or_start()?;
    let (_, ending) = each::call(&mut client, args.names(), |name| Restore { name })?;
    Ok(ending)
}
