//! The interpreter of a virtual environment: the one that is asked for where the machine has it
//! or uv can get it, else the nearest.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::program::{self, Limit};
use super::tools;
use super::version::{Bounds, Version};

/// An interpreter says at once who it is.
const ASK: Duration = Duration::from_secs(30);
/// uv fetches an interpreter.
const FETCH: Duration = Duration::from_secs(600);
/// The second numbers of the versions that are looked for as `python3.N`.
const MINORS: std::ops::RangeInclusive<u32> = 6..=30;
/// What an interpreter is asked.
const WHO: &str = "import os, sys, venv\n\
    print(os.path.realpath(sys.executable), '%d.%d.%d' % sys.version_info[:3])";

/// An interpreter of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Python {
    pub(super) program: PathBuf,
    pub(super) version: Version,
}

/// The best interpreter for what is wanted, within it or not; none where there is no Python.
pub(super) fn find(wanted: Option<&Bounds>, uv: Option<&Path>) -> Option<Python> {
    let on_path = on_path();
    let Some(wanted) = wanted else {
        return on_path.into_iter().next();
    };
    let fits = |python: &&Python| wanted.admit(&python.version);
    if let Some(python) = on_path.iter().find(fits) {
        return Some(python.clone());
    }
    let of_uv = uv.and_then(|uv| of_uv(uv, wanted));
    of_uv.or_else(|| nearest(on_path, wanted))
}

fn nearest(all: Vec<Python>, wanted: &Bounds) -> Option<Python> {
    all.into_iter()
        .min_by_key(|python| python.version.distance(wanted))
}

/// All that answer: the machine's own first, then the newest first.
fn on_path() -> Vec<Python> {
    let numbered = MINORS.rev().map(|minor| format!("python3.{minor}"));
    let names = ["python3".to_owned(), "python".to_owned()]
        .into_iter()
        .chain(numbered);
    let mut all: Vec<Python> = Vec::new();
    for program in names.filter_map(|name| tools::find(&name)) {
        let python = who(&program);
        all.extend(python.filter(|python| !all.contains(python)));
    }
    all
}

/// Nothing for what only looks like an interpreter, such as a version manager's.
fn who(program: &Path) -> Option<Python> {
    let mut command = Command::new(program);
    // Isolated: the working folder is the job's, and nothing there is a module of ours.
    command.args(["-I", "-c", WHO]).env_remove("PYTHONHOME");
    let answer = program::ask(&mut command, "ask an interpreter", Limit::of(ASK)).ok()?;
    let (program, version) = answer.lines().last()?.rsplit_once(' ')?;
    Some(Python {
        program: program.into(),
        version: Version::parse(version)?,
    })
}

/// One that uv has, or fetches where that is allowed.
fn of_uv(uv: &Path, wanted: &Bounds) -> Option<Python> {
    let wanted = wanted.to_string();
    if let Some(python) = uv_has(uv, &wanted) {
        return Some(python);
    }
    let mut command = Command::new(uv);
    command.args(["python", "install", &wanted]);
    let fetched = program::run(&mut command, "uv python install", Limit::of(FETCH)).is_ok();
    fetched.then(|| uv_has(uv, &wanted)).flatten()
}

fn uv_has(uv: &Path, wanted: &str) -> Option<Python> {
    let mut command = Command::new(uv);
    command.args([
        "python",
        "find",
        "--system",
        "--no-python-downloads",
        wanted,
    ]);
    let answer = program::ask(&mut command, "uv python find", Limit::of(ASK)).ok()?;
    // Warnings may stand around it.
    who(Path::new(
        answer.lines().rfind(|line| line.starts_with('/'))?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_the_one_whose_second_number_is() {
        let all = ["3.13.0", "3.11.7", "3.9.18", "3.6.15"].map(|version| Python {
            program: "/python".into(),
            version: Version::parse(version).unwrap(),
        });
        for (wanted, got) in [
            ("==3.8", "3.9.18"),
            ("==3.7.9", "3.6.15"),
            ("==3.12.1", "3.13.0"),
            (">=3.14", "3.13.0"),
        ] {
            let python = nearest(all.to_vec(), &Bounds::parse(wanted).unwrap()).unwrap();
            assert_eq!(python.version.to_string(), got, "{wanted}");
        }
    }
}
