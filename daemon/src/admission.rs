//! The door: from the text of a job file to a candidate that the engine can admit, the same for
//! the socket and the spool.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use proto::api::Submission;
use proto::diagnostic::{Diagnostic, Severity, Span};
use proto::job::{self, CommandJob, Input, Job, JobText, Override, PathForm, classify_path};
use proto::stage::{PrepareReport, StageSettings};

use crate::core::stage_order;
use crate::core::{Definition, pinned};
use crate::engine::Candidate;
use crate::exec;
use crate::stage;
use crate::store::Row;

/// The experiment of jobs that name none and come from nowhere (Azure ML's own default).
const EXPERIMENT_DEFAULT: &str = "Default";
/// Bytes of a job file that is read in a moment, some fifty microseconds.
const SHORT_BYTES: usize = 4 << 10;

/// Reads all submissions of a call. All findings are reported, whichever job they are of.
///
/// # Errors
/// The findings, errors first, when any job is refused.
pub fn read_all(
    submissions: Vec<Submission>,
    uid: u32,
    settings: &StageSettings,
) -> Result<Vec<Candidate>, Vec<Diagnostic>> {
    let created_by = user_name(uid);
    let mut candidates = Vec::new();
    let mut refused = Vec::new();
    for submission in submissions {
        let origin = Origin::of(&submission, &created_by, uid, settings);
        match read(submission.yaml.as_bytes(), &origin) {
            Ok(candidate) => candidates.push(candidate),
            Err(diagnostics) => refused.extend(diagnostics),
        }
    }
    if refused.is_empty() {
        Ok(candidates)
    } else {
        Err(refused)
    }
}

/// Reads a spool file; its paths are relative to the spool folder.
///
/// # Errors
/// The findings, errors first.
pub fn read_spooled(
    text: &[u8],
    name: &str,
    folder: &Path,
    uid: u32,
    settings: &StageSettings,
) -> Result<Candidate, Vec<Diagnostic>> {
    let created_by = user_name(uid);
    read(
        text,
        &Origin {
            file: Some(name),
            overrides: &[],
            base_path: folder,
            experiment: None,
            created_by: &created_by,
            uid,
            settings,
        },
    )
}

/// Reads one submission for whoever must not wait for a file system or a directory of users: none
/// where that might be needed, or where reading takes longer than a moment.
///
/// # Errors
/// As [`read_all`].
pub fn read_at_once(
    submission: &Submission,
    uid: u32,
    settings: &StageSettings,
) -> Option<Result<Candidate, Vec<Diagnostic>>> {
    if submission.overrides.is_some() || !is_short(&submission.yaml) {
        return None;
    }
    let created_by = known_name(uid)?;
    let origin = Origin::of(submission, &created_by, uid, settings);
    match parse(submission.yaml.as_bytes(), &origin) {
        Ok((job, _)) if stage::may_provide(settings, &job.environment) => None,
        Ok((job, findings)) => Some(Ok(candidate(job, &findings, &origin))),
        Err(diagnostics) => Some(Err(diagnostics)),
    }
}

/// Whether it is read in a moment: without aliases that takes as long as the text is.
fn is_short(yaml: &str) -> bool {
    yaml.len() <= SHORT_BYTES && !(yaml.contains('&') && yaml.contains('*'))
}

/// A stored job as an Azure ML job file, without what lets people in. It may be read anywhere:
/// paths are absolute, as in a dump of Azure ML's client.
#[must_use]
pub fn dump(row: &Row) -> String {
    let mut job = row.definition.job.without_secrets();
    let anchor = |text: &mut String| {
        if let PathForm::Local(path) = classify_path(text) {
            let path: PathBuf = row.definition.base_path.join(path).components().collect();
            *text = path.to_string_lossy().into_owned();
        }
    };
    job.code.as_mut().map(anchor);
    for input in job.inputs.values_mut() {
        if let Input::Data(data) = input {
            anchor(&mut data.path);
        }
    }
    for output in job.outputs.values_mut() {
        output.path.as_mut().map(anchor);
    }
    job.name = Some(row.job.name.clone());
    job.experiment_name = Some(row.definition.experiment_name.clone());
    job::dump(&job)
}

/// The note on data that the command reads where it is and could write to.
const WRITABLE: &str = "inputs: local data without a mode is used in place, and outside a \
    container only its own permissions keep the job from writing to it: the daemon may make no \
    mounts";

