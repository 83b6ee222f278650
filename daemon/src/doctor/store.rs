//! The store: there, of a version that this release knows, and whole.

use std::fmt::Display;
use std::fs;
use std::io;

use proto::finding::Finding;

use crate::layout::Layout;
use crate::state;
use crate::store::{self, Access, Inspection, Missing, StoreError};

const CHECK: &str = "store";
const MIB: u64 = 1 << 20;
const RECOVER: &str = "end the daemon (jobctl shutdown), then rebuild it: jobd recover";

/// The time of the newest job in microseconds since the Unix epoch, and what is to be said.
pub(super) fn check(layout: &Layout, daemon_runs: bool) -> (Option<i64>, Vec<Finding>) {
    let path = layout.store();
    let size = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return (None, vec![unreadable(layout, &error)]),
    };
    let mut inspected = look(layout, size, daemon_runs);
    // A daemon that has started meanwhile moves what is read without its locks.
    if !daemon_runs && !is_whole(&inspected) && !matches!(state::holder(layout), Ok(None)) {
        inspected = look(layout, size, true);
    }
    if let Err(StoreError::Lost { .. }) = inspected {
        let lost = state::when_missing(layout).is_ok_and(|missing| missing == Missing::Refuse);
        return (None, vec![judge_missing(layout, lost)]);
    }
    let newest = inspected.as_ref().ok().and_then(|found| found.newest);
    (newest, vec![judge(layout, size, inspected)])
}

fn look(layout: &Layout, size: u64, daemon_runs: bool) -> Result<Inspection, StoreError> {
    let path = layout.store();
    if size == 0 {
        return Err(StoreError::Lost { path });
    }
    let access = match daemon_runs {
        true => Access::Shared,
        false => Access::Alone,
    };
    store::inspect(&path, access)
}

fn is_whole(inspected: &Result<Inspection, StoreError>) -> bool {
    inspected
        .as_ref()
        .is_ok_and(|found| found.faults.is_empty())
}

fn unreadable(layout: &Layout, error: &dyn Display) -> Finding {
    Finding::broken(
        CHECK,
        format!("{} cannot be opened: {error}", layout.store().display()),
        "no daemon starts",
        "let the user who runs jobd read and write it",
    )
}

fn judge_missing(layout: &Layout, lost: bool) -> Finding {
    let path = layout.store();
    let path = path.display();
    if !lost {
        return Finding::ok(CHECK, format!("{path} is made when a daemon starts"));
    }
    Finding::broken(
        CHECK,
        format!("{path} is missing or empty, but there are folders of jobs"),
        "no daemon starts: the jobs would be forgotten",
        "rebuild it from the jobs' folders: jobd recover",
    )
}

fn judge(layout: &Layout, size: u64, inspected: Result<Inspection, StoreError>) -> Finding {
    const DAMAGED: &str = "jobs may not be found, and no daemon may start";
    let path = layout.store();
    let path = path.display();
    match inspected {
        Ok(Inspection {
            faults, version, ..
        }) if faults.is_empty() => Finding::ok(
            CHECK,
            format!(
                "{path} is whole: version {version}, {} MiB",
                size.div_ceil(MIB)
            ),
        ),
        Ok(Inspection { faults, .. }) => {
            let found = format!(
                "{path} is damaged: {}",
                faults.join("; ").replace('\n', " ")
            );
            Finding::broken(CHECK, found, DAMAGED, RECOVER)
        }
        Err(StoreError::Newer { found, known, .. }) => Finding::broken(
            CHECK,
            format!("{path} has version {found}, this release knows {known}"),
            "this release does not start here; nothing is changed or lost",
            "use the newer jobd again",
        ),
        Err(StoreError::Damaged { reason, .. }) => {
            let found = format!("{path} is damaged: {reason}");
            Finding::broken(CHECK, found, DAMAGED, RECOVER)
        }
        Err(StoreError::Open { source, .. }) => unreadable(layout, &source),
        Err(StoreError::Unindexed { .. }) => Finding::weaker(
            CHECK,
            format!("{path} was not checked: its log has no index beside it"),
            "whether the store is whole is not known: it cannot be read without a change",
            "start a daemon (jobctl list), which reads the log, then ask again",
        ),
        Err(error) => Finding::broken(
            CHECK,
            error.to_string(),
            "whether the store is whole is not known",
            "look at the disk, then try again; if it stays so, jobd recover",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::finding::Level;

    fn judged(inspected: Result<Inspection, StoreError>) -> Finding {
        judge(&Layout::new("/s".into()), 5 * MIB, inspected)
    }

    fn inspection(faults: &[&str]) -> Result<Inspection, StoreError> {
        Ok(Inspection {
            version: 1,
            faults: faults.iter().map(|fault| (*fault).to_owned()).collect(),
            newest: None,
        })
    }

    #[test]
    fn a_whole_store_says_its_size() {
        let finding = judged(inspection(&[]));
        assert_eq!(finding.level, Level::Ok);
        assert!(finding.found.contains("version 1, 5 MiB"), "{finding:?}");
    }

    #[test]
    fn damage_names_the_way_out_and_a_newer_store_another() {
        let path = || "/s/jobd.db".into();
        let damaged = StoreError::Damaged {
            path: path(),
            reason: "bad".into(),
        };
        for finding in [judged(inspection(&["page 3"])), judged(Err(damaged))] {
            assert_eq!(finding.level, Level::Broken);
            assert!(finding.advice.contains("jobd recover"), "{finding:?}");
        }
        let newer = judged(Err(StoreError::Newer {
            path: path(),
            found: 9,
            known: 1,
        }));
        assert_eq!(newer.level, Level::Broken);
        assert!(!newer.advice.contains("recover"), "{newer:?}");
    }

    #[test]
    fn a_log_without_an_index_is_left_to_a_daemon() {
        let path = "/s/jobd.db".into();
        let finding = judged(Err(StoreError::Unindexed { path }));
        assert_eq!(finding.level, Level::Weaker);
    }

    #[test]
    fn a_missing_store_is_lost_only_where_jobs_have_been() {
        let layout = Layout::new("/s".into());
        assert_eq!(judge_missing(&layout, false).level, Level::Ok);
        assert_eq!(judge_missing(&layout, true).level, Level::Broken);
    }
}
