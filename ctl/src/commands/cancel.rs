//! `cancel`: asks for the end of jobs.

use proto::api::Cancel;

use super::each;
use super::wait::named;
use crate::args::CancelArgs;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::Emit;

/// Cancels each job and prints its status then.
pub fn run(endpoint: &Endpoint, args: CancelArgs) -> Result<Ending, Error> {
    let force = args.force.then_some(true);
    let mut client = endpoint.connect_or_start()?;
    let names = named(&mut client, &args.which)?;
    let (replies, ending) = each::call(&mut client, names, |name| Cancel { name, force })?;
    args.output.emit(&replies, |_| {
        let line = |reply: &proto::api::Canceling| format!("{} {}\n", reply.name, reply.status);
        replies.iter().map(line).collect()
    })?;
    Ok(ending)
}
