//! `rerun`: runs a job again as a new one, with exactly what it used.

use proto::api::{JobView, Rerun, Show};

use super::submit;
use crate::args::RerunArgs;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::follow::{Session, Setup};
use crate::output::{Emit, print};

/// Submits the job again and prints the name of the new one, or follows it.
pub fn run(endpoint: &Endpoint, args: RerunArgs) -> Result<Ending, Error> {
    let name = args.name.name();
    let mut client = endpoint.connect_or_start()?;
    let job = client.call(&Rerun { name })?.job;
    submit::notes(std::slice::from_ref(&job));
    let name = job.name;
    if args.output.is_for_people() {
        print::stdout(&format!("{name}\n"))?;
    } else {
        let name = name.clone();
        let view: JobView = client.call(&Show { name })?.job;
        args.output.emit(&view, |_| String::new())?;
    }
    if !args.stream {
        return Ok(Ending::Done);
    }
    let setup = Setup {
        name,
        raw: false,
        interrupt: None,
    };
    Session::start(endpoint, client, setup)?.run()
}
