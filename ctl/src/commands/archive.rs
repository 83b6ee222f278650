//! `archive`: hides ended jobs from lists.

use proto::api::Archive;

use super::each;
use crate::args::NamesArg;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// Archives each job.
pub fn run(endpoint: &Endpoint, args: NamesArg) -> Result<Ending, Error> {
    let mut client = endpoint.connect_or_start()?;
    let (_, ending) = each::call(&mut client, args.names(), |name| Archive { name })?;
    Ok(ending)
}
