//! What each method does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use proto::api::{
    ApiError, Canceling, Dumped, Empty, LIST_JOBS_DEFAULT, LIST_JOBS_MAX, List, Listed, Request,
    SUBMIT_JOBS_MAX, Shown, StatusReply, Submit, Submitted, SubmittedJob, WATCH_NAMES_MAX,
};
use proto::stage::StageSettings;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use super::policy::{self, Caller};
use super::watch::Watching;
use super::{describe, view};
use crate::admission;
use crate::core::event::Force;
use crate::core::{Answer, JobId};
use crate::engine::{Candidate, Handle, SubmitAnswer, ended};
use crate::layout::Layout;
use crate::machine;
use crate::store::{Page, Reader, Resolution, Row, StoreError};

/// What `status` says that never changes while the daemon runs.
#[derive(Debug, Clone)]
pub struct DaemonFacts {
    /// Microseconds since the Unix epoch.
    pub started_at: i64,
    /// The paths the daemon uses, by name.
    pub paths: BTreeMap<String, String>,
    /// What is weaker on this machine.
    pub notes: Vec<String>,
}

/// The service behind every connection.
#[derive(Debug, Clone)]
pub struct Service {
    engine: Handle,
    layout: Layout,
    reader: Arc<Mutex<Reader>>,
    facts: Arc<DaemonFacts>,
    settings: Arc<StageSettings>,
}

/// What a method gives.
pub enum Given {
    /// One reply.
    One(Value),
    /// A stream of replies.
    Many(Watching),
}

