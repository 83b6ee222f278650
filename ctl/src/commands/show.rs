//! `show`: one job with everything about it.

use jiff::tz::TimeZone;
use proto::api::Show;
use proto::status::Status;

use crate::args::ShowArgs;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::{Emit, sheet};
use crate::progress;

/// Shows a job.
pub fn run(endpoint: &Endpoint, args: ShowArgs) -> Result<Ending, Error> {
    let name = args.name.name();
    let job = endpoint.connect_or_start()?.call(&Show { name })?.job;
    args.output.emit(&job, |_| {
        let staged = matches!(job.status, Status::Preparing | Status::Finalizing);
        let progress = staged.then(|| progress::read(&job.job_path)).flatten();
        sheet::job(&job, progress.as_ref(), &TimeZone::system()).render()
    })?;
    Ok(Ending::Done)
}
