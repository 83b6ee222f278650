//! `run`: submits a job, prints its log live and ends with its exit code.

use super::submission::{self, Refused};
use super::submit;
use crate::args::RunArgs;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::follow::{Interrupt, Session, Setup};
use crate::output::print::say;

/// Runs a job.
pub fn run(endpoint: &Endpoint, args: &RunArgs) -> Result<Ending, Error> {
    let Ok(files) = submission::read(&[args.file()], &args.set.set) else {
        return Ok(Ending::OwnError);
    };
    if args.detach {
        let submitted = submit::submit(&mut endpoint.connect_or_start()?, &files, &args.output)?;
        return Ok(match submitted {
            Ok(_) => Ending::Done,
            Err(Refused) => Ending::OwnError,
        });
    }
    let mut client = endpoint.connect_or_start()?;
    // From here on a Ctrl-C is meant for the job, even while it is being submitted.
    let interrupt = Some(Interrupt::catch()?);
    let mut name = None;
    let submitted = submission::submit(&mut client, &files, args.output.output, |jobs| {
        submit::notes(jobs);
        name = jobs.first().map(|job| job.name.clone());
        Ok(())
    })?;
    if let Err(Refused) = submitted {
        return Ok(Ending::OwnError);
    }
    let name = name.ok_or(Error::NoJob)?;
    say(&format!("job {name}"));
    let setup = Setup {
        name,
        raw: args.raw,
        interrupt,
    };
    Session::start(endpoint, client, setup)?.run()
}
