//! Handing job files to the daemon: one call where they fit into one frame.

use std::path::PathBuf;
use std::time::Duration;

use proto::api::{ApiError, SUBMIT_JOBS_MAX, Submission, Submit, SubmittedJob};
use proto::diagnostic::Diagnostic;
use proto::frame::FRAME_BYTES_MAX;
use proto::job::Override;

use crate::client::{Client, ClientError, REPLY_TIMEOUT};
use crate::error::Error;
use crate::experiment;
use crate::job_file::JobFile;
use crate::local_data;
use crate::output::print::say;
use crate::output::{Format, diagnostics, print};

/// What the daemon may take for each job beside the time for an answer.
const TIME_PER_JOB: Duration = Duration::from_millis(5);
/// What a frame holds beside its jobs.
const ENVELOPE_BYTES: usize = 256;

/// What became of job files.
pub type Outcome<T> = Result<T, Refused>;

/// The files were refused, and the user was told why.
#[derive(Debug)]
pub struct Refused;

/// Reads all files, or tells about each that cannot be read. The overrides are for each of them.
pub fn read(paths: &[PathBuf], overrides: &[Override]) -> Outcome<Vec<JobFile>> {
    let mut files = Vec::new();
    let mut refused = false;
    for path in paths {
        match JobFile::read(path) {
            Ok(file) => files.push(JobFile {
                overrides: overrides.to_vec(),
                ..file
            }),
            Err((name, error)) => {
                refused = true;
                say(&format!("{name}: {error}"));
            }
        }
    }
    if refused { Err(Refused) } else { Ok(files) }
}

/// Submits the files in order; `accepted` hears of each part as soon as the daemon has it.
///
/// # Errors
/// Why the daemon did not take them.
pub fn submit(
    client: &mut Client,
    files: &[JobFile],
    format: Option<Format>,
    mut accepted: impl FnMut(&[SubmittedJob]) -> Result<(), Error>,
) -> Result<Outcome<()>, Error> {
    let missing: Vec<_> = files.iter().flat_map(local_data::missing).collect();
    if !missing.is_empty() {
        tell(&missing, files, format)?;
        return Ok(Err(Refused));
    }
    let cwd = std::env::current_dir().map_err(Error::Cwd)?;
    let experiment = experiment::name_for(&cwd);
    let submissions = files.iter().map(|file| file.submission(&experiment));
    let mut done = 0;
    for jobs in batches(submissions.collect()) {
        let count = jobs.len();
        let more = TIME_PER_JOB * u32::try_from(count).unwrap_or(u32::MAX);
        client.set_reply_timeout(REPLY_TIMEOUT + more);
        let result = client.call(&Submit { jobs });
        client.set_reply_timeout(REPLY_TIMEOUT);
        if result.is_err() && done > 0 {
            say(&format!("the first {done} jobs were submitted, then:"));
        }
        match result {
            Ok(submitted) => accepted(&submitted.jobs)?,
            Err(ClientError::Api(ApiError::InvalidJob { diagnostics })) => {
                tell(&diagnostics, files, format)?;
                return Ok(Err(Refused));
            }
            Err(error) => return Err(error.into()),
        }
        done += count;
    }
    Ok(Ok(()))
}

/// Shows findings: on standard error for people, on standard output where JSON is asked for.
///
/// # Errors
/// Why they cannot be printed.
pub fn tell(found: &[Diagnostic], files: &[JobFile], format: Option<Format>) -> Result<(), Error> {
    if format == Some(Format::Json) {
        let text = serde_json::to_string_pretty(found).map_err(|error| {
            crate::output::OutputError::Format {
                format: "JSON",
                reason: error.to_string(),
            }
        })?;
        print::stdout(&(text + "\n"))?;
    } else {
        diagnostics::show(found, files);
    }
    Ok(())
}

/// As few batches as the frame and the daemon's limit allow; one in nearly every case.
fn batches(submissions: Vec<Submission>) -> Vec<Vec<Submission>> {
    let mut batches: Vec<Vec<Submission>> = Vec::new();
    let mut room = 0;
    for submission in submissions {
        let bytes = encoded_bytes(&submission);
        match batches.last_mut() {
            Some(batch) if bytes <= room && batch.len() < SUBMIT_JOBS_MAX => {
                batch.push(submission);
            }
            _ => {
                batches.push(vec![submission]);
                room = FRAME_BYTES_MAX - ENVELOPE_BYTES;
            }
        }
        room = room.saturating_sub(bytes);
    }
    batches
}

/// The bytes of a submission in its frame, with the comma after it.
fn encoded_bytes(submission: &Submission) -> usize {
    serde_json::to_vec(submission).map_or(FRAME_BYTES_MAX, |bytes| bytes.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::api::{Call, Method};
    use proto::frame;

    fn submission(yaml_bytes: usize) -> Submission {
        Submission {
            yaml: "\"".repeat(yaml_bytes),
            file: Some("job.yml".into()),
            base_path: "/home".into(),
            experiment_name: Some("Default".into()),
            overrides: None,
        }
    }

    #[test]
    fn files_that_fit_are_one_batch() {
        assert_eq!(batches(vec![submission(10); 1000]).len(), 1);
        assert_eq!(batches(Vec::new()).len(), 0);
    }

    #[test]
    fn every_batch_fits_into_its_frame_and_none_is_lost() {
        let batches = batches(vec![submission(50_000); 100]);
        assert!(batches.len() > 1);
        assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 100);
        for jobs in batches {
            let call = Call {
                method: Submit::NAME.into(),
                parameters: serde_json::to_value(Submit { jobs }).unwrap(),
                more: false,
                oneway: false,
            };
            frame::encode(&call).unwrap();
        }
    }

    #[test]
    fn a_batch_has_no_more_jobs_than_the_daemon_takes() {
        let batches = batches(vec![submission(0); SUBMIT_JOBS_MAX + 1]);
        assert!(batches.iter().all(|batch| batch.len() <= SUBMIT_JOBS_MAX));
    }
}
