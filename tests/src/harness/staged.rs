//! A daemon whose stages do what the test says.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use proto::record::Started;
use proto::record::file::Entry;
use serde_json::{Value, json};

use super::folder::Folder;
use super::home::Home;
use super::programs::program;
use super::steps::record;
use super::wait::{DEADLINE, wait_for, wait_until};

/// Says that it has begun, keeps its order, holds where it is told to, and reports what it is
/// told to. All of that are files of the home.
const STAGE: &str = r#"#!/bin/bash
order=$(cat)
case $order in
*'"stage":"prepare"'*) half=prepare ;;
*) half=finalize ;;
esac
printf %s "$order" > "$HOME/$half.order"
echo begun >> "$HOME/$half.begun"
echo "this is $half"
if [ -e "$HOME/$half.hold" ]; then 'PROBE' hold "$HOME/$half.gate"; fi
cat "$HOME/$half.report" >&3
! grep -q '"failed"' "$HOME/$half.report"
"#;

/// A home whose daemon has such a stage, with the folder of its programs.
#[derive(Debug)]
pub struct Staged {
    /// Where the daemon and its jobs are.
    pub home: Home,
    _programs: Folder,
}

impl Staged {
    /// One that is not started: its stages have nothing to do, and succeed.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new() -> Staged {
        let programs = Folder::new();
        for name in ["jobd", "jobd-shim"] {
            let (from, to) = (program(name), programs.path().join(name));
            if fs::hard_link(&from, &to).is_err() {
                fs::copy(from, to).unwrap();
            }
        }
        let stage = programs.path().join("jobd-stage");
        let probe = program("probe");
        fs::write(&stage, STAGE.replace("PROBE", probe.to_str().unwrap())).unwrap();
        fs::set_permissions(&stage, fs::Permissions::from_mode(0o755)).unwrap();
        let mut home = Home::new();
        home.set_program(&programs.path().join("jobd"));
        let staged = Staged {
            home,
            _programs: programs,
        };
        staged.reports("prepare", &json!({"stage": "prepared"}));
        staged.reports("finalize", &json!({"stage": "finalized"}));
        staged
    }

    /// One with a running daemon.
    #[must_use]
    pub fn running() -> Staged {
        let mut staged = Staged::new();
        staged.home.start(&["--grace-seconds", "1"]);
        staged
    }

    /// A file that says what a half does, or that it leaves.
    #[must_use]
    pub fn file(&self, half: &str, what: &str) -> PathBuf {
        self.home.path().join(format!("{half}.{what}"))
    }

    /// From now on it reports this.
    ///
    /// # Panics
    /// When that cannot be written.
    pub fn reports(&self, half: &str, report: &Value) {
        fs::write(self.file(half, "report"), report.to_string()).unwrap();
    }

    /// From now on it fails.
    pub fn fails(&self, half: &str, field: &str, reason: &str) {
        let failed = json!({"stage": "failed", "field": field, "reason": reason});
        self.reports(half, &failed);
    }

    /// From now on it waits to be let go.
    ///
    /// # Panics
    /// When that cannot be written.
    pub fn holds(&self, half: &str) {
        fs::write(self.file(half, "hold"), "").unwrap();
    }

    /// It goes on.
    ///
    /// # Panics
    /// When that cannot be written.
    pub fn lets_go(&self, half: &str) {
        fs::write(self.file(half, "gate"), "").unwrap();
    }

    /// How often it has begun.
    #[must_use]
    pub fn begun(&self, half: &str) -> usize {
        let text = fs::read_to_string(self.file(half, "begun")).unwrap_or_default();
        text.lines().count()
    }

    /// Waits until it has begun so often.
    pub fn wait_for_begin(&self, half: &str, times: usize) {
        wait_until("the stage to begin", DEADLINE, || self.begun(half) == times);
    }

    /// The last order.
    ///
    /// # Panics
    /// When there was none.
    #[must_use]
    pub fn order(&self, half: &str) -> Value {
        serde_json::from_slice(&fs::read(self.file(half, "order")).unwrap()).unwrap()
    }

    /// The record of the start of a step.
    #[must_use]
    pub fn started(&self, step: &str) -> Started {
        let path = self.home.path().join("state/steps").join(step);
        wait_for(step, || record(&path, Entry::Started))
    }
}

impl Default for Staged {
    fn default() -> Staged {
        Staged::new()
    }
}
