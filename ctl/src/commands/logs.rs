//! `logs` and `stream`: the log of a job.

use std::io::{self, IsTerminal};

use proto::api::Show;
use proto::status::Status;

use crate::args::{LogsArgs, StreamArgs};
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::follow::{self, Session, Setup};
use crate::output::print::say;

/// Prints the log as far as it goes, or follows it.
pub fn run(endpoint: &Endpoint, args: LogsArgs) -> Result<Ending, Error> {
    if args.follow {
        return follow(endpoint, args.stream, args.tail);
    }
    let escaped = !args.stream.raw && io::stdout().is_terminal();
    let name = args.stream.name.name();
    let job = endpoint.connect_or_start()?.call(&Show { name })?.job;
    let printed = follow::print(&follow::log_path(&job), escaped, args.tail)?;
    // A job that is made ready ahead of its turn has the file already.
    let is_none = printed.is_none() || printed == Some(0) && job.status == Status::Queued;
    if is_none {
        let (name, status) = (&job.name, job.status);
        say(&match &job.pruned_at {
            Some(at) => format!("job {name} is {status}: its log was pruned at {at}"),
            None if status.is_terminal() => format!("job {name} is {status}: it has no log"),
            None => format!("job {name} is {status}: no log yet"),
        });
    }
    Ok(Ending::Done)
}

/// Follows the log to the end of the job. Ctrl-C ends only us.
pub fn stream(endpoint: &Endpoint, args: StreamArgs) -> Result<Ending, Error> {
    follow(endpoint, args, None)
}

fn follow(endpoint: &Endpoint, args: StreamArgs, tail: Option<u64>) -> Result<Ending, Error> {
    let client = endpoint.connect_or_start()?;
    let setup = Setup {
        name: args.name.name(),
        raw: args.raw,
        interrupt: None,
    };
    Session::start(endpoint, client, setup)?.tail(tail).run()
}
