//! `environment list`: what is registered, and what a job would get of it.

use proto::api::{LIST_ENVIRONMENTS_MAX, ListEnvironments, ListedEnvironments};

use crate::args::EnvironmentListArgs;
use crate::client::{Client, ClientError};
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::Emit;
use crate::output::print::say;
use crate::output::table::{Column, Table};

/// Lists them; files that were refused are told apart.
pub fn run(endpoint: &Endpoint, args: &EnvironmentListArgs) -> Result<Ending, Error> {
    let listed = pages(&mut endpoint.connect_or_start()?)?;
    args.output
        .emit(&listed.environments, |width| table(&listed).render(width))?;
    for refused in &listed.refused {
        say(&format!("{}: {}", refused.file, refused.reason));
    }
    Ok(Ending::Done)
}

/// All of them, page by page.
fn pages(client: &mut Client) -> Result<ListedEnvironments, ClientError> {
    let mut all = ListedEnvironments::default();
    let mut asked = ListEnvironments {
        max_results: Some(LIST_ENVIRONMENTS_MAX),
        from: None,
    };
    loop {
        let page = client.call(&asked)?;
        all.environments.extend(page.environments);
        all.refused.extend(page.refused);
        // A page that leads back would keep us here for ever.
        if page.next_from <= asked.from {
            return Ok(all);
        }
        asked.from = page.next_from;
    }
}

fn table(listed: &ListedEnvironments) -> Table {
    let mut table = Table::new(vec![
        Column::fixed("NAME", 0),
        Column::shrinking("VERSIONS", 1),
        Column::fixed("BACKEND", 0),
        Column::shrinking("DESCRIPTION", 3),
        Column::shrinking("FILE", 2),
    ]);
    for one in &listed.environments {
        table.push(vec![
            one.name.clone(),
            one.versions.join(", "),
            one.backend.clone(),
            one.description.clone().unwrap_or_default(),
            one.file.clone().unwrap_or_else(|| "(jobd's own)".into()),
        ]);
    }
    table
}
