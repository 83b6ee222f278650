//! `list`: jobs, newest first.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proto::api::{JobSummary, LIST_JOBS_DEFAULT, LIST_JOBS_MAX, List};

use crate::args::ListArgs;
use crate::client::{Client, ClientError};
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::table::{Column, Table};
use crate::output::{Emit, print};
use crate::time;

/// Lists the jobs that the options ask for.
pub fn run(endpoint: &Endpoint, args: &ListArgs) -> Result<Ending, Error> {
    let max = if args.all {
        usize::MAX
    } else {
        args.max_results.unwrap_or(LIST_JOBS_DEFAULT)
    };
    let filter = List {
        statuses: (!args.status.is_empty()).then(|| args.status.clone()),
        include_archived: args.include_archived.then_some(true),
        archived_only: args.archived_only.then_some(true),
        ..List::default()
    };
    let (jobs, more) = pages(&mut endpoint.connect_or_start()?, filter, max)?;
    args.output.emit(&jobs, |width| {
        let now = Timestamp::now().to_string();
        table(&jobs, &now, &TimeZone::system()).render(width)
    })?;
    if more && args.max_results.is_none() && args.output.is_for_people() {
        print::say("there are more jobs: see --max-results and --all");
    }
    Ok(Ending::Done)
}

/// At most `max` jobs, page by page, and whether there are more.
///
/// # Errors
/// What the daemon says.
pub fn pages(
    client: &mut Client,
    mut filter: List,
    max: usize,
) -> Result<(Vec<JobSummary>, bool), ClientError> {
    let mut jobs = Vec::new();
    loop {
        filter.max_results = Some((max - jobs.len()).min(LIST_JOBS_MAX));
        let page = client.call(&filter)?;
        let is_empty = page.jobs.is_empty();
        jobs.extend(page.jobs);
        filter.before = page.next_before;
        // An empty page that promises another one would keep us here for ever.
        if filter.before.is_none() || is_empty || jobs.len() >= max {
            jobs.truncate(max);
            return Ok((jobs, filter.before.is_some()));
        }
    }
}

fn table(jobs: &[JobSummary], now: &str, zone: &TimeZone) -> Table {
    let mut table = Table::new(vec![
        Column::fixed("NAME", 0),
        Column::fixed("STATUS", 0),
        Column::fixed("EXIT", 1),
        Column::shrinking("DISPLAY NAME", 3),
        Column::shrinking("EXPERIMENT", 5),
        Column::fixed("CREATED", 4),
        Column::fixed("DURATION", 2),
    ]);
    for job in jobs {
        let display_name = if job.display_name == job.name {
            ""
        } else {
            &job.display_name
        };
        table.push(vec![
            job.name.clone(),
            job.status.to_string(),
            job.exit_code
                .map(|code| code.to_string())
                .unwrap_or_default(),
            display_name.to_owned(),
            job.experiment_name.clone(),
            time::moment(&job.created_at, zone),
            duration(job, now).unwrap_or_default(),
        ]);
    }
    table
}

fn duration(job: &JobSummary, now: &str) -> Option<String> {
    let until = job.ended_at.as_deref().unwrap_or(now);
    let millis = time::millis_between(job.started_at.as_deref()?, until)?;
    Some(time::duration(millis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::status::Status;

    #[test]
    fn the_table() {
        let job = JobSummary {
            name: "calm_river".into(),
            display_name: "the first \x1b[2J".into(),
            experiment_name: "basics".into(),
            kind: "command".into(),
            status: Status::Failed,
            created_at: "2026-07-01T10:00:00Z".into(),
            started_at: Some("2026-07-01T10:00:01Z".into()),
            ended_at: Some("2026-07-01T10:01:06Z".into()),
            exit_code: Some(3),
            archived: false,
        };
        let running = JobSummary {
            name: "old_tree".into(),
            display_name: "old_tree".into(),
            status: Status::Running,
            ended_at: None,
            exit_code: None,
            ..job.clone()
        };
        let table = table(&[job, running], "2026-07-01T10:00:05Z", &TimeZone::UTC);
        insta::assert_snapshot!(table.render(None));
    }
}
