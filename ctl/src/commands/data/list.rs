//! `data list`: the newest version of each name, or all versions of one.

use jiff::tz::TimeZone;
use proto::api::{Data, LIST_DATA_MAX, LIST_JOBS_DEFAULT, ListData};

use crate::args::DataListArgs;
use crate::client::{Client, ClientError};
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::table::{Column, Table};
use crate::output::{Emit, print};
use crate::time;

/// Lists the assets that the options ask for.
pub fn run(endpoint: &Endpoint, args: &DataListArgs) -> Result<Ending, Error> {
    let max = if args.all {
        usize::MAX
    } else {
        args.max_results.unwrap_or(LIST_JOBS_DEFAULT)
    };
    let filter = ListData {
        name: args.name.clone(),
        include_archived: args.include_archived.then_some(true),
        archived_only: args.archived_only.then_some(true),
        ..ListData::default()
    };
    let (data, more) = pages(&mut endpoint.connect_or_start()?, filter, max)?;
    args.output.emit(&data, |width| {
        table(&data, &TimeZone::system()).render(width)
    })?;
    if more && args.max_results.is_none() && args.output.is_for_people() {
        print::say("there are more: see --max-results and --all");
    }
    Ok(Ending::Done)
}

/// At most `max` assets, page by page, and whether there are more.
fn pages(
    client: &mut Client,
    mut filter: ListData,
    max: usize,
) -> Result<(Vec<Data>, bool), ClientError> {
    let mut data = Vec::new();
    loop {
        filter.max_results = Some((max - data.len()).min(LIST_DATA_MAX));
        let page = client.call(&filter)?;
        let is_empty = page.data.is_empty();
        data.extend(page.data);
        filter.before = page.next_before;
        // An empty page that promises another one would keep us here for ever.
        if filter.before.is_none() || is_empty || data.len() >= max {
            data.truncate(max);
            return Ok((data, filter.before.is_some()));
        }
    }
}

fn table(data: &[Data], zone: &TimeZone) -> Table {
    let mut table = Table::new(vec![
        Column::fixed("NAME", 0),
        Column::fixed("VERSION", 0),
        Column::fixed("TYPE", 1),
        Column::shrinking("PATH", 0),
        Column::fixed("CREATED", 3),
        Column::shrinking("JOB", 2),
    ]);
    for one in data {
        table.push(vec![
            one.name.clone(),
            one.version.clone(),
            one.kind.clone(),
            one.path.clone(),
            time::moment(&one.creation_context.created_at, zone),
            one.job.clone().unwrap_or_default(),
        ]);
    }
    table
}
