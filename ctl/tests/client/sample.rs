//! Jobs for the played daemon.

use std::path::Path;

use proto::api::{Changed, JobSummary, JobView, Submitted, SubmittedJob};
use proto::status::Status;
use serde_json::json;

pub fn summary(name: &str, status: Status) -> JobSummary {
    JobSummary {
        name: name.into(),
        display_name: format!("{name} for people"),
        experiment_name: "basics".into(),
        kind: "command".into(),
        status,
        created_at: "2026-07-01T10:00:00Z".into(),
        started_at: Some("2026-07-01T10:00:01Z".into()),
        ended_at: Some("2026-07-01T10:00:03Z".into()),
        exit_code: Some(0),
        archived: false,
    }
}

pub fn view(name: &str, status: Status, job_path: &Path) -> JobView {
    let view = json!({
        "id": name, "name": name, "type": "command", "status": status,
        "display_name": name, "experiment_name": "basics", "tags": {}, "properties": {},
        "command": "echo hello", "environment": "local", "environment_variables": {},
        "inputs": {}, "outputs": {},
        "services": {"Studio": {"endpoint": "http://localhost/x"}},
        "creation_context": {"created_at": "2026-07-01T10:00:00Z", "created_by": "ann",
            "created_by_type": "User", "last_modified_at": "2026-07-01T10:00:00Z"},
        "base_path": "/", "log_files": {}, "parameters": {}, "studio_url": "http://localhost/x",
        "job_path": job_path, "notes": [], "history": [], "archived": false,
        "log_bytes_dropped": 0
    });
    serde_json::from_value(view).unwrap()
}

pub fn changed(name: &str, status: Status, exit_code: Option<i32>, job_path: &Path) -> Changed {
    Changed {
        name: name.into(),
        status,
        exit_code,
        message: exit_code.map(|code| format!("exited with code {code}")),
        job_path: job_path.into(),
    }
}

pub fn submitted(names: &[&str]) -> Submitted {
    let job = |name: &&str| SubmittedJob {
        name: (*name).into(),
        notes: Vec::new(),
    };
    Submitted {
        jobs: names.iter().map(job).collect(),
    }
}
