//! How the other rooms speak to the engine.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;

use proto::api::ApiError;
use proto::job::limits::Priority;
use proto::status::Status;
use tokio::sync::{broadcast, oneshot, watch};

use crate::core::event::Force;
use crate::core::{Answer, Definition, Event, Job, JobId};
use crate::store::NewAsset;

/// How many changes a slow follower may lag behind before it must look again.
const CHANGES_MAX: usize = 4_096;

/// A valid job that asks to be admitted.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The name that the user wants; one is made when there is none.
    pub name: Option<String>,
    /// Whose it is.
    pub uid: u32,
    /// Its priority.
    pub priority: Priority,
    /// Whether something must be prepared before it can run.
    pub prepares: bool,
    /// Whether what it makes must be brought somewhere.
    pub finalizes: bool,
    /// Its time limit in seconds.
    pub limit_secs: Option<u64>,
    /// The key under which the spool admits a file exactly once.
    pub spool_key: Option<String>,
    /// What is stored of it.
    pub definition: Arc<Definition>,
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitAnswer {
    /// Durable: the jobs' names, in the order in which they came.
    Admitted(Vec<String>),
    /// The spool file was admitted before.
    Known,
}

/// A message to the engine.
pub enum Input {
    /// News of steps: what belongs together comes together.
    News(Vec<Event>),
    /// Jobs to admit, all or none.
    Submit(
        Vec<Candidate>,
        oneshot::Sender<Result<SubmitAnswer, ApiError>>,
    ),
    /// A job to end.
    Cancel(JobId, Force, oneshot::Sender<Result<Answer, ApiError>>),
    /// An ended job to be finalized once more.
    RetryFinalize(JobId, oneshot::Sender<Result<Answer, ApiError>>),
    /// The queue to stop (true) or start (false).
    Pause(bool, oneshot::Sender<Result<Answer, ApiError>>),
    /// An ended job to hide or to show.
    SetArchived(JobId, bool, oneshot::Sender<Result<Answer, ApiError>>),
    /// Folders of ended jobs to be given up.
    Prune(Vec<JobId>, oneshot::Sender<Result<Answer, ApiError>>),
    /// Folders that are gone.
    Swept(Vec<JobId>, oneshot::Sender<Result<Answer, ApiError>>),
    /// An asset to register; the answer is its version.
    Register(Box<NewAsset>, oneshot::Sender<Result<String, ApiError>>),
    /// A version of an asset to hide or to show, or all of them.
    SetAssetArchived(
        String,
        Option<String>,
        bool,
        oneshot::Sender<Result<Answer, ApiError>>,
    ),
    /// A sign of life is wanted.
    Ping(oneshot::Sender<Result<(), ApiError>>),
    /// The end of the daemon.
    Shutdown,
}

/// A submission whose answer is waited for.
#[derive(Debug)]
pub struct Submission(Option<oneshot::Receiver<Result<SubmitAnswer, ApiError>>>);

impl Submission {
    /// Waits for the answer; blocks the thread.
    ///
    /// # Errors
    /// As [`Handle::submit`].
    pub fn wait(self) -> Result<SubmitAnswer, ApiError> {
        let answer = self.0.ok_or_else(ended)?;
        answer.blocking_recv().map_err(|_| ended())?
    }
}

/// A job's status after a change became durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The job's number.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: Status,
    /// The exit code of a client that follows it; none while it lives.
    pub exit_code: Option<i32>,
    /// How it ended.
    pub message: Option<String>,
}

impl Change {
    /// The change that a job's present state is.
    #[must_use]
    pub fn of(job: &Job) -> Change {
        let outcome = job.end.as_ref().map(|end| &end.outcome);
        Change {
            id: job.id,
            name: job.name.clone(),
            status: job.status,
            exit_code: outcome.map(proto::outcome::Outcome::exit_code),
            message: outcome.map(proto::outcome::Outcome::describe),
        }
    }
}

/// Numbers for `status`, as of the last commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// How many commands run at once.
    pub slots: usize,
    /// How many slots are taken.
    pub slots_used: usize,
    /// Jobs that wait.
    pub queued: usize,
    /// Whether the queue is paused.
    pub paused: bool,
}

/// Speaks to the engine; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    inbox: mpsc::Sender<Input>,
    changes: broadcast::Sender<Change>,
    snapshot: watch::Receiver<Snapshot>,
    store: PathBuf,
}

/// The engine's ends of the channels.
pub(super) struct Ends {
    pub inbox: mpsc::Receiver<Input>,
    pub changes: broadcast::Sender<Change>,
    pub snapshot: watch::Sender<Snapshot>,
}

/// Makes the channels. The inbox has no bound of its own: each connection has one request under
/// way, the spool one batch, and each live job one piece of news, and all of those are bounded.
pub(super) fn channels(store: PathBuf) -> (Handle, Ends) {
    let (sender, inbox) = mpsc::channel();
    let (changes, _) = broadcast::channel(CHANGES_MAX);
    let (snapshot, observed) = watch::channel(Snapshot::default());
    let handle = Handle {
        inbox: sender,
        changes: changes.clone(),
        snapshot: observed,
        store,
    };
    (
        handle,
        Ends {
            inbox,
            changes,
            snapshot,
        },
    )
}

