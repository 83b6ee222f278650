//! `submit`: hands job files to the daemon and prints the names of the jobs.

use std::collections::HashMap;

use std::mem::ManuallyDrop;

use proto::api::{JobView, Show, SubmittedJob};
use serde_json::Value;

use super::submission::{self, Refused};
use crate::args::{OutputArgs, SubmitArgs};
use crate::client::Client;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::follow::{Session, Setup};
use crate::job_file::JobFile;
use crate::output::print::say;
use crate::output::{Emit, OutputError, print};

/// Submits the files.
pub fn run(endpoint: &Endpoint, args: SubmitArgs) -> Result<Ending, Error> {
    let Ok(files) = submission::read(&args.files.files(), &args.set.set) else {
        return Ok(Ending::OwnError);
    };
    // The end of this program closes it: sooner, the daemon would take its turn at that before us.
    let mut client = ManuallyDrop::new(endpoint.connect_or_start()?);
    match submit(&mut client, &files, &args.output)? {
        Err(Refused) => Ok(Ending::OwnError),
        Ok(names) if args.stream => {
            drop(ManuallyDrop::into_inner(client));
            follow(endpoint, names)
        }
        Ok(_) => Ok(Ending::Done),
    }
}

/// Submits files and prints the jobs; gives their names.
///
/// # Errors
/// Why the daemon did not take them, or that they could not be printed.
pub fn submit(
    client: &mut Client,
    files: &[JobFile],
    output: &OutputArgs,
) -> Result<submission::Outcome<Vec<String>>, Error> {
    let mut names = Vec::new();
    let submitted = submission::submit(client, files, output.output, |jobs| {
        names.extend(jobs.iter().map(|job| job.name.clone()));
        told(jobs, output.is_for_people())
    })?;
    if !output.is_for_people() {
        emit(client, &names, output)?;
    }
    Ok(submitted.map(|()| names))
}

/// Names on standard output, notes on standard error.
fn told(jobs: &[SubmittedJob], names: bool) -> Result<(), Error> {
    notes(jobs);
    if names {
        let lines: String = jobs.iter().map(|job| format!("{}\n", job.name)).collect();
        print::stdout(&lines)?;
    }
    Ok(())
}

/// Tells what the daemon has to say about jobs that it took: what it says of many, once.
pub fn notes(jobs: &[SubmittedJob]) {
    let mut told: Vec<(&str, &str, usize)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (job, note) in jobs
        .iter()
        .flat_map(|job| job.notes.iter().map(move |note| (job, note)))
    {
        match places.get(note.as_str()) {
            Some(&at) => told[at].2 += 1,
            None => {
                places.insert(note, told.len());
                told.push((note, &job.name, 1));
            }
        }
    }
    for (note, name, count) in told {
        say(&match count {
            1 => format!("{name}: note: {note}"),
            _ => format!("{count} jobs: note: {note}"),
        });
    }
}

/// The jobs themselves, as `az ml job create` prints them; a single one is no list.
fn emit(client: &mut Client, names: &[String], output: &OutputArgs) -> Result<(), Error> {
    let mut views: Vec<JobView> = Vec::new();
    for name in names {
        let name = name.clone();
        views.push(client.call(&Show { name })?.job);
    }
    let result = match views.as_slice() {
        [] => return Ok(()),
        [single] => serde_json::to_value(single),
        several => serde_json::to_value(several),
    };
    let result: Value = result.map_err(|error| OutputError::Format {
        format: "JSON",
        reason: error.to_string(),
    })?;
    Ok(output.emit(&result, |_| String::new())?)
}

/// Follows one after the other; the first that fails gives the exit code.
fn follow(endpoint: &Endpoint, names: Vec<String>) -> Result<Ending, Error> {
    let mut ending = Ending::Done;
    for name in names {
        let setup = Setup {
            name,
            raw: false,
            interrupt: None,
        };
        let ended = Session::start(endpoint, endpoint.connect()?, setup)?.run()?;
        if ended == Ending::OutputClosed {
            return Ok(ended);
        }
        if ending.code() == 0 {
            ending = ended;
        }
    }
    Ok(ending)
}
