//! The clocks: whether the one on the wall was set back, and whether this boot has a name.

use std::fs;

use jiff::Timestamp;
use proto::finding::Finding;

use crate::layout::Layout;
use crate::sys::clock;

/// How far a time may lie ahead without a word: file systems round, and machines drift.
const SLACK_MICROS: i64 = 5_000_000;
/// Files of one folder that are looked at.
const FILES_SEEN: usize = 1_000;

/// A time that has been, in microseconds since the Unix epoch, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    at: i64,
    what: &'static str,
}

/// `newest` is the newest time in the store.
pub(super) fn check(layout: &Layout, newest: Option<i64>) -> Vec<Finding> {
    let rows = newest.map(|at| Seen {
        at,
        what: "the newest job",
    });
    let seen = [rows, newest_file(layout), program()];
    let latest = seen.into_iter().flatten().max_by_key(|seen| seen.at);
    vec![
        wall(clock::wall_micros(), latest.as_ref()),
        boot(clock::boot_id().map_err(|error| error.to_string())),
    ]
}

fn newest_file(layout: &Layout) -> Option<Seen> {
    let folders = [
        layout.state().to_path_buf(),
        layout.jobs(),
        layout.steps(),
        layout.log(),
    ];
    let times = folders.iter().flat_map(|folder| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .take(FILES_SEEN)
            .filter_map(|entry| entry.metadata().ok()?.modified().ok())
    });
    let at = times.map(clock::micros_of).max()?;
    Some(Seen {
        at,
        what: "the newest file of the state folder",
    })
}

fn program() -> Option<Seen> {
    let own = fs::metadata(std::env::current_exe().ok()?).ok()?;
    let at = clock::micros_of(own.modified().ok()?);
    Some(Seen {
        at,
        what: "the program jobd itself",
    })
}

fn wall(now: i64, latest: Option<&Seen>) -> Finding {
    const CHECK: &str = "clock";
    let shown = |micros| {
        let time = Timestamp::from_microsecond(micros);
        time.map_or_else(
            |_| micros.to_string(),
            |time| time.strftime("%FT%TZ").to_string(),
        )
    };
    match latest.filter(|seen| seen.at > now.saturating_add(SLACK_MICROS)) {
        None => Finding::ok(CHECK, shown(now)),
        Some(seen) => Finding::weaker(
            CHECK,
            format!(
                "it is {}, but {} is of {}",
                shown(now),
                seen.what,
                shown(seen.at)
            ),
            "the clock was set back: times that are shown are wrong or out of order; time limits \
             hold, they do not go by this clock",
            "set the clock, for example by NTP (timedatectl set-ntp true)",
        ),
    }
}

fn boot(id: Result<String, String>) -> Finding {
    const CHECK: &str = "boot-id";
    match id {
        Ok(id) if !id.is_empty() => Finding::ok(CHECK, id),
        Ok(_) => unnamed("it is empty".into()),
        Err(error) => unnamed(error),
    }
}

fn unnamed(reason: String) -> Finding {
    Finding::broken(
        "boot-id",
        format!("/proc/sys/kernel/random/boot_id: {reason}"),
        "no job starts: a process could not be told from one of an earlier boot",
        "mount /proc",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::finding::Level;

    #[test]
    fn only_a_time_ahead_of_the_clock_says_that_it_was_set_back() {
        let now = 1_800_000_000_000_000;
        for (at, level) in [
            (None, Level::Ok),
            (Some(now - 1), Level::Ok),
            (Some(now + SLACK_MICROS), Level::Ok),
            (Some(now + SLACK_MICROS + 1), Level::Weaker),
        ] {
            let seen = at.map(|at| Seen {
                at,
                what: "the newest job",
            });
            assert_eq!(wall(now, seen.as_ref()).level, level, "{at:?}");
        }
    }

    #[test]
    fn a_boot_without_a_name_is_broken() {
        assert_eq!(boot(Ok("3f".into())).level, Level::Ok);
        assert_eq!(boot(Ok(String::new())).level, Level::Broken);
        assert_eq!(boot(Err("no such file".into())).level, Level::Broken);
    }
}