struct Origin<'a> {
    file: Option<&'a str>,
    overrides: &'a [Override],
    base_path: &'a Path,
    experiment: Option<&'a str>,
    created_by: &'a str,
    uid: u32,
    settings: &'a StageSettings,
}

impl<'a> Origin<'a> {
    fn of(
        submission: &'a Submission,
        created_by: &'a str,
        uid: u32,
        settings: &'a StageSettings,
    ) -> Origin<'a> {
        Origin {
            file: submission.file.as_deref(),
            overrides: submission.overrides.as_deref().unwrap_or_default(),
            base_path: &submission.base_path,
            experiment: submission.experiment_name.as_deref(),
            created_by,
            uid,
            settings,
        }
    }
}

fn read(text: &[u8], origin: &Origin<'_>) -> Result<Candidate, Vec<Diagnostic>> {
    let (job, findings) = parse(text, origin)?;
    Ok(candidate(job, &findings, origin))
}

/// What the text says, with findings that do not stand against it.
fn parse(
    text: &[u8],
    origin: &Origin<'_>,
) -> Result<(CommandJob, Vec<Diagnostic>), Vec<Diagnostic>> {
    let text = JobText {
        overrides: origin.overrides,
        ..JobText::new(text, origin.file)
    };
    let reading = text.read();
    let mut diagnostics = reading.diagnostics;
    if !origin.base_path.is_absolute() {
        diagnostics.push(refusal(
            "base-path",
            "the base path must be absolute".into(),
            "",
        ));
    }
    let Some(Job::Command(job)) = reading.job else {
        return Err(errors_first(diagnostics));
    };
    let mut unsupported = cannot_run(&job, origin.base_path);
    job::place(&mut unsupported, &text);
    diagnostics.extend(unsupported);
    if diagnostics
        .iter()
        .any(|finding| finding.severity == Severity::Error)
    {
        return Err(errors_first(diagnostics));
    }
    Ok((job, diagnostics))
}

fn candidate(mut job: CommandJob, diagnostics: &[Diagnostic], origin: &Origin<'_>) -> Candidate {
    let name = job.name.take();
    let experiment_name = job.experiment_name.take();
    let definition = Definition {
        base_path: origin.base_path.into(),
        experiment_name: experiment_name
            .or_else(|| origin.experiment.map(str::to_owned))
            .unwrap_or_else(|| EXPERIMENT_DEFAULT.into()),
        created_by: origin.created_by.into(),
        notes: notes(&job, diagnostics, origin),
        pinned: None,
        job,
    };
    Candidate {
        name,
        ..candidate_of(definition, origin.uid, origin.settings)
    }
}

/// A job that is run again with exactly what it used. `registered` names the outputs of it that
/// were registered.
#[must_use]
pub fn rerun(
    row: &Row,
    prepared: Option<&PrepareReport>,
    registered: &[String],
    uid: u32,
    settings: &StageSettings,
) -> Candidate {
    let definition = pinned::again(&row.job.name, &row.definition, prepared, registered);
    let created_by = user_name(uid);
    let definition = Definition {
        created_by,
        ..definition
    };
    candidate_of(definition, uid, settings)
}

fn candidate_of(mut definition: Definition, uid: u32, configured: &StageSettings) -> Candidate {
    // A rerun may come under a daemon that has other rights.
    definition.notes.retain(|note| !note.starts_with(WRITABLE));
    definition.notes.extend(writable_inputs(&definition));
    let settings = definition.job.queue_settings.as_ref();
    Candidate {
        name: None,
        uid,
        priority: settings
            .and_then(|settings| settings.priority)
            .unwrap_or_default(),
        prepares: stage_order::prepares(&definition, &|environment| {
            stage::provides(configured, environment)
        }),
        finalizes: stage_order::finalizes(&definition),
        limit_secs: definition
            .job
            .limits
            .as_ref()
            .and_then(|limits| limits.timeout),
        spool_key: None,
        definition: Arc::new(definition),
    }
}

/// What the user should know: what is taken in the environment's place, and the findings. A prepare
/// step says for itself what becomes of an environment.
fn notes(job: &CommandJob, diagnostics: &[Diagnostic], origin: &Origin<'_>) -> Vec<String> {
    let environment = &job.environment;
    let own = (!stage::provides(origin.settings, environment)).then(|| {
        let name = environment.summary();
        format!("environment: {name} is not used: the command runs on this host as it is")
    });
    let findings = diagnostics.iter().map(note);
    own.into_iter().chain(findings).collect()
}

