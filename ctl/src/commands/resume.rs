//! `resume`: the daemon takes jobs from its queue again.

use proto::api::Resume;

use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// Resumes the queue.
pub fn run(endpoint: &Endpoint) -> Result<Ending, Error> {
    endpoint.connect_or_start()?.call(&Resume {})?;
    Ok(Ending::Done)
}
