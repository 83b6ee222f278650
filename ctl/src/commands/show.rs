//! `show`: one job with everything about it.

use jiff::tz::TimeZone;
use proto::api::Show;

use crate::args::ShowArgs;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::{Emit, sheet};

/// Shows a job.
pub fn run(endpoint: &Endpoint, args: ShowArgs) -> Result<Ending, Error> {
    let name = args.name.name();
    let job = endpoint.connect_or_start()?.call(&Show { name })?.job;
    args.output
        .emit(&job, |_| sheet::job(&job, &TimeZone::system()).render())?;
    Ok(Ending::Done)
}
