//! The programs that jobs need: the shim beside jobd, and a few of the system's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{AccessFlags, access};
use proto::finding::Finding;

use crate::exec;

const SHELL: &str = "/bin/sh";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the shim turned out to be.
enum Shim {
    Missing,
    NotExecutable,
    /// It runs, and says its version if it knows how.
    Runs(Option<String>),
}

pub(super) fn check() -> Vec<Finding> {
    let own = std::env::current_exe().unwrap_or_default();
    let path = own.with_file_name(exec::SHIM);
    let mut findings = vec![judge_shim(&path, &look_at_shim(&path))];
    let search = std::env::var_os("PATH").unwrap_or_else(|| exec::PATH_DEFAULT.into());
    findings.push(judge_tools(
        is_program(Path::new(SHELL)),
        exec::shell(),
        find("cp", &search),
    ));
    findings
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

fn find(name: &str, search: &OsString) -> Option<PathBuf> {
    let mut found = std::env::split_paths(search).map(|folder| folder.join(name));
    found.find(|path| is_program(path))
}

fn look_at_shim(path: &Path) -> Shim {
    if !path.exists() {
        return Shim::Missing;
    }
    if !is_program(path) {
        return Shim::NotExecutable;
    }
    let asked = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    match asked {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            Shim::Runs(said.split_whitespace().nth(1).map(str::to_owned))
        }
        Ok(_) => Shim::Runs(None),
        Err(_) => Shim::NotExecutable,
    }
}

fn judge_shim(path: &Path, shim: &Shim) -> Finding {
    const CHECK: &str = "shim";
    let place = path.display();
    let broken = |found: String| {
        let advice = "put jobd, jobd-shim and jobctl of one release into one folder";
        Finding::broken(CHECK, found, "no daemon or no job starts", advice)
    };
    match shim {
        Shim::Missing => broken(format!("{place} is missing")),
        Shim::NotExecutable => broken(format!("{place} cannot be run")),
        Shim::Runs(Some(version)) if version == VERSION => {
            Finding::ok(CHECK, format!("{place}, version {version}"))
        }
        Shim::Runs(version) => Finding::weaker(
            CHECK,
            format!(
                "{place} is of version {}, jobd of {VERSION}",
                version.as_deref().unwrap_or("unknown")
            ),
            "a job may lack what only the newer of the two knows",
            "put jobd, jobd-shim and jobctl of one release into one folder",
        ),
    }
}

fn judge_tools(has_sh: bool, shell: &str, cp: Option<PathBuf>) -> Finding {
    const CHECK: &str = "tools";
    let advice = "install bash and coreutils";
    if !has_sh {
        let means = "no job with `code` starts, and none at all without bash";
        return Finding::broken(CHECK, format!("there is no {SHELL}"), means, advice);
    }
    let Some(cp) = cp else {
        let means = "no job with `code` starts: it is copied by it";
        return Finding::broken(CHECK, "there is no cp on PATH", means, advice);
    };
    if shell == SHELL {
        return Finding::weaker(
            CHECK,
            format!("there is no bash; {SHELL} runs commands"),
            "commands that are written for bash, as in the cloud, may fail",
            advice,
        );
    }
    Finding::ok(CHECK, format!("{SHELL}, {shell}, {}", cp.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::finding::Level::{Broken, Ok, Weaker};

    #[test]
    fn a_shim_of_the_same_release_is_wanted() {
        for (shim, level) in [
            (Shim::Missing, Broken),
            (Shim::NotExecutable, Broken),
            (Shim::Runs(None), Weaker),
            (Shim::Runs(Some("0.0.0".into())), Weaker),
            (Shim::Runs(Some(VERSION.into())), Ok),
        ] {
            assert_eq!(judge_shim(Path::new("/b/jobd-shim"), &shim).level, level);
        }
    }

    #[test]
    fn sh_and_cp_are_needed_and_bash_is_wanted() {
        let cp = || Some(PathBuf::from("/bin/cp"));
        assert_eq!(judge_tools(true, "/bin/bash", cp()).level, Ok);
        assert_eq!(judge_tools(true, SHELL, cp()).level, Weaker);
        assert_eq!(judge_tools(true, "/bin/bash", None).level, Broken);
        assert_eq!(judge_tools(false, "/bin/bash", cp()).level, Broken);
    }
}
