//! Which jobs use an environment: a file for each of them in a folder beside it, made while the
//! environment is locked. It says when the job's order was written, so that whoever has an order
//! of his own knows of a job that is not among the [`Others`] of it whether it has ended or has
//! come since.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use proto::stage::{Others, StageOrder};

use crate::sys::{atomic, clock, folder};

/// The most bytes of a file.
const BYTES: u64 = 256;

/// The users of one environment.
pub(super) struct Users {
    folder: PathBuf,
}

impl Users {
    /// Those of the environment in that folder.
    pub(super) fn of(environment: &Path) -> Users {
        Users {
            folder: environment.with_extension("jobs"),
        }
    }

    /// Adds a job, and forgets those that have ended.
    pub(super) fn add(&self, order: &StageOrder) -> io::Result<()> {
        folder::make(&self.folder)?;
        self.forget_ended(order);
        // Later than it was does no harm.
        let others = order.others.as_ref();
        let at_ms = others.map_or_else(clock::monotonic_ms, |others| others.at_ms);
        let moment = format!("{} {at_ms}", boot());
        atomic::write_at(File::open(&self.folder)?, &order.job, moment.as_bytes())
    }

    /// Whether no job uses it. Where nobody can tell, one may.
    pub(super) fn are_none(&self, order: &StageOrder) -> bool {
        self.forget_ended(order);
        // A folder with a file in it is not removed.
        order.others.is_some() && (!self.folder.exists() || fs::remove_dir(&self.folder).is_ok())
    }

    fn forget_ended(&self, order: &StageOrder) {
        let Some(others) = &order.others else {
            return;
        };
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let may_use = name.to_str().is_some_and(|job| {
                job == order.job || others.jobs.iter().any(|other| other == job)
            });
            if !may_use && !is_newer(&entry.path(), others) {
                // One that stays keeps its environment from being given up, and no more.
                drop(fs::remove_file(entry.path()));
            }
        }
    }
}

/// Whether that job's order was written after this one's. Another boot was before this one.
fn is_newer(path: &Path, others: &Others) -> bool {
    let bytes = atomic::read_bounded(path, BYTES).ok().flatten();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let moment = text.as_deref().and_then(|text| text.split_once(' '));
    moment.is_some_and(|(of, at_ms)| {
        of == boot() && at_ms.parse().is_ok_and(|at_ms: u64| at_ms >= others.at_ms)
    })
}

fn boot() -> String {
    clock::boot_id().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::stage::{FinalizeOrder, StageSettings, Work};

    fn order(job: &str, at_ms: u64, jobs: &[&str]) -> StageOrder {
        let jobs = jobs.iter().map(ToString::to_string).collect();
        StageOrder {
            job: job.into(),
            folder: "/job".into(),
            base_path: "/".into(),
            cache: "/cache".into(),
            settings: StageSettings::default(),
            work: Work::Finalize(FinalizeOrder::default()),
            others: Some(Others { at_ms, jobs }),
        }
    }

    #[test]
    fn a_job_is_a_user_until_it_has_ended() {
        let room = std::env::temp_dir().join(format!("jobd-users-{}", std::process::id()));
        let users = Users::of(&room);
        assert!(users.are_none(&order("first", 10, &[])), "of what is new");
        users.add(&order("first", 10, &["first"])).unwrap();
        assert!(!users.are_none(&order("second", 20, &["first", "second"])));
        assert!(
            !users.are_none(&order("second", 5, &["second"])),
            "it came since"
        );
        assert!(!users.are_none(&order("first", 20, &[])), "oneself");
        let nobody_knows = StageOrder {
            others: None,
            ..order("second", 20, &[])
        };
        assert!(!users.are_none(&nobody_knows));
        users.add(&nobody_knows).unwrap();
        assert!(!users.are_none(&order("third", 30, &["second", "third"])));
        let folder = room.with_extension("jobs");
        fs::write(folder.join("old"), "another-boot 99").unwrap();
        users
            .add(&order("second", 20, &["first", "second"]))
            .unwrap();
        assert_eq!(
            fs::read_dir(&folder).unwrap().count(),
            1,
            "the old ones are gone"
        );
        assert!(users.are_none(&order("third", 30, &["third"])));
        assert!(!folder.exists());
    }
}
