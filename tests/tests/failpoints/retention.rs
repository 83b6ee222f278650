//! A daemon that is killed while it gives folders up: the next one completes it.

use jobd_tests::harness::{DEADLINE, Home, JobFile, wait_until};

use super::programs::{armed, labels};

const NAMES: [&str; 3] = ["one", "two", "three"];

#[test]
fn the_daemon_is_killed_at_each_label_of_retention() {
    for label in labels(|label| label.starts_with("retention.")) {
        let mut home = Home::new();
        home.set_program(armed());
        home.start(&["--slots", "1"]);
        for name in NAMES {
            drop(home.submit(&JobFile::new("true").name(name)));
            assert_eq!(home.wait(name)["status"], "Completed");
        }
        home.kill();
        home.set_env(vec![("JOBD_FAILPOINT".into(), label.clone().into())]);
        // It may die before it has said that it is ready.
        if home.try_start(&["--retention-days", "0"]).is_ok() {
            wait_until(&label, DEADLINE, || home.ended().is_some());
        }
        home.set_env(Vec::new());
        // Without the rule, too: what is marked is carried through.
        home.start(&["--slots", "1"]);
        wait_until("the rest to be deleted", DEADLINE, || {
            NAMES
                .iter()
                .all(|name| !home.job_folder(name).exists() && home.step_folders(name).is_empty())
        });
        for name in NAMES {
            let job = home.show(name);
            assert_eq!(job["status"], "Completed", "{label}: {job}");
            assert!(job["pruned_at"].is_string(), "{label}: {job}");
        }
    }
}