/// The note, where a job has such data and it is not to be written to.
fn writable_inputs(definition: &Definition) -> Option<String> {
    let mut inputs = stage_order::in_place(definition);
    if !inputs.any(|one| one.is_read_only) {
        return None;
    }
    let errno = exec::private_mounts().err()?;
    Some(format!("{WRITABLE} ({errno})"))
}

/// A finding as one line.
fn note(finding: &Diagnostic) -> String {
    if finding.path.is_empty() {
        return finding.message.clone();
    }
    format!("{}: {}", finding.path, finding.message)
}

/// What the language allows and this release cannot do yet: code that is not on this machine.
fn cannot_run(job: &CommandJob, base_path: &Path) -> Vec<Diagnostic> {
    let paths = job::local_paths(job, base_path).into_iter();
    let code = paths.filter(|one| one.field == "code");
    let remote = code.filter_map(|one| match one.path {
        PathForm::Uri(path) | PathForm::Asset(path) => Some(path),
        PathForm::Local(_) => None,
    });
    let refused = remote.map(|path| {
        let path = job::redacted(&path);
        let message = format!("{path} is not on this machine and cannot be fetched yet");
        refusal("remote-path", message, "code").with_help("use a local file or folder")
    });
    refused.collect()
}

fn refusal(code: &str, message: String, path: &str) -> Diagnostic {
    let mut finding = Diagnostic::error(code, Span::default(), message);
    finding.path = path.into();
    finding
}

fn errors_first(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// The name of the daemon's own user, who submits most jobs: looked up once.
static OWN_NAME: OnceLock<String> = OnceLock::new();

/// The name of a user, or the number where it has none.
#[must_use]
pub fn user_name(uid: u32) -> String {
    if let Some(name) = known_name(uid) {
        return name;
    }
    match nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)) {
        Ok(Some(user)) if is_own(uid) => OWN_NAME.get_or_init(|| user.name).clone(),
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => uid.to_string(),
    }
}

fn known_name(uid: u32) -> Option<String> {
    OWN_NAME.get().filter(|_| is_own(uid)).cloned()
}

fn is_own(uid: u32) -> bool {
    nix::unistd::geteuid().as_raw() == uid
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submission(set: &str) -> Submission {
        Submission {
            yaml: "command: echo\nenvironment: azureml:e:1\n".into(),
            file: Some("job.yml".into()),
            base_path: "/".into(),
            experiment_name: None,
            overrides: Some(vec![set.parse().unwrap()]),
        }
    }

    #[test]
    fn what_is_set_is_part_of_the_job() {
        let candidates = read_all(
            vec![submission("limits.timeout=60")],
            0,
            &StageSettings::default(),
        )
        .unwrap();
        assert_eq!(candidates[0].limit_secs, Some(60));
        let refused = read_all(
            vec![submission("code=https://h/x")],
            0,
            &StageSettings::default(),
        )
        .unwrap_err();
        assert_eq!(
            refused[0].to_string(),
            "job.yml: error: code: https://h/x is not on this machine and cannot be fetched yet \
             (from `--set code`) (use a local file or folder)"
        );
    }

    #[test]
    fn at_once_only_what_cannot_take_long_is_read() {
        let settings = StageSettings::default();
        let at_once = |yaml: &str| {
            let uid = nix::unistd::geteuid().as_raw();
            let _known = user_name(uid);
            let one = Submission {
                yaml: yaml.into(),
                overrides: None,
                ..submission("name=x")
            };
            let all = read_all(vec![one.clone()], uid, &settings);
            let all = all.map(|candidates| candidates[0].definition.clone());
            let at_once = read_at_once(&one, uid, &settings);
            let at_once = at_once.map(|read| read.map(|candidate| candidate.definition));
            at_once.inspect(|read| assert_eq!(*read, all))
        };
        let short = "command: a && b\nenvironment: azureml:e:1\n";
        assert!(at_once(short).unwrap().is_ok());
        assert!(at_once("command: 1\ncommand: 2\n").unwrap().is_err());
        for slow in [
            format!("{short}tags: {{ a: &a 1, b: *a }}\n"),
            format!("{short}# {}\n", "x".repeat(SHORT_BYTES)),
            short.replace("e:1", "AzureML-sklearn-1.5@latest"),
        ] {
            assert_eq!(at_once(&slow), None, "{slow}");
        }
    }
}
