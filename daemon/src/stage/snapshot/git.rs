//! Where the code came from, as Azure ML's client records it (azureml.md §1.1, `properties`). Git
//! is asked and has little time; without it, or outside a work tree, there is nothing to say.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::sys::pidfd;

/// For all questions together.
const TIME_MAX: Duration = Duration::from_secs(10);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Always: no helper that stays behind.
const ALWAYS: [&str; 2] = ["-c", "core.fsmonitor=false"];
/// Settings by which the work tree names programs that git would run to compare files.
const FILTERS: [&str; 4] = [
    "config",
    "--name-only",
    "--get-regexp",
    r"^filter\..*\.(clean|process)$",
];
/// The beginnings of variables that let whoever has them into stores and package sources: git asks
/// nobody but the work tree.
const SECRETS: [&str; 6] = ["AWS_", "AZURE_", "GOOGLE_", "GCS_", "PIP_", "UV_"];

/// The properties of a job whose code is in that folder.
pub fn facts(folder: &Path) -> BTreeMap<String, String> {
    let git = Git {
        folder,
        deadline: Instant::now() + TIME_MAX,
    };
    let mut facts = BTreeMap::new();
    if git.ask(&["rev-parse", "--is-inside-work-tree"]).as_deref() != Some("true") {
        return facts;
    }
    let url = git.ask(&["ls-remote", "--get-url"]);
    let url = url.map(|url| without_credentials(&url));
    // To compare files git would run the filters that the code brings along: code that is only to
    // be copied, or run in a container. Then nobody knows whether it was changed.
    let dirty = match git.ask(&FILTERS) {
        Some(_) => None,
        None => git.ask(&["status", "--porcelain", "--ignore-submodules=all", "."]),
    };
    let dirty = dirty.map(|changes| if changes.is_empty() { "False" } else { "True" });
    let found = [
        ("mlflow.source.git.repoURL", url),
        (
            "mlflow.source.git.branch",
            git.ask(&["symbolic-ref", "--short", "HEAD"]),
        ),
        (
            "mlflow.source.git.commit",
            git.ask(&["rev-parse", "--verify", "HEAD"]),
        ),
        ("azureml.git.dirty", dirty.map(str::to_owned)),
    ];
    for (name, value) in found {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.insert(name.to_owned(), value);
        }
    }
    facts
}

/// A URL without what lets people in: for the web everything before `@`, also in the first part
/// of the path, where Azure ML's client looks for tokens, too; for others a password.
pub fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    let slash = if rest.contains('/') { "/" } else { "" };
    let (login, host) = place.rsplit_once('@').unwrap_or(("", place));
    if scheme.ends_with("http") || scheme.ends_with("https") {
        let (first, others) = path.split_at(path.find('/').unwrap_or(path.len()));
        let first = first.rsplit('@').next().unwrap_or_default();
        return format!("{scheme}://{host}{slash}{first}{others}");
    }
    match login.split(':').next().unwrap_or_default() {
        "" => format!("{scheme}://{host}{slash}{path}"),
        user => format!("{scheme}://{user}@{host}{slash}{path}"),
    }
}

struct Git<'a> {
    folder: &'a Path,
    deadline: Instant,
}

impl Git<'_> {
    /// What git prints, without the end of the last line; none if it fails or takes too long.
    fn ask(&self, question: &[&str]) -> Option<String> {
        let mut git = Command::new("git");
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if SECRETS.iter().any(|secret| name.starts_with(secret)) {
                git.env_remove(name.as_ref());
            }
        }
        let mut child = git
            .args(ALWAYS)
            .args(question)
            .current_dir(self.folder)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_ASKPASS", "true")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .ok()?;
        let answer = child.stdout.take().and_then(|stdout| self.listen(stdout));
        let is_whole = answer
            .as_ref()
            .is_some_and(|answer| answer.len() < ANSWER_BYTES_MAX);
        let has_succeeded = if is_whole && self.wait(&child) {
            child.wait().is_ok_and(|status| status.success())
        } else {
            end(&mut child);
            !is_whole
        };
        let text = String::from_utf8_lossy(&answer?).trim_end().to_owned();
        has_succeeded.then_some(text)
    }

    /// Everything up to the end, or as much as is wanted; none when the time is up.
    fn listen(&self, mut stdout: ChildStdout) -> Option<Vec<u8>> {
        let mut answer = Vec::new();
        let mut chunk = [0; 4096];
        while answer.len() < ANSWER_BYTES_MAX && self.is_ready(&stdout) {
            match stdout.read(&mut chunk).ok()? {
                0 => return Some(answer),
                count => answer.extend_from_slice(chunk.get(..count)?),
            }
        }
        (answer.len() >= ANSWER_BYTES_MAX).then_some(answer)
    }

    /// Whether it ends in time.
    fn wait(&self, child: &Child) -> bool {
        let pid = i32::try_from(child.id()).unwrap_or_default();
        pidfd::open_child(pid).is_ok_and(|process| self.is_ready(&process))
    }

    fn is_ready(&self, what: &impl AsFd) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        let mut waiting = [PollFd::new(what.as_fd(), PollFlags::POLLIN)];
        poll(&mut waiting, timeout).is_ok_and(|ready| ready > 0)
    }
}

/// Ends it with all that it started.
fn end(child: &mut Child) {
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    // It is a child that was not waited for, so its group is its own.
    let ended = killpg(group, Signal::SIGKILL);
    if let Err(error) = ended.map_err(Into::into).and_then(|()| child.wait()) {
        eprintln!("note: git did not end: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_left_out() {
        for (url, without) in [
            ("https://host/token@a/b@c.git", "https://host/a/b@c.git"),
            ("https://token@host/a.git", "https://host/a.git"),
            ("https://me:p@ss@host:8080/a", "https://host:8080/a"),
            ("git+https://me:pass@host/a", "git+https://host/a"),
            ("ssh://git:pass@host:22/a", "ssh://git@host:22/a"),
            ("git@host:a/b.git", "git@host:a/b.git"),
            ("/srv/repo", "/srv/repo"),
            ("https://me@host", "https://host"),
            ("file:///srv/a@b", "file:///srv/a@b"),
        ] {
            assert_eq!(without_credentials(url), without);
        }
    }

    #[test]
    fn outside_a_work_tree_there_is_nothing_to_say() {
        assert!(facts(Path::new("/proc")).is_empty());
        assert!(facts(Path::new("/no/such")).is_empty());
    }
}
