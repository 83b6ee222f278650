//! Values of every type that crosses the socket: whole ones, with each field, and bare ones, with
//! none that is optional.

use std::collections::BTreeMap;

use proto::api::{
    ApiError, Archive, ArchiveData, Cancel, Canceling, Changed, CreateData, CreationContext, Data,
    Dump, Dumped, Empty, GetInfo, GetInterfaceDescription, Info, InterfaceDescription, JobSummary,
    JobView, List, ListData, ListEnvironments, Listed, ListedData, ListedEnvironments, Method,
    Pause, Provenance, Rerun, Rerunning, Restore, RestoreData, Resume, RetryFinalize, Retrying,
    Show, ShowData, ShowEnvironment, Shown, ShownData, ShownEnvironment, Shutdown, Status,
    StatusReply, Submission, Submit, Submitted, SubmittedJob, Watch,
};
use proto::diagnostic::{Diagnostic, Severity, Span};
use proto::outcome::Outcome;
use proto::stage::{EnvironmentDetail, EnvironmentRefusal, EnvironmentSummary};
use proto::stage::{FinalizeReport, PrepareReport};
use proto::status::{Status as JobStatus, Transition};
use serde_json::{Value, json};

/// A method with its parameters and its reply, whole and bare.
pub struct Sample {
    pub method: &'static str,
    pub whole: (Value, Value),
    pub bare: (Value, Value),
}

fn sample<M: Method>(whole: (M, M::Reply), bare: (M, M::Reply)) -> Sample {
    let value = |(parameters, reply): (M, M::Reply)| {
        (
            serde_json::to_value(parameters).unwrap(),
            serde_json::to_value(reply).unwrap(),
        )
    };
    Sample {
        method: M::NAME,
        whole: value(whole),
        bare: value(bare),
    }
}

/// A method whose types have no optional field.
fn plain<M: Method + Clone>(parameters: M, reply: M::Reply) -> Sample
where
    M::Reply: Clone,
{
    sample((parameters.clone(), reply.clone()), (parameters, reply))
}

/// One sample of every method.
pub fn methods() -> Vec<Sample> {
    let name = || "a".to_owned();
    vec![
        plain(GetInfo {}, info()),
        plain(
            GetInterfaceDescription { interface: name() },
            InterfaceDescription {
                description: name(),
            },
        ),
        sample((submit(true), submitted()), (submit(false), submitted())),
        sample((list(true), listed(true)), (List::default(), listed(false))),
        sample(
            (Show { name: name() }, Shown { job: job(true) }),
            (Show { name: name() }, Shown { job: job(false) }),
        ),
        sample((watch(), changed(true)), (watch(), changed(false))),
        sample((cancel(true), canceling()), (cancel(false), canceling())),
        plain(Archive { name: name() }, Empty {}),
        plain(Restore { name: name() }, Empty {}),
        plain(Dump { name: name() }, Dumped { yaml: name() }),
        sample(
            (create_data(true), ShownData { data: data(true) }),
            (create_data(false), ShownData { data: data(false) }),
        ),
        sample(
            (list_data(true), listed_data(true)),
            (ListData::default(), listed_data(false)),
        ),
        sample(
            (show_data(true), ShownData { data: data(true) }),
            (show_data(false), ShownData { data: data(false) }),
        ),
        sample(
            (archive_data(true), Empty {}),
            (archive_data(false), Empty {}),
        ),
        sample(
            (restore_data(true), Empty {}),
            (restore_data(false), Empty {}),
        ),
        plain(
            Rerun { name: name() },
            Rerunning {
                job: submitted().jobs.remove(0),
            },
        ),
        plain(RetryFinalize { name: name() }, Retrying { name: name() }),
        sample(
            (list_environments(true), listed_environments(true)),
            (list_environments(false), listed_environments(false)),
        ),
        sample(
            (show_environment(true), shown_environment(true)),
            (show_environment(false), shown_environment(false)),
        ),
        plain(Status {}, status()),
        plain(Pause {}, Empty {}),
        plain(Resume {}, Empty {}),
        plain(Shutdown {}, Empty {}),
    ]
}

