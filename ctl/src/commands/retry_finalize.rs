//! `retry-finalize`: brings what a job has made where it belongs once more.

use proto::api::RetryFinalize;

use super::each;
use crate::args::NamesArg;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// Asks for it for each job; `wait` tells what came of it.
pub fn run(endpoint: &Endpoint, args: NamesArg) -> Result<Ending, Error> {
    let mut client = endpoint.connect_or_start()?;
    let retry = |name| RetryFinalize { name };
    let (_, ending) = each::call(&mut client, args.names(), retry)?;
    Ok(ending)
}
