//! The invariants, once everything has ended.

use std::fs;

use jobd_tests::harness::wait_until;
use proto::api::JobView;
use proto::outcome::Outcome;
use proto::record::STEP_FILE;

use super::drive::{Drive, Fault};
use super::scenario::{BAD_FILE, QUEUE_ORDER, Set, Truth, Work};

use std::time::Duration;

/// How long the kernel may take to remove what was killed.
const GONE_MAX: Duration = Duration::from_secs(5);

/// What is not as it must be; none when all is well.
pub fn problem(drive: &mut Drive<'_>) -> Option<String> {
    let views = drive.views();
    let works = drive.works.clone();
    let mut problems: Vec<String> = works
        .iter()
        .zip(&views)
        .filter_map(|(work, view)| of_job(drive, work, view))
        .collect();
    problems.extend(of_hit(drive));
    problems.extend(of_spool(drive));
    problems.extend(of_order(drive));
    problems.extend(of_folders(drive));
    problems.extend(of_processes(drive));
    (!problems.is_empty()).then(|| problems.join("; "))
}

/// One execution at most, and the truth about it.
fn of_job(drive: &Drive<'_>, work: &Work, view: &JobView) -> Option<String> {
    let name = work.name;
    let runs = drive.witness.counts().get(name).copied().unwrap_or(0);
    let Some(outcome) = &view.outcome else {
        return Some(format!("{name} has no outcome"));
    };
    if runs > 1 {
        return Some(format!("{name} ran {runs} times"));
    }
    let is_true = match (work.truth, outcome) {
        (Truth::Exited(expected), Outcome::Exited { code }) => expected == *code && runs == 1,
        (Truth::TimedOut, Outcome::TimedOut { limit_secs: 1, .. })
        | (Truth::FellSilent, Outcome::FellSilent { .. })
        | (Truth::Canceled, Outcome::Canceled { .. }) => runs == 1,
        (Truth::Orphaned, Outcome::Lost { reason }) => !reason.is_empty() && runs == 1,
        _ => false,
    };
    let is_excused = drive.case.fault.hits_shims()
        && match outcome {
            Outcome::Lost { reason } => !reason.is_empty(),
            Outcome::StartFailed { reason, .. } => !reason.is_empty() && runs == 0,
            // A cancel may come before the command.
            Outcome::Canceled { .. } => work.truth == Truth::Canceled,
            _ => false,
        };
    (!is_true && !is_excused).then(|| {
        let records = records(drive, name);
        format!("{name}: {outcome:?} after {runs} runs; its records: {records}")
    })
}

fn records(drive: &Drive<'_>, name: &str) -> String {
    let folders = drive.home.step_folders(name).into_iter();
    folders
        .map(|folder| fs::read_to_string(folder.join(STEP_FILE)).unwrap_or_default())
        .collect()
}

/// Who must have been hit was hit at the one label that was armed.
fn of_hit(drive: &Drive<'_>) -> Option<String> {
    let hits = drive.hits();
    let is_one = matches!(drive.case.fault, Fault::KillsDaemon | Fault::KillsShims);
    let is_armed = |label: &String| {
        let armed = drive.case.name.split([':', ' ']).next();
        armed == Some(label.as_str())
    };
    (is_one && !hits.iter().all(is_armed)).then(|| format!("hit {hits:?}"))
}

fn of_spool(drive: &Drive<'_>) -> Option<String> {
    if !drive.case.set.has_spool() {
        return None;
    }
    let rejected = drive.home.spool().join("rejected");
    let entries = fs::read_dir(&rejected).ok()?;
    let mut names: Vec<_> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let error = format!("{BAD_FILE}.error");
    let reason = fs::read_to_string(rejected.join(&error)).unwrap_or_default();
    let is_well = names == [BAD_FILE.to_owned(), error] && reason.contains("nonsense");
    (!is_well).then(|| format!("rejected/ holds {names:?}: {reason}"))
}

fn of_order(drive: &Drive<'_>) -> Option<String> {
    let marks = drive.witness.marks();
    (drive.case.set == Set::Queue && marks != QUEUE_ORDER).then(|| format!("ran as {marks:?}"))
}

/// There are no folders but those of jobs that are known.
fn of_folders(drive: &Drive<'_>) -> Option<String> {
    let listed = drive.home.run(&["list", "--all", "-o", "json"]).ok().json();
    let listed = listed.as_array().unwrap().iter();
    let known: Vec<_> = listed.filter_map(|job| job["name"].as_str()).collect();
    let state = drive.home.path().join("state");
    let folders = ["jobs", "steps"].map(|folder| fs::read_dir(state.join(folder)));
    let folders = folders.into_iter().flatten().flatten().flatten();
    let names = folders.map(|folder| folder.file_name().to_string_lossy().into_owned());
    let unknown: Vec<_> = names
        .filter(|name| !known.contains(&name.split('.').next().unwrap_or_default()))
        .collect();
    (!unknown.is_empty()).then(|| format!("folders of nobody: {unknown:?}"))
}

/// Nothing is alive but the daemon.
fn of_processes(drive: &Drive<'_>) -> Option<String> {
    let daemon = drive.home.daemon_pid();
    wait_until("the end of all processes", GONE_MAX, || {
        drive.home.processes().into_iter().all(|pid| pid == daemon)
    });
    None
}
