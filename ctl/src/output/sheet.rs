//! A sheet of keys and values for people, and what a job and a daemon look like on it.

use jiff::tz::TimeZone;
use proto::api::{JobView, StatusReply};
use proto::stage::Progress;
use proto::status::Transition;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::{provenance, text};
use crate::follow::log_path;
use crate::progress::amounts;
use crate::time;

/// Keys with their values, in order.
#[derive(Debug, Default)]
pub struct Sheet {
    entries: Vec<(String, String)>,
}

impl Sheet {
    /// Adds a value of one or more lines; an empty one is left out.
    pub fn add(&mut self, key: &str, value: impl AsRef<str>) {
        let value = value.as_ref().trim_end();
        if !value.is_empty() {
            let safe = text::in_block(value).into_owned();
            self.entries.push((text::in_line(key).into_owned(), safe));
        }
    }

    /// Adds a value where there is one.
    pub fn add_some(&mut self, key: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    /// Adds one line for each entry of an object.
    fn add_object(&mut self, key: &str, value: &Value) {
        let Value::Object(object) = value else {
            return;
        };
        let line = |(name, value): (&String, &Value)| format!("{name}: {}", compact(value));
        let lines: Vec<_> = object.iter().map(line).collect();
        self.add(key, lines.join("\n"));
    }

    /// The text: keys in one column, values in the next.
    pub fn render(&self) -> String {
        let widest = self.entries.iter().map(|(key, _)| key.width()).max();
        let indent = widest.unwrap_or(0) + 2;
        let mut out = String::new();
        for (key, value) in &self.entries {
            let mut label = key.as_str();
            for line in value.lines() {
                let space = " ".repeat(indent - label.width());
                out.push_str(format!("{label}{space}{line}").trim_end());
                out.push('\n');
                label = "";
            }
        }
        out
    }
}

/// A value in one line; a text without quotes.
fn compact(value: &Value) -> String {
    match value {
        Value::String(text) => text::in_line(text).into_owned(),
        other => other.to_string(),
    }
}

/// A job with its history, and with how far its stage has come while one is at work.
pub fn job(job: &JobView, progress: Option<&Progress>, zone: &TimeZone) -> Sheet {
    let mut sheet = Sheet::default();
    sheet.add("Name", &job.name);
    sheet.add("Status", status(job));
    sheet.add_some("Progress", progress.map(told));
    sheet.add_some("Waits because", job.waiting_reason.as_ref());
    if job.display_name != job.name {
        sheet.add("Display name", &job.display_name);
    }
    sheet.add("Experiment", &job.experiment_name);
    sheet.add_some("Description", job.description.as_ref());
    sheet.add("Command", &job.command);
    sheet.add_some("Code", job.code.as_ref());
    sheet.add_some("Compute", job.compute.as_ref());
    add_definition(&mut sheet, job);
    add_times(&mut sheet, job, zone);
    sheet.add_some("Rerun of", job.rerun_of.as_ref());
    if let Some(used) = &job.provenance {
        provenance::add(&mut sheet, used);
    }
    let pruned = job.pruned_at.as_ref();
    sheet.add_some("Pruned", pruned.map(|at| time::moment(at, zone)));
    sheet.add("Folder", job.job_path.display().to_string());
    sheet.add("Log", log_path(job).display().to_string());
    if job.log_bytes_dropped > 0 {
        sheet.add("Log lacks", format!("{} bytes", job.log_bytes_dropped));
    }
    if job.archived {
        sheet.add("Archived", "yes");
    }
    sheet.add("Notes", job.notes.join("\n"));
    sheet.add("History", history(&job.history, zone));
    sheet
}

fn told(progress: &Progress) -> String {
    let amounts = amounts(progress).join(", ");
    let what = text::in_line(&progress.what);
    match amounts.is_empty() {
        true => what.into_owned(),
        false => format!("{what}: {amounts}"),
    }
}

fn status(job: &JobView) -> String {
    match (&job.outcome, job.exit_code) {
        (Some(outcome), _) => format!("{}: the job {}", job.status, outcome.describe()),
        (None, Some(code)) => format!("{}: exit code {code}", job.status),
        (None, None) => job.status.to_string(),
    }
}

fn add_definition(sheet: &mut Sheet, job: &JobView) {
    sheet.add_object("Inputs", &job.inputs);
    sheet.add_object("Outputs", &job.outputs);
    sheet.add_object("Variables", &job.environment_variables);
    for (key, value) in [
        ("Limits", &job.limits),
        ("Resources", &job.resources),
        ("Queue", &job.queue_settings),
    ] {
        if let Some(value) = value {
            sheet.add_object(key, value);
        }
    }
    sheet.add_object("Tags", &job.tags);
    sheet.add_object("Properties", &job.properties);
}

fn add_times(sheet: &mut Sheet, job: &JobView, zone: &TimeZone) {
    let made = &job.creation_context;
    let created = time::moment(&made.created_at, zone);
    sheet.add("Created", format!("{created} by {}", made.created_by));
    let moment = |text: &Option<String>| text.as_ref().map(|text| time::moment(text, zone));
    sheet.add_some("Started", moment(&job.started_at));
    sheet.add_some("Ended", moment(&job.ended_at));
    sheet.add_some("Duration", job.duration_ms.map(time::duration));
}

fn history(transitions: &[Transition], zone: &TimeZone) -> String {
    let line = |transition: &Transition| {
        let at = time::exact_moment(transition.at, zone);
        match &transition.reason {
            Some(reason) => format!("{at}  {:<15}  {reason}", transition.status),
            None => format!("{at}  {}", transition.status),
        }
    };
    let lines: Vec<_> = transitions.iter().map(line).collect();
    lines.join("\n")
}

/// A daemon.
pub fn daemon(status: &StatusReply, zone: &TimeZone) -> Sheet {
    let mut sheet = Sheet::default();
    let since = time::moment(&status.started_at, zone);
    sheet.add(
        "Daemon",
        format!("jobd {}, pid {}, since {since}", status.version, status.pid),
    );
    let queue = if status.paused { "paused" } else { "open" };
    sheet.add("Queue", format!("{queue}, {} waiting", status.queued));
    sheet.add("Running", status.running.to_string());
    let slots = format!("{} of {} taken", status.slots_used, status.slots);
    sheet.add("Slots", slots);
    for (name, path) in &status.paths {
        sheet.add(&capitalized(name), path);
    }
    sheet.add_object("Machine", &status.machine);
    sheet.add("Notes", status.notes.join("\n"));
    sheet
}

fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::outcome::Outcome;
    use proto::status::Status;
    use serde_json::json;

