//! The twelve statuses of an Azure ML job, and which may follow which.
//!
//! Source: the `JobStatus` enum of the Azure ML REST API. Azure enforces a strict order but
//! publishes no table; this one is jobd's, made from the order that users observe.

use serde::{Deserialize, Serialize};

/// The status of a job, under Azure ML's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// Accepted and stored; nothing has been done for it yet.
    NotStarted,
    /// Its plan of steps has been made.
    Starting,
    /// A remote compute is being made for it (remote computes only).
    Provisioning,
    /// Its code, inputs or environment are being prepared.
    Preparing,
    /// It waits for a slot.
    Queued,
    /// Its command runs.
    Running,
    /// Its command has ended and its outputs are being completed.
    Finalizing,
    /// A cancel was accepted; its processes may still be alive.
    CancelRequested,
    /// Ended with success.
    Completed,
    /// Ended without success.
    Failed,
    /// Ended by a cancel or by its time limit.
    Canceled,
    /// Its heartbeat or its supervisor has fallen silent; it may come back.
    NotResponding,
}

impl Status {
    /// All statuses, in the order of a job's life.
    pub const ALL: [Status; 12] = [
        Status::NotStarted,
        Status::Starting,
        Status::Provisioning,
        Status::Preparing,
        Status::Queued,
        Status::Running,
        Status::Finalizing,
        Status::CancelRequested,
        Status::Completed,
        Status::Failed,
        Status::Canceled,
        Status::NotResponding,
    ];

    /// The name that Azure ML and every file and table of jobd use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::NotStarted => "NotStarted",
            Status::Starting => "Starting",
            Status::Provisioning => "Provisioning",
            Status::Preparing => "Preparing",
            Status::Queued => "Queued",
            Status::Running => "Running",
            Status::Finalizing => "Finalizing",
            Status::CancelRequested => "CancelRequested",
            Status::Completed => "Completed",
            Status::Failed => "Failed",
            Status::Canceled => "Canceled",
            Status::NotResponding => "NotResponding",
        }
    }

    /// The status of that name, in any case of letters.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Status> {
        Status::ALL
            .into_iter()
            .find(|status| status.name().eq_ignore_ascii_case(name))
    }

    /// Whether a job in this status has ended for good.
    ///
    /// `NotResponding` is not final here: Azure's own enum says that a run may leave it.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Status::Completed | Status::Failed | Status::Canceled)
    }

    /// The statuses that may follow this one: the transition table.
    #[must_use]
    pub fn successors(self) -> &'static [Status] {
        use Status::{
            CancelRequested, Canceled, Completed, Failed, Finalizing, NotResponding, NotStarted,
            Preparing, Provisioning, Queued, Running, Starting,
        };
        match self {
            NotStarted => &[Starting, CancelRequested, Failed],
            Starting => &[Provisioning, Preparing, Queued, CancelRequested, Failed],
            Provisioning => &[Preparing, Queued, CancelRequested, Failed],
            Preparing => &[
                Queued,
                Running,
                CancelRequested,
                Failed,
                Canceled,
                NotResponding,
            ],
            Queued => &[Preparing, Running, CancelRequested, Failed],
            Running => &[Finalizing, CancelRequested, Failed, NotResponding],
            Finalizing => &[Completed, Failed, Canceled, CancelRequested, NotResponding],
            CancelRequested => &[Canceled, Finalizing, Completed, Failed],
            NotResponding => &[
                NotStarted,
                Starting,
                Provisioning,
                Preparing,
                Queued,
                Running,
                Finalizing,
                CancelRequested,
                Completed,
                Failed,
                Canceled,
            ],
            Completed | Failed | Canceled => &[],
        }
    }

    /// Whether `next` may follow this status.
    #[must_use]
    pub fn may_become(self, next: Status) -> bool {
        self.successors().contains(&next)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// One step of a job's life, stamped and kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The status that was entered.
    pub status: Status,
    /// When, in microseconds since the Unix epoch. Displayed, never compared.
    pub at: i64,
    /// Why, where there is more to say than the status itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn terminal_statuses_have_no_successor_and_all_others_have_one() {
        for status in Status::ALL {
            assert_eq!(
                status.is_terminal(),
                status.successors().is_empty(),
                "{status}"
            );
        }
    }

    #[test]
    fn every_status_can_be_reached_from_not_started() {
        let mut reached = vec![Status::NotStarted];
        let mut next = 0;
        while next < reached.len() {
            for status in reached[next].successors() {
                if !reached.contains(status) {
                    reached.push(*status);
                }
            }
            next += 1;
        }
        assert_eq!(reached.len(), Status::ALL.len());
    }

    #[test]
    fn every_live_status_can_reach_an_end() {
        for status in Status::ALL {
            let ends = status.is_terminal()
                || status.successors().iter().any(|next| {
                    next.is_terminal() || next.successors().iter().any(|n| n.is_terminal())
                });
            assert!(ends || status == Status::NotStarted, "{status}");
        }
    }

    #[test]
    fn the_whole_table() {
        let mut table = String::new();
        for from in Status::ALL {
            let names: Vec<_> = from
                .successors()
                .iter()
                .map(|status| status.name())
                .collect();
            table.push_str(&format!("{from:<15} -> {}\n", names.join(" ")));
        }
        insta::assert_snapshot!(table);
    }
}
