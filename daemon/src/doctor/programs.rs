//! The programs that jobs need: the shim and the stage beside jobd, and a few of the system's.

use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{AccessFlags, access};
use proto::finding::Finding;

use crate::exec;

const SHELL: &str = "/bin/sh";
const VERSION: &str = env!("CARGO_PKG_VERSION");

const ADVICE: &str = "put jobd, jobd-shim, jobd-stage and jobctl of one release into one folder";

/// What a program of ours turned out to be.
enum Program {
    Missing,
    NotExecutable,
    /// It runs, and says its version if it knows how.
    Runs(Option<String>),
}

pub(super) fn check() -> Vec<Finding> {
    let own = std::env::current_exe().unwrap_or_default();
    let ours = [("shim", exec::SHIM), ("stage", exec::STAGE)].map(|(check, name)| {
        let path = own.with_file_name(name);
        judge_program(check, &path, &look_at(&path))
    });
    let tools = judge_tools(is_program(Path::new(SHELL)), exec::shell());
    ours.into_iter().chain([tools]).collect()
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

fn look_at(path: &Path) -> Program {
    if !path.exists() {
        return Program::Missing;
    }
    if !is_program(path) {
        return Program::NotExecutable;
    }
    let asked = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    match asked {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            Program::Runs(said.split_whitespace().nth(1).map(str::to_owned))
        }
        Ok(_) => Program::Runs(None),
        Err(_) => Program::NotExecutable,
    }
}

fn judge_program(check: &'static str, path: &Path, program: &Program) -> Finding {
    let place = path.display();
    let broken =
        |found: String| Finding::broken(check, found, "no daemon or no job starts", ADVICE);
    match program {
        Program::Missing => broken(format!("{place} is missing")),
        Program::NotExecutable => broken(format!("{place} cannot be run")),
        Program::Runs(Some(version)) if version == VERSION => {
            Finding::ok(check, format!("{place}, version {version}"))
        }
        Program::Runs(version) => Finding::weaker(
            check,
            format!(
                "{place} is of version {}, jobd of {VERSION}",
                version.as_deref().unwrap_or("unknown")
            ),
            "a job may lack what only the newer of the two knows",
            ADVICE,
        ),
    }
}

fn judge_tools(has_sh: bool, shell: &str) -> Finding {
    const CHECK: &str = "tools";
    let advice = "install bash";
    if !has_sh {
        let means = "no job starts without bash";
        return Finding::broken(CHECK, format!("there is no {SHELL}"), means, advice);
    }
    if shell == SHELL {
        return Finding::weaker(
            CHECK,
            format!("there is no bash; {SHELL} runs commands"),
            "commands that are written for bash, as in the cloud, may fail",
            advice,
        );
    }
    Finding::ok(CHECK, format!("{SHELL}, {shell}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::finding::Level::{Broken, Ok, Weaker};

    #[test]
    fn a_shim_of_the_same_release_is_wanted() {
        for (shim, level) in [
            (Program::Missing, Broken),
            (Program::NotExecutable, Broken),
            (Program::Runs(None), Weaker),
            (Program::Runs(Some("0.0.0".into())), Weaker),
            (Program::Runs(Some(VERSION.into())), Ok),
        ] {
            let found = judge_program("shim", Path::new("/b/jobd-shim"), &shim);
            assert_eq!(found.level, level);
        }
    }

    #[test]
    fn sh_is_needed_and_bash_is_wanted() {
        assert_eq!(judge_tools(true, "/bin/bash").level, Ok);
        assert_eq!(judge_tools(true, SHELL).level, Weaker);
        assert_eq!(judge_tools(false, "/bin/bash").level, Broken);
    }
}