    fn view() -> JobView {
        let view = json!({
            "id": "x", "name": "calm_river", "type": "command", "status": "Failed",
            "display_name": "bad \u{1b}[31m name", "experiment_name": "basics",
            "tags": {"a": "1"}, "properties": {}, "command": "echo one\necho two",
            "environment": "local", "environment_variables": {"V": "x\ny"},
            "limits": {"timeout": 60},
            "inputs": {"lr": 0.5, "data": {"type": "uri_file", "path": "./a"}},
            "outputs": {}, "services": {},
            "creation_context": {"created_at": "2026-07-01T10:00:00Z", "created_by": "ann",
                "created_by_type": "User", "last_modified_at": "2026-07-01T10:00:05Z"},
            "base_path": "/home/ann", "log_files": {}, "parameters": {},
            "studio_url": "http://x", "job_path": "/state/jobs/calm_river",
            "started_at": "2026-07-01T10:00:01Z", "duration_ms": 3210, "exit_code": 3,
            "notes": ["environment has no effect here"],
            "history": [
                {"status": "NotStarted", "at": 1_782_900_000_000_000_i64},
                {"status": "Failed", "at": 1_782_900_004_000_000_i64, "reason": "exited with code 3"}
            ],
            "archived": true, "log_bytes_dropped": 7
        });
        let mut view: JobView = serde_json::from_value(view).unwrap();
        view.outcome = Some(Outcome::Exited { code: 3 });
        view
    }

    #[test]
    fn a_job() {
        let job = view();
        assert_eq!(job.status, Status::Failed);
        insta::assert_snapshot!(super::job(&job, None, &TimeZone::UTC).render());
    }

    #[test]
    fn a_daemon() {
        let status = json!({
            "version": "0.1.0", "pid": 7, "started_at": "2026-07-01T10:00:00Z", "paused": true,
            "slots": 4, "slots_used": 1, "queued": 2, "running": 1,
            "paths": {"socket": "/run/jobd.sock", "state": "/state"},
            "machine": {"cpus": 4, "load": 0.5}, "notes": ["no cgroup v2"]
        });
        let status: StatusReply = serde_json::from_value(status).unwrap();
        insta::assert_snapshot!(daemon(&status, &TimeZone::UTC).render());
    }
}