/// One of every error, in both forms where they differ.
pub fn errors(whole: bool) -> Vec<ApiError> {
    let text = || "a".to_owned();
    let all = vec![
        ApiError::InvalidJob {
            diagnostics: vec![diagnostic(whole)],
        },
        ApiError::NameTaken { name: text() },
        ApiError::NoSuchJob { name: text() },
        ApiError::AmbiguousName {
            name: text(),
            candidates: vec![text()],
        },
        ApiError::AssetExists {
            name: text(),
            version: text(),
        },
        ApiError::NoSuchAsset { name: text() },
        ApiError::NoSuchEnvironment {
            name: text(),
            reason: text(),
        },
        ApiError::BadStatus {
            name: text(),
            status: text(),
            reason: text(),
        },
        ApiError::LimitReached {
            limit: text(),
            max: 1,
        },
        ApiError::NotAllowed { reason: text() },
        ApiError::Unavailable { reason: text() },
        ApiError::InterfaceNotFound { interface: text() },
        ApiError::MethodNotFound { method: text() },
        ApiError::InvalidParameter { parameter: text() },
    ];
    // A new error does not compile here until it stands above.
    for error in &all {
        match error {
            ApiError::InvalidJob { .. }
            | ApiError::NameTaken { .. }
            | ApiError::NoSuchJob { .. }
            | ApiError::AmbiguousName { .. }
            | ApiError::AssetExists { .. }
            | ApiError::NoSuchAsset { .. }
            | ApiError::NoSuchEnvironment { .. }
            | ApiError::BadStatus { .. }
            | ApiError::LimitReached { .. }
            | ApiError::NotAllowed { .. }
            | ApiError::Unavailable { .. }
            | ApiError::InterfaceNotFound { .. }
            | ApiError::MethodNotFound { .. }
            | ApiError::InvalidParameter { .. } => {}
        }
    }
    all
}

fn info() -> Info {
    let text = || "a".to_owned();
    Info {
        vendor: text(),
        product: text(),
        version: text(),
        url: text(),
        interfaces: vec![text()],
    }
}

fn submit(whole: bool) -> Submit {
    let text = |text: &str| whole.then(|| text.to_owned());
    let submission = Submission {
        yaml: "command: true".into(),
        file: text("job.yml"),
        base_path: "/".into(),
        experiment_name: text("trials"),
        overrides: whole.then(|| vec!["limits.timeout=60".parse().unwrap()]),
    };
    Submit {
        jobs: vec![submission],
    }
}

fn submitted() -> Submitted {
    Submitted {
        jobs: vec![SubmittedJob {
            name: "a".into(),
            notes: vec!["b".into()],
        }],
    }
}

fn list(whole: bool) -> List {
    List {
        max_results: whole.then_some(1),
        before: whole.then_some(2),
        statuses: whole.then(|| vec![JobStatus::Running]),
        include_archived: whole.then_some(true),
        archived_only: whole.then_some(true),
    }
}

fn listed(whole: bool) -> Listed {
    let text = || "a".to_owned();
    let summary = JobSummary {
        name: text(),
        display_name: text(),
        experiment_name: text(),
        kind: text(),
        status: JobStatus::Failed,
        created_at: text(),
        started_at: whole.then(text),
        ended_at: whole.then(text),
        exit_code: whole.then_some(1),
        archived: false,
    };
    Listed {
        jobs: vec![summary],
        next_before: whole.then_some(1),
    }
}

fn watch() -> Watch {
    Watch {
        names: vec!["a".into()],
    }
}

fn changed(whole: bool) -> Changed {
    Changed {
        name: "a".into(),
        status: JobStatus::Failed,
        exit_code: whole.then_some(1),
        message: whole.then(|| "b".into()),
        job_path: "/a".into(),
    }
}

fn cancel(whole: bool) -> Cancel {
    Cancel {
        name: "a".into(),
        force: whole.then_some(true),
    }
}

fn canceling() -> Canceling {
    Canceling {
        name: "a".into(),
        status: JobStatus::CancelRequested,
    }
}

fn data(whole: bool) -> Data {
    let text = || "a".to_owned();
    Data {
        id: text(),
        name: text(),
        version: text(),
        kind: text(),
        path: text(),
        description: whole.then(text),
        tags: texts(),
        creation_context: creation_context(),
        archived: false,
        digest: whole.then(text),
        bytes: whole.then_some(1),
        job: whole.then(text),
        output: whole.then(text),
    }
}

fn create_data(whole: bool) -> CreateData {
    let text = || "a".to_owned();
    CreateData {
        name: text(),
        version: whole.then(text),
        kind: text(),
        path: text(),
        description: whole.then(text),
        tags: whole.then(texts),
    }
}

fn listed_environments(whole: bool) -> ListedEnvironments {
    let text = || "a".to_owned();
    let summary = EnvironmentSummary {
        name: text(),
        versions: vec![text()],
        description: whole.then(text),
        backend: text(),
        file: whole.then(text),
    };
    let refusal = EnvironmentRefusal {
        file: text(),
        reason: text(),
    };
    ListedEnvironments {
        environments: vec![summary],
        refused: vec![refusal],
        next_from: whole.then_some(1),
    }
}

