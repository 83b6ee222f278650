//! `environment build`: a job that does nothing but get the environment, followed to its end.

use proto::api::{Show, Submission, Submit};
use proto::stage::EnvironmentReport;
use serde_json::json;

use crate::args::EnvironmentBuildArgs;
use crate::client::Client;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::follow::{Interrupt, Session, Setup};
use crate::output::print::{self, say};

/// The experiment of such jobs, by which they are told apart from others.
const EXPERIMENT: &str = "environment-build";

/// Builds it, and prints what a job gets of it.
pub fn run(endpoint: &Endpoint, args: &EnvironmentBuildArgs) -> Result<Ending, Error> {
    let mut client = endpoint.connect_or_start()?;
    // From here on a Ctrl-C is meant for the job.
    let interrupt = Some(Interrupt::catch()?);
    let name = submit(&mut client, &args.reference())?;
    say(&format!("job {name}"));
    let setup = Setup {
        name: name.clone(),
        raw: false,
        interrupt,
    };
    let ending = Session::start(endpoint, client, setup)?.run()?;
    if ending.code() == 0 {
        tell(&mut endpoint.connect()?, name)?;
    }
    Ok(ending)
}

fn submit(client: &mut Client, reference: &str) -> Result<String, Error> {
    let job = json!({
        "command": "true",
        "environment": reference,
        "experiment_name": EXPERIMENT,
        "display_name": format!("build of {reference}"),
    });
    let submission = Submission {
        // JSON is YAML, too.
        yaml: job.to_string(),
        file: None,
        base_path: std::env::current_dir().map_err(Error::Cwd)?,
        experiment_name: None,
        overrides: None,
    };
    let jobs = vec![submission];
    let mut submitted = client.call(&Submit { jobs })?.jobs.into_iter();
    submitted.next().map(|job| job.name).ok_or(Error::NoJob)
}

/// What the job has got.
fn tell(client: &mut Client, name: String) -> Result<(), Error> {
    let job = client.call(&Show { name })?.job;
    for note in &job.notes {
        say(&format!("note: {note}"));
    }
    let prepared = job.provenance.and_then(|used| used.prepared);
    let line = match prepared.and_then(|report| report.environment) {
        Some(EnvironmentReport {
            backend,
            digest: Some(digest),
            ..
        }) => format!("{backend} {digest}\n"),
        Some(EnvironmentReport { backend, .. }) => format!("{backend}\n"),
        None => "host\n".to_owned(),
    };
    Ok(print::stdout(&line)?)
}
