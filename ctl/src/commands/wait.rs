//! `wait`: until jobs have ended.

use proto::api::{Changed, List, WATCH_NAMES_MAX};
use proto::frame::FRAME_BYTES_MAX;
use proto::status::Status;

use super::list;
use crate::args::{WaitArgs, WhichArgs};
use crate::client::Client;
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::{Emit, print};
use crate::watch::Watching;

/// What a name needs in a frame beside its bytes, and what may be escaped in it.
const NAME_BYTES_EXTRA: usize = 16;

/// Waits for the jobs; prints each as it ends.
pub fn run(endpoint: &Endpoint, args: &WaitArgs) -> Result<Ending, Error> {
    let mut client = endpoint.connect_or_start()?;
    let names = named(&mut client, &args.which)?;
    let mut ended = Vec::new();
    for part in parts(names) {
        let client = endpoint.connect()?;
        let mut watching = Watching::start(endpoint, client, part)?;
        while let Some(change) = watching.next()? {
            if change.status.is_terminal() {
                if args.output.is_for_people() {
                    print::stdout(&format!("{} {}\n", change.name, change.status))?;
                }
                ended.push(change);
            }
        }
    }
    if !args.output.is_for_people() {
        args.output.emit(&ended, |_| String::new())?;
    }
    Ok(ending(&ended))
}

fn ending(ended: &[Changed]) -> Ending {
    let completed = |change: &Changed| change.status == Status::Completed;
    if ended.iter().all(completed) {
        Ending::Done
    } else {
        Ending::NotAllCompleted
    }
}

/// The names of the jobs that are meant.
pub fn named(client: &mut Client, which: &WhichArgs) -> Result<Vec<String>, Error> {
    if which.all {
        unfinished(client)
    } else {
        Ok(which.names())
    }
}

fn unfinished(client: &mut Client) -> Result<Vec<String>, Error> {
    let alive = Status::ALL.into_iter().filter(|s| !s.is_terminal());
    let filter = List {
        statuses: Some(alive.collect()),
        include_archived: Some(true),
        ..List::default()
    };
    let (jobs, _) = list::pages(client, filter, usize::MAX)?;
    Ok(jobs.into_iter().map(|job| job.name).collect())
}

/// Parts that the daemon can watch at once and that fit into a frame.
fn parts(names: Vec<String>) -> Vec<Vec<String>> {
    let mut parts: Vec<Vec<String>> = Vec::new();
    let mut room = 0;
    for name in names {
        let bytes = name.len() + NAME_BYTES_EXTRA;
        match parts.last_mut() {
            Some(part) if bytes <= room && part.len() < WATCH_NAMES_MAX => part.push(name),
            _ => {
                parts.push(vec![name]);
                room = FRAME_BYTES_MAX / 2;
            }
        }
        room = room.saturating_sub(bytes);
    }
    parts
}