fn list_environments(whole: bool) -> ListEnvironments {
    ListEnvironments {
        max_results: whole.then_some(1),
        from: whole.then_some(1),
    }
}

fn show_environment(whole: bool) -> ShowEnvironment {
    let (name, version) = named(whole);
    ShowEnvironment { name, version }
}

fn shown_environment(whole: bool) -> ShownEnvironment {
    let text = || "a".to_owned();
    let texts = || if whole { vec![text()] } else { Vec::new() };
    let environment = EnvironmentDetail {
        name: text(),
        version: text(),
        description: whole.then(text),
        backend: text(),
        file: whole.then(text),
        image: whole.then(text),
        python: whole.then(text),
        requirements: texts(),
        conda_only: texts(),
    };
    ShownEnvironment { environment }
}

fn list_data(whole: bool) -> ListData {
    ListData {
        name: whole.then(|| "a".into()),
        max_results: whole.then_some(1),
        before: whole.then_some(2),
        include_archived: whole.then_some(true),
        archived_only: whole.then_some(true),
    }
}

fn listed_data(whole: bool) -> ListedData {
    ListedData {
        data: vec![data(whole)],
        next_before: whole.then_some(1),
    }
}

fn show_data(whole: bool) -> ShowData {
    let (name, version) = named(whole);
    ShowData { name, version }
}

fn archive_data(whole: bool) -> ArchiveData {
    let (name, version) = named(whole);
    ArchiveData { name, version }
}

fn restore_data(whole: bool) -> RestoreData {
    let (name, version) = named(whole);
    RestoreData { name, version }
}

/// The name of an asset with its version.
fn named(whole: bool) -> (String, Option<String>) {
    ("a".into(), whole.then(|| "1".into()))
}

fn creation_context() -> CreationContext {
    let text = || "a".to_owned();
    CreationContext {
        created_at: text(),
        created_by: text(),
        created_by_type: text(),
        last_modified_at: text(),
    }
}

fn status() -> StatusReply {
    StatusReply {
        version: "1".into(),
        pid: 1,
        started_at: "a".into(),
        paused: false,
        slots: 1,
        slots_used: 0,
        queued: 0,
        running: 0,
        paths: texts(),
        machine: json!({}),
        notes: vec!["a".into()],
    }
}

fn texts() -> BTreeMap<String, String> {
    BTreeMap::from([("a".into(), "b".into())])
}

fn diagnostic(whole: bool) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "a".into(),
        message: "b".into(),
        help: whole.then(|| "c".into()),
        path: "d".into(),
        file: whole.then(|| "e".into()),
        span: Span::default(),
    }
}

fn provenance() -> Provenance {
    Provenance {
        prepared: Some(PrepareReport::default()),
        finalized: Some(FinalizeReport::default()),
        in_place: [("a".into(), "/b".into())].into(),
    }
}

fn job(whole: bool) -> JobView {
    let text = || "a".to_owned();
    let outcome = Outcome::Exited { code: 1 };
    JobView {
        id: text(),
        name: text(),
        kind: text(),
        status: JobStatus::Failed,
        display_name: text(),
        experiment_name: text(),
        description: whole.then(text),
        tags: json!({}),
        properties: json!({}),
        command: text(),
        code: whole.then(text),
        environment: json!({}),
        environment_variables: json!({}),
        compute: whole.then(text),
        resources: whole.then(|| json!({})),
        limits: whole.then(|| json!({})),
        distribution: whole.then(|| json!({})),
        inputs: json!({}),
        outputs: json!({}),
        services: json!({}),
        identity: whole.then(|| json!({})),
        queue_settings: whole.then(|| json!({})),
        parent_job_name: whole.then(text),
        creation_context: creation_context(),
        base_path: "/".into(),
        log_files: texts(),
        parameters: texts(),
        studio_url: text(),
        job_path: "/".into(),
        started_at: whole.then(text),
        ended_at: whole.then(text),
        duration_ms: whole.then_some(1),
        error: outcome.error_document().filter(|_| whole),
        waiting_reason: whole.then(text),
        pruned_at: whole.then(text),
        outcome: whole.then_some(outcome),
        exit_code: whole.then_some(1),
        notes: vec![text()],
        rerun_of: whole.then(text),
        provenance: whole.then(provenance),
        history: vec![Transition {
            status: JobStatus::Failed,
            at: 1,
            reason: whole.then(text),
        }],
        archived: false,
        log_bytes_dropped: 0,
    }
}
