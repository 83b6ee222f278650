//! `pause`: the daemon takes no more jobs from its queue.

use proto::api::Pause;

use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// Pauses the queue.
pub fn run(endpoint: &Endpoint) -> Result<Ending, Error> {
    endpoint.connect_or_start()?.call(&Pause {})?;
    Ok(Ending::Done)
}
