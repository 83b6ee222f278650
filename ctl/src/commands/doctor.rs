//! `doctor`: what is weaker on this machine, and whether the store is whole. Most of it is seen by
//! `jobd doctor`, which runs beside us; what a client sees of the daemon comes first. Never starts
//! a daemon.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use proto::finding::{self, Finding, Level};
use proto::paths::Paths;

use crate::args::{DoctorArgs, Global};
use crate::ending::Ending;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::output::table::{Column, Table};
use crate::output::{Emit, text};
use crate::socket_health;
use crate::start;

const CHECK: &str = "jobd";
/// What stands before the lines beneath a finding.
const INDENT: &str = "        ";

/// Shows the findings; the ending says whether something is broken.
pub fn run(global: &Global, args: &DoctorArgs) -> Result<Ending, Error> {
    let environment = |name: &str| std::env::var_os(name);
    let cwd = std::env::current_dir().map_err(Error::Cwd)?;
    let own = Paths::resolve(environment, &cwd)?;
    // A socket path that is too long is a finding, not an error.
    let endpoint = Endpoint::named(global, environment)?;
    let (status, mut findings) = socket_health::check(&endpoint);
    let paths = effective(endpoint.socket(), own, status.map(|status| status.paths));
    findings.extend(ask_jobd(&paths));
    args.output.emit(&findings, |_| table(&findings))?;
    Ok(match finding::worst(&findings) {
        Level::Broken => Ending::Broken,
        Level::Ok | Level::Weaker => Ending::Done,
    })
}

/// The paths of the daemon that answers, else those that the environment names.
fn effective(socket: &Path, own: Paths, said: Option<BTreeMap<String, String>>) -> Paths {
    let said = said.unwrap_or_default();
    let path = |name: &str, own: PathBuf| said.get(name).map_or(own, PathBuf::from);
    Paths {
        socket: socket.to_owned(),
        state: path("state", own.state),
        spool: path("spool", own.spool),
        configuration: path("configuration", own.configuration),
    }
}

/// The findings of the daemon's program, or the one that there are none.
fn ask_jobd(paths: &Paths) -> Vec<Finding> {
    let broken = |found: String| {
        let advice = "put jobd, jobd-shim, jobd-stage and jobctl of one release into one folder";
        let means = "no daemon is started, and nothing else could be checked";
        vec![Finding::broken(CHECK, found, means, advice)]
    };
    let Some(program) = start::find() else {
        return broken("jobd is neither beside jobctl nor on PATH".into());
    };
    let place = program.display();
    let asked = Command::new(&program)
        .args(["doctor", "-o", "json"])
        .arg("--socket")
        .arg(&paths.socket)
        .arg("--state")
        .arg(&paths.state)
        .arg("--spool")
        .arg(&paths.spool)
        .arg("--configuration")
        .arg(&paths.configuration)
        .stdin(Stdio::null())
        .output();
    match asked {
        Err(error) => broken(format!("{place} cannot be run: {error}")),
        Ok(output) => read(&output).unwrap_or_else(|complaint| {
            broken(format!("{place} does not say what it found: {complaint}"))
        }),
    }
}

/// What it has printed, or why it is no list of findings.
fn read(output: &Output) -> Result<Vec<Finding>, String> {
    serde_json::from_slice(&output.stdout).map_err(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().next().unwrap_or_default();
        match first {
            "" => format!("{}, {error}", output.status),
            first => first.to_owned(),
        }
    })
}

/// A line a finding; beneath those that are not well, what it means and what to do. Nothing is
/// cut: the end of a line may be what counts.
fn table(findings: &[Finding]) -> String {
    let titles = ["LEVEL", "CHECK", "FOUND"];
    let mut table = Table::new(titles.map(|title| Column::fixed(title, 0)).into());
    for finding in findings {
        table.push(vec![
            finding.level.name().to_owned(),
            finding.check.clone(),
            finding.found.clone(),
        ]);
    }
    let rendered = table.render(None);
    let mut lines = rendered.lines();
    let mut out: String = lines
        .next()
        .map(|title| format!("{title}\n"))
        .unwrap_or_default();
    for (line, finding) in lines.zip(findings) {
        out.push_str(&format!("{line}\n"));
        if finding.level != Level::Ok {
            let (means, advice) = (
                text::in_line(&finding.means),
                text::in_line(&finding.advice),
            );
            out.push_str(&format!("{INDENT}means: {means}\n{INDENT}do: {advice}\n"));
        }
    }
    out + &summary(findings)
}

fn summary(findings: &[Finding]) -> String {
    let count = |level| findings.iter().filter(|f| f.level == level).count();
    match (count(Level::Weaker), count(Level::Broken)) {
        (0, 0) => "all is well\n".into(),
        (weaker, broken) => format!("{weaker} weaker, {broken} broken\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    fn findings() -> Vec<Finding> {
        vec![
            Finding::ok("daemon", "0.1.0 answers"),
            Finding::weaker("disk-space", "900 MiB free", "it gets full", "make room"),
            Finding::broken("store", "damaged:\x1b[2J", "jobs are gone", "jobd recover"),
        ]
    }

    #[test]
    fn the_table() {
        insta::assert_snapshot!(table(&findings()));
        assert!(table(&findings()[..1]).ends_with("all is well\n"));
    }

    #[test]
    fn what_is_no_list_of_findings_is_told_by_its_complaint() {
        let output = |stdout: &str, stderr: &str| Output {
            status: std::process::ExitStatus::from_raw(2 << 8),
            stdout: stdout.into(),
            stderr: stderr.into(),
        };
        let json = serde_json::to_string(&findings()).unwrap();
        assert_eq!(read(&output(&json, "")), Ok(findings()));
        let old = output(
            "",
            "error: unrecognized subcommand 'doctor'\n\nUsage: jobd\n",
        );
        assert_eq!(
            read(&old).unwrap_err(),
            "error: unrecognized subcommand 'doctor'"
        );
        assert!(
            read(&output("{", ""))
                .unwrap_err()
                .contains("exit status: 2")
        );
    }
}
