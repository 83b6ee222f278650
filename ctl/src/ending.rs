//! How jobctl ends: the kinds of exit codes.

use proto::api::Changed;
use proto::outcome::EXIT_OWN_ERROR;
use proto::status::Status;

const SIGINT: u8 = 2;
const SIGPIPE: u8 = 13;
const SIGNAL_BASE: u8 = 128;
const OWN_ERROR: u8 = EXIT_OWN_ERROR as u8;

/// Why jobctl ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// What was asked for is done.
    Done,
    /// A followed job has ended; the code is its own.
    Job(u8),
    /// Not all jobs that were waited for are Completed.
    NotAllCompleted,
    /// A look at the machine found something broken.
    Broken,
    /// The user left.
    Interrupted,
    /// The reader of our output left.
    OutputClosed,
    /// An error of our own; it has been told.
    OwnError,
}

impl Ending {
    /// The exit code of the process.
    pub fn code(self) -> u8 {
        match self {
            Ending::Done => 0,
            Ending::Job(code) => code,
            Ending::NotAllCompleted | Ending::Broken => 1,
            Ending::Interrupted => SIGNAL_BASE + SIGINT,
            Ending::OutputClosed => SIGNAL_BASE + SIGPIPE,
            Ending::OwnError => OWN_ERROR,
        }
    }

    /// The ending that a job's end means for a client that followed it.
    pub fn of_job(change: &Changed) -> Ending {
        match (change.exit_code, change.status) {
            (Some(code), _) => Ending::Job(u8::try_from(code).unwrap_or(OWN_ERROR)),
            (None, Status::Completed) => Ending::Job(0),
            // The end of the job is known, its cause is not: never a success.
            (None, _) => Ending::OwnError,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(status: Status, exit_code: Option<i32>) -> Changed {
        Changed {
            name: "a".into(),
            status,
            exit_code,
            message: None,
            job_path: "/jobs/a".into(),
        }
    }

    #[test]
    fn a_followed_job_gives_its_own_exit_code() {
        for (status, exit_code, expected) in [
            (Status::Completed, Some(0), 0),
            (Status::Completed, None, 0),
            (Status::Failed, Some(3), 3),
            (Status::Failed, Some(128 + 11), 139),
            (Status::Canceled, Some(124), 124),
            (Status::Failed, Some(127), 127),
            (Status::Failed, None, 125),
            (Status::Failed, Some(-1), 125),
            (Status::Failed, Some(256), 125),
        ] {
            let code = Ending::of_job(&changed(status, exit_code)).code();
            assert_eq!(code, expected, "{status} {exit_code:?}");
        }
    }

    #[test]
    fn endings_of_our_own_are_told_apart() {
        assert_eq!(Ending::Done.code(), 0);
        assert_eq!(Ending::NotAllCompleted.code(), 1);
        assert_eq!(Ending::Broken.code(), 1);
        assert_eq!(Ending::OwnError.code(), 125);
        assert_eq!(Ending::Interrupted.code(), 130);
        assert_eq!(Ending::OutputClosed.code(), 141);
    }
}