impl Service {
    /// A service over the engine and its store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(
        engine: Handle,
        layout: Layout,
        facts: DaemonFacts,
        settings: Arc<StageSettings>,
    ) -> Result<Service, StoreError> {
        let reader = Arc::new(Mutex::new(Reader::open(engine.store())?));
        Ok(Service {
            engine,
            layout,
            reader,
            facts: Arc::new(facts),
            settings,
        })
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Handle {
        &self.engine
    }

    /// What the configuration says about stages.
    pub(super) fn settings(&self) -> &Arc<StageSettings> {
        &self.settings
    }

    /// Where everything is.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Carries out a request.
    ///
    /// # Errors
    /// What the caller is told.
    pub async fn carry_out(&self, caller: Caller, request: Request) -> Result<Given, ApiError> {
        policy::check(caller, &request)?;
        match request {
            Request::GetInfo(_) => one(&describe::info()),
            Request::GetInterfaceDescription(asked) => one(&describe::interface(&asked.interface)?),
            Request::Submit(submit) => one(&self.submit(caller, submit).await?),
            Request::List(list) => one(&self.list(caller, list).await?),
            Request::Show(show) => {
                let row = self.row(caller, show.name).await?;
                let id = row.job.id;
                let reports = self.read(move |reader| reader.reports(id)).await?;
                one(&Shown {
                    job: view::job(&row, &reports, &self.layout),
                })
            }
            Request::Watch(watch) => Ok(Given::Many(self.watch(caller, watch.names).await?)),
            Request::Cancel(cancel) => {
                let force = match cancel.force {
                    Some(true) => Force::Now,
                    _ => Force::Grace,
                };
                one(&self.cancel(caller, cancel.name, force).await?)
            }
            Request::Archive(archive) => self.archive(caller, archive.name, true).await,
            Request::Restore(restore) => self.archive(caller, restore.name, false).await,
            Request::Dump(dump) => {
                let row = self.row(caller, dump.name).await?;
                one(&Dumped {
                    yaml: admission::dump(&row),
                })
            }
            Request::Rerun(rerun) => one(&self.rerun(caller, rerun.name).await?),
            Request::RetryFinalize(retry) => one(&self.retry_finalize(caller, retry.name).await?),
            Request::CreateData(create) => one(&self.create_data(caller, create).await?),
            Request::ListData(list) => one(&self.list_data(list).await?),
            Request::ShowData(show) => one(&self.show_data(show.name, show.version).await?),
            Request::ArchiveData(asset) => {
                one(&self.archive_data(asset.name, asset.version, true).await?)
            }
            Request::RestoreData(asset) => {
                one(&self.archive_data(asset.name, asset.version, false).await?)
            }
            Request::ListEnvironments(list) => one(&self.list_environments(list).await?),
            Request::ShowEnvironment(show) => one(&self.show_environment(show).await?),
            Request::Status(_) => one(&self.status()),
            Request::Pause(_) => self.pause(true).await,
            Request::Resume(_) => self.pause(false).await,
            Request::Shutdown(_) => one(&Empty {}),
        }
    }

    /// Reads the store on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let reader = Arc::clone(&self.reader);
        let read = move || query(&reader.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(read).await;
        joined
            .map_err(|error| ApiError::Unavailable {
                reason: error.to_string(),
            })?
            .map_err(|error| ApiError::Unavailable {
                reason: error.to_string(),
            })
    }

    async fn submit(&self, caller: Caller, submit: Submit) -> Result<Submitted, ApiError> {
        if submit.jobs.len() > SUBMIT_JOBS_MAX {
            let max = i64::try_from(SUBMIT_JOBS_MAX).unwrap_or(i64::MAX);
            return Err(ApiError::LimitReached {
                limit: "submit_jobs_max".into(),
                max,
            });
        }
        let (reply, answer) = oneshot::channel();
        let (engine, settings) = (self.engine.clone(), Arc::clone(&self.settings));
        let hand_over = move |read: Result<Vec<Candidate>, _>| {
            let candidates = read.map_err(|diagnostics| ApiError::InvalidJob { diagnostics })?;
            let notes = candidates.iter().map(|one| one.definition.notes.clone());
            let notes: Vec<_> = notes.collect();
            engine.submit_for(candidates, reply);
            Ok(notes)
        };
        let at_once = match &submit.jobs[..] {
            [one] => admission::read_at_once(one, caller.uid, &settings),
            _ => None,
        };
        let (notes, answer) = if let Some(read) = at_once {
            let notes: Vec<_> = hand_over(read.map(|one| vec![one]))?;
            (notes, answer.await)
        } else {
            // The thread that reads the jobs hands them over: no other is woken on the way.
            let read = move || hand_over(admission::read_all(submit.jobs, caller.uid, &settings));
            let reading = tokio::task::spawn_blocking(read);
            // When it comes, or cannot come any more, the jobs have been read.
            let answer = answer.await;
            let joined = reading.await.map_err(|error| ApiError::Unavailable {
                reason: error.to_string(),
            });
            (joined??, answer)
        };
        let names = match answer.map_err(|_| ended())?? {
            SubmitAnswer::Admitted(names) => names,
            SubmitAnswer::Known => Vec::new(),
        };
        let jobs = names.into_iter().zip(notes);
        Ok(Submitted {
            jobs: jobs
                .map(|(name, notes)| SubmittedJob { name, notes })
                .collect(),
        })
    }

    async fn list(&self, caller: Caller, list: List) -> Result<Listed, ApiError> {
        let limit = list
            .max_results
            .unwrap_or(LIST_JOBS_DEFAULT)
            .clamp(1, LIST_JOBS_MAX);
        let archived = match (list.archived_only, list.include_archived) {
            (Some(true), _) => Some(true),
            (_, Some(true)) => None,
            _ => Some(false),
        };
        let page = Page {
            uid: caller.sees(),
            before: list.before,
            limit: limit + 1,
            statuses: list.statuses,
            archived,
        };
        let mut rows = self.read(move |reader| reader.page(&page)).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_before = rows.last().filter(|_| more).map(|row| row.job.id);
        Ok(Listed {
            jobs: rows.iter().map(view::summary).collect(),
            next_before,
        })
    }

    async fn watch(&self, caller: Caller, names: Vec<String>) -> Result<Watching, ApiError> {
        if names.is_empty() || names.len() > WATCH_NAMES_MAX {
            let parameter = format!("names: 1 to {WATCH_NAMES_MAX} are allowed");
            return Err(ApiError::InvalidParameter { parameter });
        }
        let mut ids = Vec::with_capacity(names.len());
        for name in names {
            ids.push(self.resolve(caller, name).await?);
        }
        Watching::begin(self, ids).await
    }

    async fn cancel(
        &self,
        caller: Caller,
        name: String,
        force: Force,
    ) -> Result<Canceling, ApiError> {
        let id = self.resolve(caller, name.clone()).await?;
        let answer = self.engine.cancel(id, force).await?;
        let row = self.row_of(id, &name).await?;
        match answer {
            Answer::NotLive if row.job.status != proto::status::Status::Canceled => {
                Err(ApiError::BadStatus {
                    name: row.job.name,
                    status: row.job.status.to_string(),
                    reason: "it has ended already".into(),
                })
            }
            Answer::Canceling(status) => Ok(Canceling {
                name: row.job.name,
                status,
            }),
            _ => Ok(Canceling {
                name: row.job.name,
                status: row.job.status,
            }),
        }
    }

    async fn archive(
        &self,
        caller: Caller,
        name: String,
        archived: bool,
    ) -> Result<Given, ApiError> {
        let row = self.row(caller, name).await?;
        if !row.job.status.is_terminal() {
            return Err(ApiError::BadStatus {
                name: row.job.name,
                status: row.job.status.to_string(),
                reason: "only jobs that have ended can be archived".into(),
            });
        }
        self.engine.set_archived(row.job.id, archived).await?;
        one(&Empty {})
    }

    async fn pause(&self, paused: bool) -> Result<Given, ApiError> {
        self.engine.pause(paused).await?;
        one(&Empty {})
    }

    fn status(&self) -> StatusReply {
        let snapshot = self.engine.snapshot();
        StatusReply {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            started_at: view::rfc3339(self.facts.started_at),
            paused: snapshot.paused,
            slots: snapshot.slots,
            slots_used: snapshot.slots_used,
            queued: snapshot.queued,
            running: snapshot.slots_used,
            paths: self.facts.paths.clone(),
            machine: machine::look(),
            notes: self.facts.notes.clone(),
        }
    }

    pub(super) async fn row(&self, caller: Caller, name: String) -> Result<Row, ApiError> {
        let id = self.resolve(caller, name.clone()).await?;
        self.row_of(id, &name).await
    }

    async fn row_of(&self, id: JobId, name: &str) -> Result<Row, ApiError> {
        let row = self.read(move |reader| reader.job(id)).await?;
        row.ok_or_else(|| ApiError::NoSuchJob {
            name: name.to_owned(),
        })
    }

    async fn resolve(&self, caller: Caller, name: String) -> Result<JobId, ApiError> {
        let asked = name.clone();
        match self
            .read(move |reader| reader.resolve(&asked, caller.sees()))
            .await?
        {
            Resolution::Job(id) => Ok(id),
            Resolution::Nothing => Err(ApiError::NoSuchJob { name }),
            Resolution::Several(candidates) => Err(ApiError::AmbiguousName { name, candidates }),
        }
    }
}

fn one<T: Serialize>(reply: &T) -> Result<Given, ApiError> {
    serde_json::to_value(reply)
        .map(Given::One)
        .map_err(|error| ApiError::Unavailable {
            reason: error.to_string(),
        })
}