impl Handle {
    /// Admits jobs, all or none, and answers once they are durable.
    ///
    /// # Errors
    /// `NameTaken`, `LimitReached` or `Unavailable`.
    pub async fn submit(&self, jobs: Vec<Candidate>) -> Result<SubmitAnswer, ApiError> {
        self.ask(|reply| Input::Submit(jobs, reply)).await
    }

    /// The same for a thread that may block: the answer is waited for later, so that many
    /// submissions share a commit.
    #[must_use]
    pub fn submit_later(&self, jobs: Vec<Candidate>) -> Submission {
        let (reply, answer) = oneshot::channel();
        let sent = self.inbox.send(Input::Submit(jobs, reply));
        Submission(sent.is_ok().then_some(answer))
    }

    /// The same, with the answer sent to `reply`; never answered when the engine has ended.
    pub fn submit_for(
        &self,
        jobs: Vec<Candidate>,
        reply: oneshot::Sender<Result<SubmitAnswer, ApiError>>,
    ) {
        if self.inbox.send(Input::Submit(jobs, reply)).is_err() {
            tracing::debug!("a submission after the engine's end");
        }
    }

    /// Waits until the engine has made a round: it lives.
    ///
    /// # Errors
    /// `Unavailable` when it has ended.
    pub async fn ping(&self) -> Result<(), ApiError> {
        self.ask(Input::Ping).await
    }

    /// Asks for the end of a job.
    ///
    /// # Errors
    /// `BadStatus` or `Unavailable`.
    pub async fn cancel(&self, id: JobId, force: Force) -> Result<Answer, ApiError> {
        self.ask(|reply| Input::Cancel(id, force, reply)).await
    }

    /// Finalizes an ended job once more.
    ///
    /// # Errors
    /// `BadStatus`, `LimitReached` or `Unavailable`.
    pub async fn retry_finalize(&self, id: JobId) -> Result<Answer, ApiError> {
        self.ask(|reply| Input::RetryFinalize(id, reply)).await
    }

    /// Stops or starts the queue.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn pause(&self, paused: bool) -> Result<Answer, ApiError> {
        self.ask(|reply| Input::Pause(paused, reply)).await
    }

    /// Hides or shows an ended job.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn set_archived(&self, id: JobId, archived: bool) -> Result<Answer, ApiError> {
        self.ask(|reply| Input::SetArchived(id, archived, reply))
            .await
    }

    /// Registers an asset and answers with its version once that is durable.
    ///
    /// # Errors
    /// `AssetExists` or `Unavailable`.
    pub async fn register(&self, asset: NewAsset) -> Result<String, ApiError> {
        self.ask(|reply| Input::Register(Box::new(asset), reply))
            .await
    }

    /// Hides or shows a version of an asset; all of them when none is named.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn set_asset_archived(
        &self,
        name: String,
        version: Option<String>,
        archived: bool,
    ) -> Result<Answer, ApiError> {
        self.ask(|reply| Input::SetAssetArchived(name, version, archived, reply))
            .await
    }

    /// Gives the folders of ended jobs up, durably; blocks the thread.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn prune(&self, ids: Vec<JobId>) -> Result<Answer, ApiError> {
        self.ask_blocking(|reply| Input::Prune(ids, reply))
    }

    /// Notes that the folders of pruned jobs are gone; blocks the thread.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn swept(&self, ids: Vec<JobId>) -> Result<Answer, ApiError> {
        self.ask_blocking(|reply| Input::Swept(ids, reply))
    }

    fn ask_blocking<T>(
        &self,
        input: impl FnOnce(oneshot::Sender<Result<T, ApiError>>) -> Input,
    ) -> Result<T, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.inbox.send(input(reply)).map_err(|_| ended())?;
        answer.blocking_recv().map_err(|_| ended())?
    }

    /// Reports news of steps. Without an engine nobody needs it: the next one looks for itself.
    pub fn news(&self, events: Vec<Event>) {
        if self.inbox.send(Input::News(events)).is_err() {
            tracing::debug!("news of steps after the engine's end");
        }
    }

    /// Asks the engine to end.
    pub fn shut_down(&self) {
        if self.inbox.send(Input::Shutdown).is_err() {
            tracing::debug!("the engine has ended already");
        }
    }

    /// Every change of a status from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// The numbers for `status`.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        *self.snapshot.borrow()
    }

    /// The store, for readers.
    #[must_use]
    pub fn store(&self) -> &std::path::Path {
        &self.store
    }

    async fn ask<T>(
        &self,
        input: impl FnOnce(oneshot::Sender<Result<T, ApiError>>) -> Input,
    ) -> Result<T, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.inbox.send(input(reply)).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

/// Why there is no answer.
pub fn ended() -> ApiError {
    ApiError::Unavailable {
        reason: "the daemon is shutting down".into(),
    }
}
