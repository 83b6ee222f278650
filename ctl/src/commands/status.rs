//! `status`: how the daemon does; never starts one.

use jiff::tz::TimeZone;
use proto::api::Status;

use crate::args::StatusArgs;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::{Emit, sheet};

/// Shows the daemon.
pub fn run(endpoint: &Endpoint, args: &StatusArgs) -> Result<Ending, Error> {
    let status = endpoint.connect()?.call(&Status {})?;
    args.output.emit(&status, |_| {
        sheet::daemon(&status, &TimeZone::system()).render()
    })?;
    Ok(Ending::Done)
}
