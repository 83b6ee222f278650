//! An output that was brought to a store: a job gets it, as any job gets its data, so that it is
//! verified, resumed and cached, and no credential passes through here.

use std::path::PathBuf;

use proto::api::{Archive, JobView, Show, Submission, Submit};
use serde_json::{Value, json};

use super::run::DownloadError;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::follow::{Session, Setup};
use crate::output::print::say;

/// The experiment of such jobs, by which they are told apart from others.
const EXPERIMENT: &str = "download";
/// The name of the one input.
const INPUT: &str = "output";

/// Gets an output; answers where it is on this machine then.
pub fn fetch(endpoint: &Endpoint, of: &JobView, output: &str) -> Result<PathBuf, Error> {
    let mut client = endpoint.connect()?;
    let jobs = vec![submission(of, output)?];
    let submitted = client.call(&Submit { jobs })?.jobs.into_iter().next();
    let name = submitted.ok_or(Error::NoJob)?.name;
    say(&format!("job {name} gets output {output}"));
    let setup = Setup {
        name: name.clone(),
        raw: false,
        interrupt: None,
    };
    let ending = Session::start(endpoint, client, setup)?.run()?;
    let failed = || DownloadError::Fetch {
        output: output.to_owned(),
        job: name.clone(),
    };
    if ending.code() != 0 {
        return Err(failed().into());
    }
    let mut client = endpoint.connect()?;
    let got = client.call(&Show { name: name.clone() })?.job;
    client.call(&Archive { name: name.clone() })?;
    let prepared = got.provenance.and_then(|used| used.prepared);
    let used = prepared.and_then(|mut report| report.inputs.remove(INPUT));
    used.map(|used| PathBuf::from(used.text))
        .ok_or_else(|| failed().into())
}

fn submission(of: &JobView, output: &str) -> Result<Submission, Error> {
    let kind = of.outputs.get(output).and_then(|output| output.get("type"));
    let job = json!({
        "command": "true",
        // What that job has got is there.
        "environment": of.environment,
        "experiment_name": EXPERIMENT,
        "display_name": format!("output {output} of {}", of.name),
        "inputs": { INPUT: {
            "type": kind.and_then(Value::as_str).unwrap_or("uri_folder"),
            "path": format!("azureml://jobs/{}/outputs/{output}", of.name),
            "mode": "download",
        }},
    });
    Ok(Submission {
        // JSON is YAML, too.
        yaml: job.to_string(),
        file: None,
        base_path: of.base_path.clone(),
        experiment_name: None,
        overrides: None,
    })
}
