//! `shutdown`: ends the daemon; never starts one.

use proto::api::Shutdown;

use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// Ends the daemon, and waits until it is no longer there: who comes next starts another.
pub fn run(endpoint: &Endpoint) -> Result<Ending, Error> {
    let mut client = endpoint.connect()?;
    client.call(&Shutdown {})?;
    client.wait_for_end()?;
    Ok(Ending::Done)
}
