//! `shutdown`: ends the daemon; never starts one.

use proto::api::Shutdown;

use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// Ends the daemon.
pub fn run(endpoint: &Endpoint) -> Result<Ending, Error> {
    endpoint.connect()?.call(&Shutdown {})?;
    Ok(Ending::Done)
}
